//! Why a log of decisions cannot be read on.

use core::fmt;

use super::format::VERSION;

/// Why a log cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LogError {
    /// It is no log of decisions.
    NoLog,
    /// It is a log of another version.
    OtherVersion(u8),
    /// It ends within a record that begins at this byte: its writer was cut off.
    Truncated {
        /// Where the record begins.
        at: usize,
    },
    /// What begins at this byte is no record.
    Garbage {
        /// Where it begins.
        at: usize,
    },
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLog => f.write_str("no log of decisions"),
            Self::OtherVersion(version) => {
                write!(f, "a log of decisions of version {version}, not {VERSION}")
            }
            Self::Truncated { at } => write!(f, "the log ends within the record at byte {at}"),
            Self::Garbage { at } => write!(f, "no record at byte {at}"),
        }
    }
}

impl core::error::Error for LogError {}
