//! The set of reasons for which calls leave dead letters.

use core::fmt;

use crate::verdict::{GiveUp, Reason};

/// A set of [`Reason`]s, for [`DeadLetterCall::only`](crate::dead_letter::DeadLetterCall::only): the ends of a call
/// that leave a dead letter.
///
/// ```
/// use retry_core::{dead_letter::{Reason, ReasonSet}, GiveUp};
///
/// // The caller keeps the payload of a call that the circuit refuses, and tries it later.
/// const WORTH_KEEPING: ReasonSet = ReasonSet::DEFAULT.without(Reason::Rejected);
/// assert!(WORTH_KEEPING.contains(Reason::GaveUp(GiveUp::Class)));
/// assert!(!WORTH_KEEPING.contains(Reason::Cancelled)); // left out by default
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReasonSet(u16);

impl ReasonSet {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// Every reason except two: an [ignored](GiveUp::Ignored) error, and a call that was
    /// [cancelled](Reason::Cancelled).
    ///
    /// A call that a circuit refuses does leave a letter, because its payload was not delivered. Files and queues limit
    /// how many of these letters they take: see [`RejectedLimit`](super::RejectedLimit). If the caller keeps the payload,
    /// leave them out by `ReasonSet::DEFAULT.without(Reason::Rejected)`.
    pub const DEFAULT: Self = Self::ALL.without(Reason::GaveUp(GiveUp::Ignored)).without(Reason::Cancelled);
    /// Every reason.
    pub const ALL: Self = Self((1 << Reason::ALL.len()) - 1);

    /// Returns this set with `reason`.
    #[must_use]
    pub const fn with(self, reason: Reason) -> Self {
        Self(self.0 | bit(reason))
    }

    /// Returns this set without `reason`.
    #[must_use]
    pub const fn without(self, reason: Reason) -> Self {
        Self(self.0 & !bit(reason))
    }

    /// Returns whether the set contains `reason`.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & bit(reason) != 0
    }

    /// Returns the reasons in the set.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| self.contains(*reason))
    }
}

/// Returns the bit of a reason. It comes from the discriminant, which is cheaper than [`Reason::number`], the number in
/// files.
const fn bit(reason: Reason) -> u16 {
    1 << match reason {
        Reason::GaveUp(reason) => reason as u8,
        Reason::Rejected => 8,
        Reason::Cancelled => 9,
    }
}

impl Default for ReasonSet {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ReasonSet {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{{");
        for reason in self.iter() {
            defmt::write!(f, " {}", reason);
        }
        defmt::write!(f, " }}");
    }
}

impl fmt::Debug for ReasonSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
