//! The errors of reading a log.

use core::fmt;

use super::format::VERSION;

/// Why reading a log failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LogError {
    /// The bytes are something else than a log of decisions.
    NoLog,
    /// The log has this version, which is another one.
    OtherVersion(u8),
    /// The log ends within a record, because its writer was cut off.
    Truncated {
        /// The offset of that record in the log, in bytes.
        at: usize,
    },
    /// The bytes at this place are something else than a record.
    Garbage {
        /// The offset of the place in the log, in bytes.
        at: usize,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog => f.write_str("not a log of decisions"),
            Self::OtherVersion(version) => {
                write!(f, "the log has version {version}, not {VERSION}")
            }
            Self::Truncated { at } => write!(f, "the log ends within the record at byte {at}"),
            Self::Garbage { at } => write!(f, "the bytes at {at} are not a record"),
        }
    }
}

impl core::error::Error for LogError {}
