//! Numbers for the calls under way. Each call gets the smallest free number.

/// The most calls that may be under way at once.
pub(super) const CALLS: u16 = if cfg!(feature = "std") { 1 << 14 } else { 1 << 7 };

/// The set of numbers that are held.
pub(super) struct Numbers {
    held: [usize; CALLS as usize / usize::BITS as usize],
    /// How often all numbers were held, and then taken back.
    round: u32,
}

/// A number that a call holds, until all numbers are taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) number: u16,
    round: u32,
}

impl Numbers {
    pub(super) const NONE: Self = Self { held: [0; CALLS as usize / usize::BITS as usize], round: 0 };

    /// Takes the smallest free number.
    ///
    /// If all are held, their calls were most likely dropped by hand, which the recorder is not told. So all are taken
    /// back.
    pub(super) fn take(&mut self) -> Number {
        let mut number = 0;
        for word in &mut self.held {
            let bit = word.trailing_ones();
            if bit < usize::BITS {
                *word |= 1 << bit;
                return Number { number: number + u16::try_from(bit).unwrap_or(0), round: self.round };
            }
            number += u16::try_from(usize::BITS).unwrap_or(0);
        }
        *self = Self { round: self.round.wrapping_add(1), ..Self::NONE };
        self.take()
    }

    pub(super) fn holds(&self, number: Number) -> bool {
        number.round == self.round
    }

    pub(super) fn give_back(&mut self, number: Number) {
        if self.holds(number) {
            let number = usize::from(number.number);
            let bits = usize::BITS as usize;
            if let Some(word) = self.held.get_mut(number / bits) {
                *word &= !(1 << (number % bits));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_smallest_free_number() {
        let mut numbers = Numbers::NONE;
        let held: [_; 100] = core::array::from_fn(|_| numbers.take());
        assert!((0..).zip(&held).all(|(number, held)| held.number == number));
        for free in [70, 3, 64] {
            numbers.give_back(held[free]);
        }
        for expected in [3, 64, 70, 100] {
            assert_eq!(numbers.take().number, expected);
        }
    }

    #[test]
    fn where_all_are_held_they_are_taken_back_and_the_holders_can_tell() {
        let mut numbers = Numbers::NONE;
        let held: [_; CALLS as usize] = core::array::from_fn(|_| numbers.take());
        assert_eq!(held.last().unwrap().number, CALLS - 1);
        let next = numbers.take();
        assert_eq!(next.number, 0);
        assert!(numbers.holds(next) && !held.iter().any(|held| numbers.holds(*held)));
        numbers.give_back(held[0]); // too late
        assert_eq!(numbers.take().number, 1);
    }
}
