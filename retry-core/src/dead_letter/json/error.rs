//! Why a letter could not be written or read.

use core::fmt;
use std::io;
use std::string::String;

use crate::clean::OnOneLine;

/// Why a letter was refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum JsonLinesError {
    /// The payload fails to be written as JSON.
    Payload(serde_json::Error),
    /// The line is longer than the sink's limit.
    TooLong {
        /// The length of the line, in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Writing or syncing the line failed.
    Io(io::Error),
    /// The call was refused, and the sink has taken as many letters of refused calls as its
    /// [`RejectedLimit`](crate::dead_letter::RejectedLimit) allows. The sink counts the letter as left out.
    LeftOut,
}

impl fmt::Display for JsonLinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload(error) => write!(f, "the payload cannot be written as JSON: {}", OnOneLine(error)),
            Self::TooLong { length, limit } => {
                write!(f, "the line would have {length} bytes, more than the limit of {limit}")
            }
            Self::Io(error) => OnOneLine(error).fmt(f),
            Self::LeftOut => f.write_str("left out, because more calls were refused than the limit allows"),
        }
    }
}

impl core::error::Error for JsonLinesError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Payload(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::TooLong { .. } | Self::LeftOut => None,
        }
    }
}

/// The error for a line that is not a dead letter: see [`StoredLetter::from_line`](super::StoredLetter::from_line).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotALetter {
    pub(super) why: String,
}

impl fmt::Display for NotALetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a dead letter: {}", OnOneLine(&self.why))
    }
}

impl core::error::Error for NotALetter {}
