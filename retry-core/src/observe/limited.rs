//! A log that gets only the events of some levels.

use super::event::{Event, Observer};
use super::level::Level;
use crate::log_level::{LogLevel, LogThreshold};

/// An observer that gets only the events up to a level: made by [`LogThreshold::limit`].
#[derive(Clone, Copy, Debug)]
pub struct LimitedLog<'a, O> {
    threshold: &'a LogThreshold,
    observer: O,
}

impl LogThreshold {
    /// Puts this threshold before an observer that logs, such as `LogFacade`, `TracingLog` or `DefmtLog`.
    ///
    #[doc = super::level::level_table!()]
    ///
    /// At [`LogLevel::Off`], calls read no clock for events.
    pub const fn limit<O: Observer>(&self, observer: O) -> LimitedLog<'_, O> {
        LimitedLog { threshold: self, observer }
    }
}

impl<O: Observer> Observer for LimitedLog<'_, O> {
    fn observe(&self, event: &Event<'_>) {
        let level = match Level::of(event) {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warn,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::Debug,
            Level::Trace => LogLevel::Trace,
        };
        if level <= self.threshold.level() {
            self.observer.observe(event);
        }
    }

    fn is_enabled(&self) -> bool {
        self.threshold.level() != LogLevel::Off && self.observer.is_enabled()
    }
}
