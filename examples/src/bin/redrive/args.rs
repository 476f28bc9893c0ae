//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use retry_core::dead_letter::{LetterId, Reason, ReasonSet, StoredLetter};
use serde_json::value::RawValue;

use crate::replay::IDEMPOTENCY_KEY;

pub(crate) const HELP: &str = "\
Looks at the dead letters of a file, and delivers them again.

Usage: redrive FILE [COMMAND] [OPTIONS]

FILE is a file of a JsonLinesSink, one dead letter per line.

Commands:
  list      Prints the letters, and which lines are damaged (default)
  replay    Sends the payload of each letter by POST to a URL, through a circuit and a retry budget. A letter that was
            delivered leaves the file, and one that failed stays and counts as put back
  park      Moves letters to another file of dead letters
  export    Copies letters to another file of dead letters

Options of replay:
  --to URL              Where to send the payloads, such as http://localhost:8080/orders. Each one has an
                        Idempotency-Key, so that the receiver can recognise a duplicate: the idempotency-key of the
                        letter's metadata, which the failed call has sent; without one, the letter's id. Only http:
                        this program is built without TLS
  --header NAME:VALUE   Another header of each request; may be repeated
  --patience SECONDS    How long to wait for an open circuit before the run stops (default: 60)

Options of park and export:
  --out FILE            The other file. New letters are added at its end

Which letters (all of these must apply; default: all letters):
  --operation NAME      Letters of this operation
  --key KEY             Letters with this key
  --reason REASON       Letters of calls that ended for this reason, such as attempts or rejected
  --id ID               The letter with this id
  --limit NUMBER        At most this many letters, from the oldest

General:
  --dry-run             Shows what replay, park or export would do, and changes nothing
  -h, --help            Prints this text

Ctrl-C ends a replay at once: letters that were not delivered are in FILE again. If the program is killed, they are in
FILE.taken, and the next run goes on there. Damaged lines are moved to FILE.damaged. A file that another
program has open is refused: let that program rotate it first.

Exit status: 0 if all chosen letters were handled, 1 if some were not, 2 if the options are wrong.
";

/// What to do, and with which letters.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) file: PathBuf,
    pub(crate) command: Command,
    pub(crate) filter: Filter,
    pub(crate) dry_run: bool,
}

#[derive(Debug)]
pub(crate) enum Command {
    Help,
    List,
    Replay { to: Url, headers: Vec<(HeaderName, HeaderValue)>, patience: Duration },
    Park { out: PathBuf },
    Export { out: PathBuf },
}

/// Which letters are chosen.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    operation: Option<String>,
    key: Option<String>,
    reason: Option<Reason>,
    id: Option<LetterId>,
    pub(crate) limit: Option<u64>,
}

impl Filter {
    pub(crate) fn chooses(&self, stored: &StoredLetter<Box<RawValue>>) -> bool {
        let letter = &stored.letter;
        self.operation.as_ref().is_none_or(|name| *name == stored.operation)
            && self.key.as_ref().is_none_or(|key| retry_core::Key::new(key) == letter.key)
            && self.reason.is_none_or(|reason| reason == letter.reason)
            && self.id.is_none_or(|id| id == letter.id)
    }
}

/// The options, for suggestions.
const OPTIONS: [&str; 11] =
    ["to", "header", "patience", "out", "operation", "key", "reason", "id", "limit", "dry-run", "help"];
const COMMANDS: [&str; 4] = ["list", "replay", "park", "export"];

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Args, String> {
    let mut parser = lexopt::Parser::from_args(args);
    let (mut file, mut command) = (None, None);
    let (mut to, mut headers, mut patience, mut out) = (None, Vec::new(), None, None);
    let mut filter = Filter::default();
    let mut dry_run = false;
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Long("to") => to = Some(url(&value(&mut parser, "--to")?)?),
            Long("header") => headers.push(header(&value(&mut parser, "--header")?)?),
            Long("patience") => {
                patience =
                    Some(Duration::from_secs(number(&value(&mut parser, "--patience")?, "--patience", 0)?));
            }
            Long("out") => out = Some(PathBuf::from(parser.value().map_err(text)?)),
            Long("operation") => filter.operation = Some(value(&mut parser, "--operation")?),
            Long("key") => filter.key = Some(value(&mut parser, "--key")?),
            Long("reason") => filter.reason = Some(reason(&value(&mut parser, "--reason")?)?),
            Long("id") => {
                let id = value(&mut parser, "--id")?;
                filter.id = Some(id.parse().map_err(|error| format!("--id {id:?}: {error}"))?);
            }
            Long("limit") => filter.limit = Some(number(&value(&mut parser, "--limit")?, "--limit", 1)?),
            Long("dry-run") => dry_run = true,
            Long("help") | Short('h') => {
                return Ok(Args { file: PathBuf::new(), command: Command::Help, filter, dry_run });
            }
            Long(other) => return Err(unknown("option", "--", other, &OPTIONS)),
            Short(other) => return Err(format!("unknown option -{}", other.escape_debug())),
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            Value(name) if command.is_none() => command = Some(name.string().map_err(text)?),
            Value(more) => return Err(format!("unexpected argument {more:?} after the command")),
        }
    }
    let file = file.ok_or("no FILE is given")?;
    let given =
        [("--to", to.is_some()), ("--header", !headers.is_empty()), ("--patience", patience.is_some())];
    let name = command.as_deref().unwrap_or("list");
    if let Some((option, _)) = given.iter().find(|(_, given)| *given && name != "replay") {
        return Err(format!("{option} is an option of replay, and the command is {name}"));
    }
    if out.is_some() && !matches!(name, "park" | "export") {
        return Err(format!("--out is an option of park and export, and the command is {name}"));
    }
    if dry_run && name == "list" {
        return Err("--dry-run is an option of replay, park and export, and the command is list".to_owned());
    }
    let other_file = |out: Option<PathBuf>| {
        let out = out.ok_or_else(|| format!("{name} needs --out FILE"))?;
        let same = out == file
            || out.canonicalize().is_ok_and(|out| file.canonicalize().is_ok_and(|file| file == out));
        if same { Err("--out is the FILE itself".to_owned()) } else { Ok(out) }
    };
    let command = match name {
        "list" => Command::List,
        "replay" => Command::Replay {
            to: to.ok_or("replay needs --to URL")?,
            headers,
            patience: patience.unwrap_or(Duration::from_secs(60)),
        },
        "park" => Command::Park { out: other_file(out)? },
        "export" => Command::Export { out: other_file(out)? },
        other => return Err(unknown("command", "", other, &COMMANDS)),
    };
    Ok(Args { file, command, filter, dry_run })
}

fn value(parser: &mut lexopt::Parser, option: &str) -> Result<String, String> {
    let value = parser.value().map_err(|_| format!("{option} needs a value"))?;
    value.into_string().map_err(|value| format!("{option} {value:?}: not UTF-8"))
}

fn text(error: lexopt::Error) -> String {
    error.to_string()
}

fn number(text: &str, option: &str, least: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| format!("{option} {text:?}: must be a whole number from {least}"))
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("--to {text:?}: {error}"))?;
    match url.scheme() {
        "http" => Ok(url),
        other => Err(format!("--to {text:?}: the scheme must be http, not {other}")),
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    // The value may be confidential, so it is not shown.
    let (name, value) = text.split_once(':').ok_or("--header: must be NAME:VALUE")?;
    let name: HeaderName =
        name.parse().map_err(|_| format!("--header {name:?}: not the name of a header"))?;
    if name == IDEMPOTENCY_KEY {
        return Err("--header idempotency-key: each letter has its own".to_owned());
    }
    let value = value.trim().parse().map_err(|_| format!("--header {name}: not a value of a header"))?;
    Ok((name, value))
}

fn reason(text: &str) -> Result<Reason, String> {
    ReasonSet::ALL.iter().find(|reason| reason.name() == text).ok_or_else(|| {
        let names: Vec<_> = ReasonSet::ALL.iter().map(Reason::name).collect();
        format!("--reason {text:?}: must be one of {}", names.join(", "))
    })
}

/// Makes the error for an unknown word, with the known one that is most like it.
fn unknown(what: &str, before: &str, word: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|known| (distance(word, known), known)).min();
    let word = format!("{before}{word}");
    match nearest {
        Some((0..=2, known)) => format!("unknown {what} {word:?}: did you mean {before}{known}?"),
        _ => format!("unknown {what} {word:?}"),
    }
}

/// The number of characters to insert, remove or replace: the Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<_> = b.chars().collect();
    let mut row: Vec<_> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
