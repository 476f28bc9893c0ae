//! Which events a log gets.

use core::fmt;
use core::sync::atomic::{AtomicU8, Ordering};

/// The least important level of events that a log gets, such as that of a configuration file.
///
/// Each level includes those before it. The program's logger has a level of its own, too, and drops what is below it.
///
/// ```
/// use retry_core::observe::LogLevel;
///
/// assert!(LogLevel::Warn < LogLevel::Info);
/// assert_eq!(LogLevel::default(), LogLevel::Trace); // only the logger decides
/// assert_eq!(LogLevel::Info.to_string(), "info");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LogLevel {
    /// No event is logged.
    Off,
    /// A dead letter was lost.
    Error,
    /// A call failed, or a circuit opened.
    Warn,
    /// An attempt is retried, a circuit recovers, or a dead letter was kept.
    Info,
    /// A success after a retry, and the ends of calls.
    Debug,
    /// All events.
    #[default]
    Trace,
}

impl LogLevel {
    /// All levels, from the one with the fewest events.
    pub const ALL: [Self; 6] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Returns the name in lower case, such as `warn`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Writes the name.
impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A [`LogLevel`] that can be changed while calls are under way. It is usually a `static`, or that of an
/// [`Operation`](crate::pool::Operation::log_threshold).
///
/// `limit` puts it before an observer that logs:
///
/// ```
/// # #[cfg(all(feature = "log", feature = "std"))] {
/// use retry_core::{observe::{LogFacade, LogLevel, LogThreshold}, Policy};
///
/// static LEVEL: LogThreshold = LogThreshold::new(LogLevel::Warn);
///
/// let read = retry_core::retry(&Policy::DEFAULT).named("config.read").observe(LEVEL.limit(LogFacade));
/// let text = read.run_blocking(|| std::fs::read_to_string("Cargo.toml"));
/// assert!(text.is_ok());
///
/// LEVEL.set(LogLevel::Info); // from now on, retries are logged, too
/// assert_eq!(LEVEL.level(), LogLevel::Info);
/// # }
/// ```
pub struct LogThreshold(AtomicU8);

impl LogThreshold {
    /// Makes a threshold with this level.
    #[must_use]
    pub const fn new(level: LogLevel) -> Self {
        Self(AtomicU8::new(level as u8))
    }

    /// Returns the level.
    pub fn level(&self) -> LogLevel {
        let level = self.0.load(Ordering::Relaxed);
        LogLevel::ALL.into_iter().find(|it| *it as u8 == level).unwrap_or_default()
    }

    /// Sets the level. Calls under way have it from their next event on.
    pub fn set(&self, level: LogLevel) {
        self.0.store(level as u8, Ordering::Relaxed);
    }
}

impl Default for LogThreshold {
    fn default() -> Self {
        Self::new(LogLevel::default())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for LogThreshold {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "LogThreshold({})", self.level());
    }
}

impl fmt::Debug for LogThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogThreshold").field(&self.level()).finish()
    }
}
