//! What the user sees: lines on standard error, and on a terminal a progress line during each delay.

use core::cell::RefCell;
use core::fmt;
use core::time::Duration;
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use nix::sys::signal::Signal;
use retry_core::dead_letter::Reason;
use retry_core::observe::{Event, EventKind};
use retry_core::{Class, Error, GiveUp, Policy, Verdict};

use crate::status::Failed;

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) enum Volume {
    Quiet,
    Normal,
    Verbose,
}

/// Standard error.
pub(crate) struct Screen {
    volume: Volume,
    is_terminal: bool,
    /// The progress line, during a delay.
    delay: RefCell<Option<ProgressBar>>,
}

impl Screen {
    pub(crate) fn new(volume: Volume) -> Self {
        Self { volume, is_terminal: io::stderr().is_terminal(), delay: RefCell::new(None) }
    }

    /// Prints the policy.
    pub(crate) fn begins(&self, policy: &Policy) {
        self.print(Volume::Verbose, format_args!("policy: {policy}"));
    }

    /// Prints an event of the call. The end of the call has a line of its own.
    pub(crate) fn show(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Started => {
                self.clear();
                self.print(Volume::Verbose, format_args!("attempt {} starts", event.attempt));
            }
            EventKind::Failed { failure, verdict: Verdict::Retry(delay), outlook } => {
                let attempt = Attempt(event.attempt, outlook.max_attempts);
                let delayed = Spoken(delay);
                let class = self.class(Some(failure.class));
                // The runner ends a command that takes too long, so each failure before the last has a text.
                let cause = event.text.map(|text| text.to_string()).unwrap_or_default();
                self.print(Volume::Normal, format_args!("{attempt}: {cause}{class}; retry in {delayed}"));
                self.wait(Attempt(event.attempt + 1, outlook.max_attempts), delay);
            }
            EventKind::Succeeded => {
                self.print(Volume::Verbose, format_args!("attempt {} succeeded", event.attempt));
            }
            _ => {}
        }
    }

    /// Prints how a failed call ended.
    pub(crate) fn ends(&self, ended: &Result<(), Error<Failed>>, signal: Option<Signal>) {
        self.clear();
        let error = match ended {
            Ok(()) => return,
            Err(error) => error,
        };
        let reason = match (error.reason(), signal) {
            (_, Some(signal)) => format!("stopped by {signal}"),
            (Reason::GaveUp(reason), None) => why(reason),
            (reason, None) => reason.to_string(),
        };
        let Some(cause) = error.cause() else {
            return self.print(Volume::Normal, format_args!("{reason}"));
        };
        let attempt = Attempt(error.attempts(), error.context().max_attempts);
        let class = self.class(error.class());
        match error.elapsed() {
            Some(took) => {
                self.print(
                    Volume::Normal,
                    format_args!("{attempt}: {cause}{class}; {reason}, after {}", Spoken(took)),
                );
            }
            None => self.print(Volume::Normal, format_args!("{attempt}: {cause}{class}; {reason}")),
        }
    }

    /// Returns the class of a failure as it stands after its text, if it is to be printed.
    fn class(&self, class: Option<Class>) -> String {
        match class {
            Some(class) if self.volume == Volume::Verbose => format!(" ({class})"),
            _ => String::new(),
        }
    }

    /// Shows the progress line of a delay before this attempt.
    fn wait(&self, next: Attempt, delay: Duration) {
        if !self.is_terminal || self.volume == Volume::Quiet {
            return;
        }
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let left = move |state: &ProgressState, f: &mut dyn fmt::Write| {
            let left = delay.saturating_sub(state.elapsed());
            let _ = write!(f, "{}", Spoken(left));
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} in {left}") {
            line.set_style(style.with_key("left", left));
        }
        line.set_message(next.to_string());
        line.enable_steady_tick(Duration::from_millis(100));
        *self.delay.borrow_mut() = Some(line);
    }

    /// Removes the progress line.
    fn clear(&self) {
        if let Some(line) = self.delay.take() {
            line.finish_and_clear();
        }
    }

    fn print(&self, volume: Volume, line: fmt::Arguments<'_>) {
        if volume <= self.volume {
            say(line);
        }
    }
}

/// Says why a run ends, in the words of the options.
pub(crate) fn why(reason: GiveUp) -> String {
    match reason {
        GiveUp::Class => "not retried".into(),
        GiveUp::StartWithin => "the next attempt would start too late, see --start-within".into(),
        GiveUp::TotalTimeout => "the total timeout leaves no time for another attempt".into(),
        reason => reason.to_string(),
    }
}

/// Writes a line to standard error. If that is closed or full, the run goes on without it.
pub(crate) fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "retry_command: {line}");
}

/// The number of an attempt, and the most attempts.
struct Attempt(u32, u32);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(number, u32::MAX) => write!(f, "attempt {number}"),
            Self(number, most) => write!(f, "attempt {number} of {most}"),
        }
    }
}

/// A duration in a short form, rounded down: `87 ms`, `1.5 s`, `4 min 10 s`.
pub(crate) struct Spoken(pub(crate) Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.as_secs(), self.0.subsec_millis()) {
            (0, millis) => write!(f, "{millis} ms"),
            (seconds @ 1..60, millis) => write!(f, "{seconds}.{} s", millis / 100),
            (seconds, _) => write!(f, "{} min {} s", seconds / 60, seconds % 60),
        }
    }
}
