//! The normal form of a state, which decides when two states are equal.
//!
//! The debug texts of the machine and of the reference show all their fields. Two states are equal if their texts
//! differ only in the following, because they then behave in the same way from now on. So it is enough to explore one
//! of them.
//!
//! - Times are relative to now. A time that is too old for every rule counts as the oldest time that still matters,
//!   even if the clock steps back as far as it may on this path. With a time window, the position in the cycle of its
//!   buckets also counts.
//! - Eras differ only in whether the era of a ticket is the current one. `late` is only a counter, which a check
//!   covers.
//! - Openings count only up to the number that reaches the longest open time.
//! - Failures in a row count only up to the rule's number. There are more of them only while the circuit is held
//!   closed.
//! - The names of the calls in progress, and their order, do not matter.

use std::fmt::{self, Write};

use retry_core::Instant;

use super::machine::Machine;
use super::rules::Rules;
use super::state::State;
use super::step::UNIT;

/// The normal form of a state.
pub(crate) struct Form {
    pub(crate) key: Box<str>,
    /// The length of the machine's part of the key.
    machine: usize,
    /// A field of the machine that has no accessor.
    pub(crate) in_flight: Option<u64>,
}

impl Form {
    pub(crate) fn of<M: Machine>(state: &State<M>, rules: &Rules) -> Self {
        let mut words = Words::new(state, rules);
        write!(words, "{:?}", state.machine.breaker()).expect("writing to a string succeeds");
        let (machine, in_flight) = (words.key.len(), words.in_flight);
        write!(words, "{:?}", state.naive).expect("writing to a string succeeds");
        let mut key = words.key;
        let mut calls: Vec<(bool, bool, bool, u64)> = state
            .calls
            .iter()
            .map(|call| {
                let is_late = call.is_late(&state.machine);
                let limit = rules.slow_after.max(rules.cancelled_after);
                let matters = call.is_timed() && !is_late;
                let most = (limit + state.back_left) as i64;
                let age = if matters { since(call.started, state.now).min(most) } else { 0 };
                (is_late, call.is_late_for(&state.naive), matters, age as u64)
            })
            .collect();
        calls.sort_unstable();
        let turn =
            if rules.buckets > 0 { state.now.as_nanos() % (rules.bucket() * rules.buckets) } else { 0 };
        write!(key, "{calls:?} {} {} {turn}", state.lost, state.back_left)
            .expect("writing to a string succeeds");
        Self { key: key.into(), machine, in_flight }
    }

    /// Returns the normal form of the machine alone.
    pub(crate) fn machine(&self) -> &str {
        &self.key[..self.machine]
    }
}

/// Collects the words and numbers of a debug text. The name of its field decides how a number is normalised.
///
/// The standard library writes a debug text word by word, so the text needs no parsing.
struct Words<'r> {
    key: String,
    /// The name of the field that is being written.
    field: String,
    /// The previous word.
    word: String,
    in_flight: Option<u64>,
    now: Instant,
    /// The nanoseconds by which the clock may still step back.
    back: i64,
    rules: &'r Rules,
}

impl<'r> Words<'r> {
    fn new<M>(state: &State<M>, rules: &'r Rules) -> Self {
        Self {
            key: String::with_capacity(400),
            field: String::new(),
            word: String::new(),
            in_flight: None,
            now: state.now,
            back: state.back_left as i64,
            rules,
        }
    }

    /// Returns the part of a number that matters, if any.
    fn matters(&self, number: u64) -> Option<i64> {
        let (rules, back) = (self.rules, self.back);
        let age = since(Instant::from_nanos(number), self.now);
        Some(match self.field.as_str() {
            "era" | "late" => return None,
            "until" if number == u64::MAX => FOR_EVER,
            "until" => (-age).clamp(-back, FOR_EVER),
            "since" if number == u64::MAX => return None,
            "since" => age.min(rules.ramp as i64 + back),
            "last_admitted" => age.min(rules.lease as i64 + back),
            "newest" | "bucket" if rules.buckets > 0 => {
                let age = (self.now.as_nanos() / rules.bucket()) as i64 - number as i64;
                age.min(rules.buckets as i64 + back / rules.bucket() as i64 + 1)
            }
            "openings" => number.min(openings_to_cap(rules)) as i64,
            "streak" => number.min(rules.consecutive_failures.max(1).into()) as i64,
            "most" => number.min(FOR_EVER as u64) as i64,
            "newest" | "bucket" | "bits" | "next" | "calls" | "failures" | "credit" | "in_flight"
            | "succeeded" | "failed" => number as i64,
            other => panic!("the breaker has a new field {other}: add here which part of it matters"),
        })
    }
}

impl Write for Words<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        match piece.as_bytes() {
            [] => {}
            [b'0'..=b'9', ..] => {
                let number = piece.parse().expect("a number");
                if let Some(number) = self.matters(number) {
                    write!(self.key, "{number} ")?;
                }
                if self.field == "in_flight" {
                    self.in_flight = Some(number);
                }
            }
            [b'a'..=b'z' | b'A'..=b'Z', ..] => {
                self.word.clear();
                self.word.push_str(piece);
                self.key.push_str(piece);
                self.key.push(' ');
            }
            b": " => std::mem::swap(&mut self.field, &mut self.word),
            _ => assert!(!piece.contains(char::is_alphanumeric), "{piece}: words and signs in one part"),
        }
        Ok(())
    }
}

fn since(then: Instant, now: Instant) -> i64 {
    now.as_nanos().wrapping_sub(then.as_nanos()) as i64
}

/// Returns the number of openings after which the open time does not grow any more.
fn openings_to_cap(rules: &Rules) -> u64 {
    (0..100)
        .find(|openings| rules.open_time(*openings, 0) == rules.max_open_for)
        .expect("the open time reaches its limit")
        .into()
}

/// Far longer than any setting. A circuit that is forced open counts as open until then.
const FOR_EVER: i64 = 1_000_000 * UNIT as i64;
