//! What a pool can say of itself.

/// What a pool holds, and what it has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PoolCounts {
    /// How many circuits it holds.
    pub kept: usize,
    /// How many it forgot to make room, since it was made.
    pub forgotten: u64,
    /// How many lookups got the overflow circuit, since it was made.
    pub overflowed: u64,
}
