//! Random words that need not be recorded: word `n` of a seed is known from the two.

use crate::ratio::{mixed, unmixed};

/// The step of SplitMix64, and its inverse modulo 2^64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP_BACK: u64 = 0xf1de_83e1_9937_733d;

/// Word `index` of `seed`.
pub(super) const fn word(seed: u64, index: u64) -> u64 {
    mixed(seed.wrapping_add(index.wrapping_add(1).wrapping_mul(STEP)))
}

/// Which word of `seed` this is. Every word is one, most of them with an index that is never reached.
const fn index(seed: u64, word: u64) -> u64 {
    unmixed(word).wrapping_sub(seed).wrapping_mul(STEP_BACK).wrapping_sub(1)
}

/// Which word is expected next: in order, but for threads that overtake each other between draw and record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draws {
    pub(super) seed: u64,
    expected: u64,
}

/// How far from the expected word one is still said by its distance.
const NEAR: core::ops::RangeInclusive<i64> = -7..=6;

impl Draws {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, expected: 0 }
    }

    /// Which word of the seed this is, from 0.
    pub(super) const fn index(self, word: u64) -> u64 {
        index(self.seed, word)
    }

    /// The distance of this word from the expected one, from 0 to 13; `None` where it is too far, or of another
    /// generator.
    pub(super) fn distance(&mut self, word: u64) -> Option<u8> {
        let index = self.index(word);
        let distance = index.wrapping_sub(self.expected).cast_signed();
        self.follow(index);
        let zigzag = u8::try_from((distance << 1) ^ (distance >> 63)).ok();
        zigzag.filter(|_| NEAR.contains(&distance))
    }

    /// The word at this distance.
    #[cfg(feature = "std")]
    pub(super) fn at(&mut self, zigzag: u8) -> u64 {
        let distance = i64::from(zigzag >> 1) ^ -i64::from(zigzag & 1);
        let index = self.expected.wrapping_add_signed(distance);
        self.follow(index);
        word(self.seed, index)
    }

    /// The next is expected after this one, where it is one of this generator at all.
    fn follow(&mut self, index: u64) {
        let next = index.wrapping_add(1);
        let ahead = next.wrapping_sub(self.expected);
        if (1..=FAR).contains(&ahead) {
            self.expected = next;
        }
    }
}

/// No more words than this are drawn between two records.
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
