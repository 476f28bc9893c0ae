//! What a pool counts.

/// What a pool holds, and what became of look-ups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PoolCounts {
    /// How many circuits it holds.
    pub kept: usize,
    /// How many circuits it has evicted to make room.
    pub forgotten: u64,
    /// How many look-ups got the overflow circuit.
    pub overflowed: u64,
}
