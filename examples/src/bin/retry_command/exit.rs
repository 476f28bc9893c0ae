//! How this program ends: with the exit status of the last attempt, or by the signal that ended the run.

use std::process::ExitCode;

use nix::sys::signal::Signal;
use retry_core::{Cause, Error};

use crate::arguments::TIMED_OUT;
use crate::status::Failed;

/// How this program ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Exit {
    Code(u8),
    By(Signal),
}

impl Exit {
    /// Returns how the program ends after this result, and this signal.
    pub(crate) fn of(ended: Result<(), Error<Failed>>, signal: Option<Signal>) -> Self {
        let error = match ended.map(Some).or_else(Error::none_if_ignored) {
            Ok(_) => return Self::Code(0),
            Err(error) => error,
        };
        // A signal during a delay, or before the first attempt.
        if let (true, Some(signal)) = (error.is_cancelled(), signal) {
            return Self::By(signal);
        }
        match (error.cause(), signal) {
            (Some(Cause::Failed(failed @ Failed::Stopped(_))), Some(signal))
                if failed.status() == 128 + signal as u8 =>
            {
                Self::By(signal)
            }
            (Some(Cause::Failed(failed)), _) => Self::Code(failed.status()),
            (Some(Cause::TimedOut(_)), _) => Self::Code(TIMED_OUT),
            _ => Self::Code(OWN_ERROR),
        }
    }

    /// Ends the program. A shell ends its script if a command dies of SIGINT, and goes on after exit status 130.
    pub(crate) fn leave(self) -> ExitCode {
        match self {
            Self::Code(code) => code.into(),
            Self::By(signal) => {
                let _ = signal_hook::low_level::emulate_default_handler(signal as i32);
                (128 + signal as u8).into()
            }
        }
    }
}

/// The exit status if this program itself fails, as of `timeout`, `env` and `nice`.
pub(crate) const OWN_ERROR: u8 = 125;
