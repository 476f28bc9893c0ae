//! Events as lines of the `log` crate.

use log::max_level;

use super::event::{Event, Observer};
use super::level::{Level, OneLine, level_table};

/// Writes each event to the [`log`](mod@log) crate, a line each, with the target `retry_core`.
///
#[doc = level_table!()]
///
/// The line is that of [`Event`]'s `Display`, with a replacement character for each control character and each that ends
/// a line or turns text around, and of an operation's name the first 128 bytes. It is put together only where the level
/// is wanted; while nobody wants any, no clock is read either.
///
/// What is logged to is code of others on the path of the call: put a [`Guarded`](crate::observe::Guarded) around it where a
/// panic there must not end the call, and a [`Queued`](crate::observe::Queued) before it where it may block.
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
        log::log!(target: TARGET, level, "{}", OneLine(event));
    }

    fn is_enabled(&self) -> bool {
        max_level() != log::LevelFilter::Off
    }
}

const TARGET: &str = "retry_core";
