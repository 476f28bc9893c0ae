//! Which ends of a call are dead letters.

use core::fmt;

use crate::verdict::{GiveUp, Reason};

/// A set of [`Reason`]s, a bit each: which ends of a call leave a dead letter.
///
/// ```
/// use retry_core::{dead_letter::{Reason, ReasonSet}, GiveUp};
///
/// // What the circuit refuses comes again by itself; a broken request is worth a look.
/// const WORTH_KEEPING: ReasonSet = ReasonSet::DEFAULT.without(Reason::Rejected);
/// assert!(WORTH_KEEPING.contains(Reason::GaveUp(GiveUp::Class)));
/// assert!(!WORTH_KEEPING.contains(Reason::Cancelled)); // unless asked
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReasonSet(u16);

impl ReasonSet {
    /// No reason.
    pub const NONE: Self = Self(0);
    /// Every reason to give up but that the error is ignored, and that the circuit refused. What was stopped from
    /// outside, by whoever knows why, is not among them.
    pub const DEFAULT: Self = Self::ALL.without(Reason::GaveUp(GiveUp::Ignored)).without(Reason::Cancelled);
    /// Every reason.
    pub const ALL: Self = Self((1 << Reason::ALL.len()) - 1);

    /// This set and `reason`.
    #[must_use]
    pub const fn with(self, reason: Reason) -> Self {
        Self(self.0 | bit(reason))
    }

    /// This set without `reason`.
    #[must_use]
    pub const fn without(self, reason: Reason) -> Self {
        Self(self.0 & !bit(reason))
    }

    /// Whether `reason` is in it.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & bit(reason) != 0
    }

    /// The reasons in it.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| self.contains(*reason))
    }
}

/// Not by [`Reason::number`], which is one of files: this is what a reason is in memory, and costs nothing.
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
