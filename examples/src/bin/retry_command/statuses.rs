//! Which exit statuses are retried: by the lists of the user, or else by their classes.

use std::str::FromStr;

use nix::sys::signal::Signal;
use retry_core::{Class, Failure, Recovery, Rule};

use crate::status::Failed;

/// What the user has said about exit statuses.
#[derive(Debug)]
pub(crate) struct Statuses {
    /// The only statuses that are retried, if there is such a list.
    pub(crate) retry_on: Option<StatusSet>,
    /// The statuses that are never retried.
    pub(crate) fail_on: StatusSet,
    /// Whether the statuses are those of curl.
    pub(crate) is_curl: bool,
}

impl Statuses {
    /// Returns the class of a failed attempt, and whether a list decides about it.
    pub(crate) fn failure(&self, failed: &Failed) -> Failure {
        const RETRY: Rule = Rule::ANY.recovery(Recovery::RetryWithBackoff);

        let failure = Failure::new(failed.class(self.is_curl));
        if failed.is_final() {
            return failure.not_retried();
        }
        match self.is_retried(failed.status()) {
            Some(true) => failure.under(&RETRY),
            Some(false) => failure.not_retried(),
            None => failure,
        }
    }

    /// Returns what the lists say about a status; `None` if its class decides.
    pub(crate) fn is_retried(&self, status: u8) -> Option<bool> {
        if self.fail_on.contains(status) {
            return Some(false);
        }
        self.retry_on.as_ref().map(|only| only.contains(status))
    }
}

/// Returns the class of an exit status by `sysexits.h` of BSD, the shell's 126 and 127, and 124 of `timeout`.
pub(crate) fn class_of(status: u8) -> Class {
    match status {
        64 | 65 => Class::Validation,     // EX_USAGE, EX_DATAERR
        66 | 67 => Class::NotFound,       // EX_NOINPUT, EX_NOUSER
        68 | 69 | 76 => Class::Network,   // EX_NOHOST, EX_UNAVAILABLE, EX_PROTOCOL
        70 => Class::Server,              // EX_SOFTWARE
        71 | 74 | 75 => Class::Transient, // EX_OSERR, EX_IOERR, EX_TEMPFAIL
        72 | 73 | 78 => Class::Permanent, // EX_OSFILE, EX_CANTCREAT, EX_CONFIG
        77 | 126 => Class::Client,        // EX_NOPERM; the command may not be executed
        124 => Class::Timeout,
        127 => Class::NotFound,
        128.. => of_signal(status - 128),
        _ => Class::Unknown,
    }
}

/// Returns the class of a command that a signal has ended.
fn of_signal(signal: u8) -> Class {
    match Signal::try_from(i32::from(signal)) {
        // A system ends commands by these when it runs out of memory or shuts down.
        Ok(Signal::SIGHUP | Signal::SIGKILL | Signal::SIGTERM) => Class::Transient,
        // The user has ended the command, or the program that reads its output has ended.
        Ok(Signal::SIGINT | Signal::SIGQUIT | Signal::SIGPIPE) => Class::Permanent,
        _ => Class::Unknown,
    }
}

/// A set of exit statuses.
#[derive(Debug, Default)]
pub(crate) struct StatusSet(Vec<(u8, u8)>);

impl StatusSet {
    /// Parses a list such as `1,75-77,SIGKILL`. A signal stands for 128 and its number.
    pub(crate) fn parse(list: &str) -> Result<Self, String> {
        list.split(',').map(|part| range(part.trim())).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn contains(&self, status: u8) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

fn range(part: &str) -> Result<(u8, u8), String> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let (first, last) = (status(first.trim())?, status(last.trim())?);
    if first > last {
        return Err(format!("{part} is an empty range, did you mean {last}-{first}?"));
    }
    Ok((first, last))
}

fn status(text: &str) -> Result<u8, String> {
    let upper = text.to_ascii_uppercase();
    let signal = Signal::from_str(&upper).or_else(|_| Signal::from_str(&format!("SIG{upper}")));
    if let Ok(signal) = signal {
        return Ok(128 + signal as u8);
    }
    match text.parse() {
        Ok(0) => Err("0 is success, which is not retried".into()),
        Ok(status) => Ok(status),
        Err(_) => Err(format!("`{text}` must be an exit status from 1 to 255, or a signal such as SIGKILL")),
    }
}
