//! When two states are one: the normal form of a state.
//!
//! The debug text of machine and reference shows every field they have. Two states whose texts differ only in what
//! follows can do the same from there on, so that it is enough to look at one of them:
//!
//! - Times are relative to now. What lies so far back that no rule looks there, however much the clock may still step
//!   back on this path, lies just as far back as that. With a window of time, where now is in the turn of its buckets
//!   counts, too.
//! - Of eras, only whether a ticket's is the current one. `late` only counts, which a check sees to.
//! - More openings than it takes to reach the longest open time are just as many.
//! - A longer run of failures than the rule asks for, which is had only while held closed, is just as long.
//! - The names of the calls under way, and their order.

use std::fmt::{self, Write};

use retry_core::Instant;

use super::machine::Machine;
use super::rules::Rules;
use super::state::State;
use super::step::UNIT;

/// The normal form of a state.
pub(crate) struct Form {
    pub(crate) key: Box<str>,
    /// How much of the key is the machine's.
    machine: usize,
    /// A field of the machine that no question asks for.
    pub(crate) in_flight: Option<u64>,
}

impl Form {
    pub(crate) fn of<M: Machine>(state: &State<M>, rules: &Rules) -> Self {
        let mut words = Words::new(state, rules);
        write!(words, "{:?}", state.machine.breaker()).expect("a string takes everything");
        let (machine, in_flight) = (words.key.len(), words.in_flight);
        write!(words, "{:?}", state.naive).expect("a string takes everything");
        let mut key = words.key;
        let mut calls: Vec<(bool, bool, u64)> = state
            .calls
            .iter()
            .map(|call| {
                let is_late = call.is_late(&state.machine);
                let matters = rules.slow_after > 0 && !is_late;
                let most = (rules.slow_after + state.back_left) as i64;
                let age = if matters { since(call.started, state.now).min(most) } else { 0 };
                (is_late, call.is_late_for(&state.naive), age as u64)
            })
            .collect();
        calls.sort_unstable();
        let turn =
            if rules.buckets > 0 { state.now.as_nanos() % (rules.bucket() * rules.buckets) } else { 0 };
        write!(key, "{calls:?} {} {} {turn}", state.lost, state.back_left)
            .expect("a string takes everything");
        Self { key: key.into(), machine, in_flight }
    }

    /// The normal form of the machine alone.
    pub(crate) fn machine(&self) -> &str {
        &self.key[..self.machine]
    }
}

/// The words and numbers of a debug text, each number as its field's name asks for.
///
/// The standard library writes a debug text word by word, so that none has to be looked for in it.
struct Words<'r> {
    key: String,
    /// The name of the field that is being written.
    field: String,
    /// The word before.
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

    /// What of a field can make a difference.
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
            other => panic!("the breaker has a field {other}: say here what of it matters"),
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
            _ => assert!(!piece.contains(char::is_alphanumeric), "{piece}: words and signs in one piece"),
        }
        Ok(())
    }
}

fn since(then: Instant, now: Instant) -> i64 {
    now.as_nanos().wrapping_sub(then.as_nanos()) as i64
}

/// How many openings it takes until the open time grows no more.
fn openings_to_cap(rules: &Rules) -> u64 {
    (0..100).find(|openings| rules.open_time(*openings, 0) == rules.max_open_for).expect("it grows").into()
}

/// Far more than any setting: until then, an open circuit is forced to be.
const FOR_EVER: i64 = 1_000_000 * UNIT as i64;
