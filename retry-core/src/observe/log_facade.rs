//! Events as lines of the `log` crate.

use log::max_level;

use super::event::{Event, Observer};
use super::level::{Level, level_table};

/// Writes each event to the [`log`](mod@log) crate, one line per event, with the target `retry_core`.
///
#[doc = level_table!()]
///
/// The line is the `Display` of the [`Event`]. U+FFFD replaces control characters, line separators and marks of text
/// direction. An operation's name is cut to 128 bytes. The text of an error is at the end of the line of its attempt,
/// if there is one: see [`Event::text`]. The tags of a [`Tagged`](crate::observe::Tagged) follow the name. A line is made only if its level is enabled. If all levels are off, calls read
/// no clock for events.
///
/// The logger runs on the path of the call. If it may panic, put a [`Guarded`](crate::observe::Guarded) around this
/// observer. If it may block, put a [`Queued`](crate::observe::Queued) before it.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{observe::{Guarded, LogFacade}, Policy};
///
/// static LOG: Guarded<LogFacade> = Guarded::new(LogFacade);
///
/// let read = retry_core::retry(&Policy::DEFAULT).named("config.read").observe(&LOG);
/// let text = read.run_blocking(|| std::fs::read_to_string("Cargo.toml"));
/// assert!(text.is_ok() && LOG.panics() == 0);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LogFacade;

impl Observer for LogFacade {
    fn observe(&self, event: &Event<'_>) {
        let level = match Level::of(event) {
            Level::Error => log::Level::Error,
            Level::Warn => log::Level::Warn,
            Level::Info => log::Level::Info,
            Level::Debug => log::Level::Debug,
            Level::Trace => log::Level::Trace,
        };
        log::log!(target: TARGET, level, "{event}");
    }

    fn is_enabled(&self) -> bool {
        max_level() != log::LevelFilter::Off
    }
}

const TARGET: &str = "retry_core";
