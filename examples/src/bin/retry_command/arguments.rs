//! The command line: its options, and one clear line if one of them is wrong.

use core::time::Duration;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};
use retry_core::Policy;

use crate::policy::PolicyOptions;
use crate::screen::Volume;
use crate::statuses::{StatusSet, Statuses};

/// What the command line asks for.
pub(crate) enum Task {
    Show(&'static str),
    DryRun(Policy),
    Plot(Policy, PathBuf),
    Run(Arguments),
}

/// A command, and how to run it.
pub(crate) struct Arguments {
    pub(crate) policy: Policy,
    pub(crate) statuses: Statuses,
    /// The command and its arguments. It has at least one element.
    pub(crate) command: Vec<OsString>,
    pub(crate) foreground: bool,
    /// How long after SIGTERM a time limit sends SIGKILL, if it does.
    pub(crate) kill_after: Option<Duration>,
    /// Whether the command gets the standard input.
    pub(crate) stdin: bool,
    pub(crate) volume: Volume,
}

/// Parses the command line. The error is one line for the user.
pub(crate) fn parse(mut parser: Parser) -> Result<Task, String> {
    let mut options = PolicyOptions::default();
    let (mut retry_on, mut fail_on) = (None, StatusSet::default());
    let (mut foreground, mut stdin, mut volume) = (false, true, Volume::Normal);
    let mut kill_after = Some(Duration::from_secs(5));
    let (mut dry_run, mut plot) = (false, None);
    let mut command = Vec::new();

    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let is_long = matches!(argument, Arg::Long(_));
        let name = match argument {
            Arg::Value(program) => {
                command.push(program);
                // What follows belongs to the command, options included.
                command.extend(parser.raw_args().map_err(|error| error.to_string())?);
                break;
            }
            Arg::Short('h') => "help".into(),
            Arg::Short('q') => "quiet".into(),
            Arg::Short('v') => "verbose".into(),
            Arg::Short('V') => "version".into(),
            Arg::Short(letter) => return Err(format!("-{letter}: unknown option, see --help")),
            // Each option is also known with underscores, as in a policy file.
            Arg::Long(name) => name.replace('_', "-"),
        };
        match name.as_str() {
            "help" => return Ok(Task::Show(include_str!("help.txt"))),
            "version" => return Ok(Task::Show(concat!("retry_command ", env!("CARGO_PKG_VERSION"), "\n"))),
            "quiet" => volume = Volume::Quiet,
            "verbose" => volume = Volume::Verbose,
            "foreground" => foreground = true,
            "no-stdin" => stdin = false,
            "dry-run" => dry_run = true,
            "plot" => plot = Some(svg_file(value(&mut parser, &name)?)?),
            "policy" => options.read_file(PathBuf::from(value(&mut parser, &name)?))?,
            "kill-after" => {
                let value = text(&mut parser, &name)?;
                kill_after = PolicyOptions::duration("kill-after", &value)?;
            }
            "retry-on" => retry_on = Some(statuses(&mut parser, &name)?),
            "fail-on" => fail_on = statuses(&mut parser, &name)?,
            other => {
                if let Some(meant) = similar(other) {
                    return Err(format!("--{other}: unknown option, did you mean --{meant}?"));
                }
                PolicyOptions::check_key(other)?;
                let value = text(&mut parser, other)?;
                options.set(other, &value);
            }
        }
        // Such as `--quiet=1`: the option takes no value. What follows a short one is the next one, as in `-qv`.
        if is_long && let Some(value) = parser.optional_value() {
            return Err(format!("--{name}: takes no value, but has {}", value.display()));
        }
    }

    let policy = options.policy()?;
    let is_curl =
        command.first().is_some_and(|program| PathBuf::from(program).file_name() == Some(OsStr::new("curl")));
    let statuses = Statuses { retry_on, fail_on, is_curl };
    if let Some(path) = plot {
        return Ok(Task::Plot(policy, path));
    }
    if dry_run {
        return Ok(Task::DryRun(policy));
    }
    if command.is_empty() {
        return Err("there is no command to run, see --help".into());
    }
    Ok(Task::Run(Arguments { policy, statuses, command, foreground, kill_after, stdin, volume }))
}

/// Returns the value of the option `name`, such as the text after `--plot=`.
fn value(parser: &mut Parser, name: &str) -> Result<OsString, String> {
    parser.value().map_err(|_| format!("--{name}: needs a value, see --help"))
}

/// Returns the file for the plot. One that is named as another kind of picture would be none.
fn svg_file(name: OsString) -> Result<PathBuf, String> {
    let path = PathBuf::from(name);
    let is_svg = path.extension().is_none_or(|extension| extension.eq_ignore_ascii_case("svg"));
    if path.as_os_str() == "-" || !is_svg {
        return Err(format!(
            "--plot {}: must be the name of an SVG file, such as delays.svg",
            path.display()
        ));
    }
    Ok(path)
}

fn text(parser: &mut Parser, name: &str) -> Result<String, String> {
    value(parser, name)?.into_string().map_err(|value| format!("--{name} {}: is not UTF-8", value.display()))
}

fn statuses(parser: &mut Parser, name: &str) -> Result<StatusSet, String> {
    let value = text(parser, name)?;
    StatusSet::parse(&value).map_err(|error| format!("--{name} {value}: {error}"))
}

/// Returns the option of this program that `name` is probably meant to be. The policy knows its own names.
fn similar(name: &str) -> Option<&'static str> {
    let by_distance = OPTIONS.into_iter().map(|option| (strsim::damerau_levenshtein(name, option), option));
    let (distance, option) = by_distance.min()?;
    (distance <= 2 && distance < option.len() / 2).then_some(option)
}

/// The options that are not keys of a policy.
const OPTIONS: [&str; 11] = [
    "help",
    "version",
    "quiet",
    "verbose",
    "foreground",
    "no-stdin",
    "dry-run",
    "plot",
    "policy",
    "kill-after",
    "fail-on",
];

/// The exit status of an attempt that a time limit has ended, as of `timeout` of the GNU coreutils.
pub(crate) const TIMED_OUT: u8 = 124;
