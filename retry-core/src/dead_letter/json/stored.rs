//! A letter as it was stored.

use std::string::String;
use std::time::SystemTime;
use std::vec::Vec;

use crate::dead_letter::letter::DeadLetter;

/// A letter as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredLetter<T> {
    /// The letter.
    pub letter: DeadLetter<T>,
    /// The operation's name, longer than the letter itself holds it.
    pub operation: String,
    /// What the last attempt ended with.
    pub error: Option<String>,
    /// What the caller said of it.
    pub metadata: Vec<(String, String)>,
    /// How many more pairs there were.
    pub metadata_left_out: usize,
    /// When it was stored, if the writer [was told the time](super::JsonLinesSink::stamped); to the millisecond.
    pub at: Option<SystemTime>,
}
