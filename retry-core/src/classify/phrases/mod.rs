//! The common error phrases of operating systems, protocols and services.
//!
//! By the rules of [`Messages`](crate::classify::Messages), the first phrase that occurs decides. So phrases about how
//! an operation failed come first. Phrases about what was attempted and phrases of general words follow, and single words
//! come last.

mod after_codes;
mod before_codes;
mod last_resort;

use crate::class::Class;

pub(super) use after_codes::AFTER_CODES;
pub(super) use before_codes::BEFORE_CODES;
use last_resort::LAST_RESORT;

/// Returns the phrase at this place of the three tables, one after the other.
pub(super) const fn phrase(place: usize) -> (&'static str, Class) {
    let after = BEFORE_CODES.len();
    let last = after + AFTER_CODES.len();
    if place < after {
        BEFORE_CODES[place]
    } else if place < last {
        AFTER_CODES[place - after]
    } else {
        LAST_RESORT[place - last]
    }
}

/// The last two characters of each phrase of the tables, in the same order.
pub(super) const ENDS: [u16; BEFORE_CODES.len() + AFTER_CODES.len() + LAST_RESORT.len()] = {
    let mut ends = [0; BEFORE_CODES.len() + AFTER_CODES.len() + LAST_RESORT.len()];
    let mut i = 0;
    while i < ends.len() {
        let phrase = phrase(i).0.as_bytes();
        let (last, second) = (phrase[phrase.len() - 1], phrase[phrase.len() - 2]);
        // A single letter may also follow a small letter, as in `aB`.
        assert!(second.is_ascii_alphanumeric() || last.is_ascii_digit(), "a letter alone ends a phrase");
        let second = if second.is_ascii_alphanumeric() { second } else { b' ' };
        ends[i] = end(second, last);
        i += 1;
    }
    ends
};

/// Returns two characters as one number. Case is ignored.
pub(super) const fn end(second: u8, last: u8) -> u16 {
    u16::from_le_bytes([second.to_ascii_lowercase(), last.to_ascii_lowercase()])
}

/// Phrases about an attempt to connect. If the text also reports a missing file, the file is the socket of a stopped
/// server.
pub(super) const CONNECTING: &[&str] = &[
    "connect to",
    "dial unix",
    "trying to connect",
    "connect enoent",
    "connection to server",
    "connect error",
];

/// Phrases about a missing file.
pub(super) const MISSING_FILE: &[&str] = &["no such file", "enoent", "os error 2", "cannot find the file"];
