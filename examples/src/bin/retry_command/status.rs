//! How an attempt failed: the exit status of the command, or why it could not run.

use core::convert::Infallible;
use core::fmt;
use core::time::Duration;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::sys::signal::Signal;
use retry_core::{Cause, Class};

use crate::arguments::TIMED_OUT;
use crate::statuses::class_of;

/// A failed attempt.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The command ended with this status.
    Ended(ExitStatus),
    /// The command ended with this status, after a signal that ends the run.
    Stopped(ExitStatus),
    /// The command took longer than the attempt timeout, and was ended.
    TimedOut {
        limit: Duration,
        /// Whether a signal that ends the run had come before.
        stopped: bool,
    },
    /// The command could not be started.
    NotStarted(String, io::Error),
    /// Standard input could not be read, so the command would have got a part of it.
    Input(io::Error),
}

impl Failed {
    /// Returns the exit status that a shell would show: 128 and the number of the signal that ended the command, 127
    /// if there is no such command, and 126 if it cannot be started.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Ended(status) | Self::Stopped(status) => match (status.code(), status.signal()) {
                (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
                (None, signal) => 128 + signal.and_then(|signal| u8::try_from(signal).ok()).unwrap_or(0),
            },
            Self::TimedOut { .. } => TIMED_OUT,
            Self::NotStarted(_, error) if error.kind() == io::ErrorKind::NotFound => 127,
            Self::NotStarted(..) | Self::Input(_) => 126,
        }
    }

    /// Returns the class of the failure.
    pub(crate) fn class(&self, is_curl: bool) -> Class {
        match self {
            Self::Ended(status) | Self::Stopped(status) if is_curl => {
                let code = status.code().and_then(|code| u32::try_from(code).ok());
                code.and_then(Class::of_curl_code).unwrap_or(class_of_curl_or_signal(self.status()))
            }
            // Such as EAGAIN, if the system has too many processes.
            Self::NotStarted(_, error) if self.status() != 127 => {
                error.raw_os_error().and_then(Class::of_os_error).unwrap_or(Class::Permanent)
            }
            _ => class_of(self.status()),
        }
    }

    /// Returns `true` if no attempt may follow, whatever the policy says.
    pub(crate) const fn is_final(&self) -> bool {
        matches!(self, Self::Stopped(_) | Self::TimedOut { stopped: true, .. } | Self::Input(_))
    }
}

/// A code that curl does not explain, such as 22 of an HTTP error, is unknown.
fn class_of_curl_or_signal(status: u8) -> Class {
    if status < 126 { Class::Unknown } else { class_of(status) }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(status) | Self::Stopped(status) => match (status.code(), status.signal()) {
                (None, Some(signal)) => match Signal::try_from(signal) {
                    Ok(signal) => write!(f, "killed by {signal}"),
                    Err(_) => write!(f, "killed by signal {signal}"),
                },
                _ => write!(f, "exit status {}", self.status()),
            },
            // The words of the library, for the total timeout is one of its own.
            Self::TimedOut { limit, .. } => Cause::<Infallible>::TimedOut(*limit).fmt(f),
            Self::NotStarted(program, error) if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "{program}: command not found")
            }
            Self::NotStarted(program, error) => write!(f, "{program}: cannot be started: {error}"),
            Self::Input(error) => write!(f, "cannot read standard input: {error}"),
        }
    }
}
