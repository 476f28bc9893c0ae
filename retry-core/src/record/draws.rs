//! Random words that a log need not hold: each word follows from the seed and its index, by SplitMix64.

use crate::ratio::{mixed, unmixed};

/// The step of [SplitMix64](https://doi.org/10.1145/2714064.2660195), and its inverse modulo 2^64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP_BACK: u64 = 0xf1de_83e1_9937_733d;

/// Returns word `index` of `seed`.
pub(super) const fn word(seed: u64, index: u64) -> u64 {
    mixed(seed.wrapping_add(index.wrapping_add(1).wrapping_mul(STEP)))
}

/// Returns the index of `word` in the sequence of `seed`. Every word has one, but most are never reached.
const fn index(seed: u64, word: u64) -> u64 {
    unmixed(word).wrapping_sub(seed).wrapping_mul(STEP_BACK).wrapping_sub(1)
}

/// The word that is expected next. Threads may draw words and record them in another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draws {
    pub(super) seed: u64,
    expected: u64,
}

/// The distances from the expected word that fit into a record.
const NEAR: core::ops::RangeInclusive<i64> = -7..=6;

impl Draws {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, expected: 0 }
    }

    /// Returns the index of this word in the sequence.
    pub(super) const fn index(self, word: u64) -> u64 {
        index(self.seed, word)
    }

    /// Returns the distance of this word from the expected one, from 0 to 13; `None` if it is farther away, or of
    /// another generator.
    pub(super) fn distance(&mut self, word: u64) -> Option<u8> {
        let index = self.index(word);
        let distance = index.wrapping_sub(self.expected).cast_signed();
        self.follow(index);
        let zigzag = u8::try_from((distance << 1) ^ (distance >> 63)).ok();
        zigzag.filter(|_| NEAR.contains(&distance))
    }

    /// Returns the word at this distance.
    #[cfg(feature = "std")]
    pub(super) fn at(&mut self, zigzag: u8) -> u64 {
        let distance = i64::from(zigzag >> 1) ^ -i64::from(zigzag & 1);
        let index = self.expected.wrapping_add_signed(distance);
        self.follow(index);
        word(self.seed, index)
    }

    /// Expects the word after this one, if this one is of the recorder's generator.
    fn follow(&mut self, index: u64) {
        let next = index.wrapping_add(1);
        let ahead = next.wrapping_sub(self.expected);
        if (1..=FAR).contains(&ahead) {
            self.expected = next;
        }
    }
}

/// The most words that are drawn between two records.
const FAR: u64 = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_tells_which_one_it_is() {
        for seed in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            for n in (0..1_000).chain([u64::MAX, 1 << 63]) {
                assert_eq!(index(seed, word(seed, n)), n);
            }
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn words_that_overtake_each_other_are_near() {
        let mut writer = Draws::new(7);
        let mut reader = writer;
        for n in [0, 3, 1, 2, 4, 6, 5, 13, 8, 7] {
            let distance = writer.distance(word(7, n)).expect("it is near");
            assert_eq!(reader.at(distance), word(7, n));
            assert_eq!(reader, writer);
        }
        assert_eq!(writer.distance(word(7, 1_000)), None);
        assert_eq!(writer.distance(word(7, 1_001)), Some(0));
        assert_eq!(writer.distance(42), None); // of another generator
        assert_eq!(writer.distance(word(7, 1_002)), Some(0));
    }
}
