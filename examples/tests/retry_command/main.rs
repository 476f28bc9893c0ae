//! The program `retry_command`, run as a process, with real commands.

mod bad_options;
mod files;
mod input;
mod screens;
mod signals;
mod statuses;
mod time_limits;

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

/// The program. Signals that this process was started to ignore, as a background job of a script, have their default
/// effect again, because the program would go on ignoring them.
fn program() -> Command {
    let program = env!("CARGO_BIN_EXE_retry_command");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    let ignored = u64::from_str_radix(ignored.trim(), 16).unwrap_or(0);
    if ignored & 0b100_0000_0000_0111 == 0 {
        return Command::new(program); // HUP, INT, QUIT and TERM, which are 1, 2, 3 and 15
    }
    let mut env = Command::new("env");
    env.args(["--default-signal=HUP,INT,QUIT,TERM", program]);
    env
}

/// The program with these options, which are separated by blanks, and with this script for the shell. Its delays are
/// short unless an option says otherwise.
fn retry(options: &str, script: &str) -> Command {
    let mut program = program();
    program.args(["--base-delay", "1ms"]).args(options.split_whitespace()).args(["--", "sh", "-c", script]);
    program.stdin(Stdio::null());
    program
}

/// How the program ended, and what it printed.
struct Ended {
    status: ExitStatus,
    out: String,
    err: String,
}

impl Ended {
    fn of(program: &mut Command) -> Self {
        let output = program.output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("the output is text");
        Self { status: output.status, out: text(output.stdout), err: text(output.stderr) }
    }

    /// The lines of standard error.
    fn lines(&self) -> Vec<&str> {
        self.err.lines().collect()
    }
}

/// The program while it runs.
struct Running {
    process: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Running {
    fn start(program: &mut Command) -> Self {
        let mut process =
            program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let out = BufReader::new(process.stdout.take().expect("piped"));
        let err = BufReader::new(process.stderr.take().expect("piped"));
        Self { process, out, err }
    }

    /// Waits for a line on standard output that ends in `end`, and returns the text before.
    fn prints(&mut self, end: &str) -> String {
        line_with(&mut self.out, end)
    }

    /// Waits for a line on standard error that ends in `end`.
    fn says(&mut self, end: &str) -> String {
        line_with(&mut self.err, end)
    }

    fn signal(&self, name: &str) {
        send(name, &self.process.id().to_string());
    }

    /// Waits for the end, and returns the exit status as a shell shows it, and the rest of the output.
    fn ends(mut self) -> (i32, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("the output is text");
        let status = self.process.wait().expect("the program ends");
        (status.code().unwrap_or_else(|| -status.signal().expect("a code or a signal")), rest)
    }
}

fn line_with(from: &mut impl BufRead, end: &str) -> String {
    let mut read = String::new();
    loop {
        let start = read.len();
        let length = from.read_line(&mut read).expect("the output is text");
        assert_ne!(length, 0, "ended before a line that ends in `{end}`: {read}");
        if let Some(before) = read[start..].trim_end().strip_suffix(end) {
            return before.to_owned();
        }
    }
}

fn send(signal: &str, process: &str) {
    assert!(Command::new("kill").args([signal, process]).status().expect("kill starts").success());
}
