//! From what a peer draws to the random word that this machine makes the same of.
//!
//! A word is a fraction of 2^64, and `U(0, most)` is that fraction of `most + 1` nanoseconds, rounded down.

use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::json::{Replayed, fail};

/// The word for a uniform draw from 0 to 1, both included: `u * 2^64` rounded up, all ones for 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 2^64, saturates
pub(crate) fn word(u: f64) -> Replayed<u64> {
    if !(0.0..=1.0).contains(&u) {
        return fail(format!("u = {u}: not a draw from 0 to 1"));
    }
    Ok((u * 2_f64.powi(64)).ceil() as u64)
}

/// The least word of which `U(0, most)` makes `value`, for peers whose draw is a whole number.
pub(crate) fn word_for(value: Duration, most: Duration) -> Replayed<u64> {
    let numbers = most.as_nanos() + 1;
    let word = (value.as_nanos() << 64).div_ceil(numbers);
    match u64::try_from(word) {
        Ok(word) => Ok(word),
        Err(_) => fail(format!("a draw of {value:?}, which is above {most:?}")),
    }
}

/// Random words: the same at every run.
pub(crate) fn generator() -> Pcg64 {
    Pcg64::seed_from_u64(0x5eed)
}

/// The least word, the greatest, and `count` between them.
pub(crate) fn spread(count: usize) -> impl Iterator<Item = u64> {
    let mut rng = generator();
    let between = std::iter::repeat_with(move || rng.next_u64());
    [0, u64::MAX].into_iter().chain(between.take(count))
}
