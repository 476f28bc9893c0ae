//! How many circuits are in each phase, from the changes that were told.
//!
//! A sum that goes up and down with the changes is wrong for good after one change that was not told, such as a
//! `trip` with a dropped result, or the half-open state in which a circuit started. So the last phase of each circuit
//! is kept, by the place of the circuit, and each change sets it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::circuit::{Change, Phase};

/// The circuits of one name.
pub(super) struct CircuitsInPhase(Mutex<Known>);

struct Known {
    /// The last change of each circuit that has a place.
    by_place: BTreeMap<usize, Change>,
    /// How many circuits in `by_place` may be there before those that are closed are removed.
    keep: usize,
    /// How many circuits are open, and half-open.
    counts: Counts,
    /// How many of them are known only by changes without a place.
    elsewhere: Counts,
}

/// How many circuits are open, and how many half-open.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) open: u32,
    pub(super) half_open: u32,
}

impl CircuitsInPhase {
    pub(super) const fn new() -> Self {
        const NONE: Counts = Counts { open: 0, half_open: 0 };
        Self(Mutex::new(Known { by_place: BTreeMap::new(), keep: FEW, counts: NONE, elsewhere: NONE }))
    }

    /// Takes a change of the circuit in this place, and shows the counts after it. 0 is an unknown place.
    pub(super) fn change(&self, place: usize, change: Change, show: impl FnOnce(Counts)) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match place {
            0 => known.change_elsewhere(change),
            _ => known.change_in(place, change),
        }
        show(known.counts); // still locked, so that the counts are shown in their order
    }
}

impl Known {
    fn change_in(&mut self, place: usize, change: Change) {
        let last = self.by_place.get(&place);
        if last.is_some_and(|last| is_late(change, *last)) {
            return;
        }
        let before = last.map_or(Phase::Closed, |last| last.to);
        if before != change.from {
            // A change was not told, or it was told without the place.
            if self.elsewhere.take(change.from) {
                self.counts.take(change.from);
            }
        }
        self.counts.take(before);
        self.counts.add(change.to);
        if self.by_place.len() >= self.keep {
            self.by_place.retain(|_, last| last.to != Phase::Closed);
            self.keep = FEW.max(self.by_place.len().saturating_mul(2));
        }
        self.by_place.insert(place, change);
    }

    fn change_elsewhere(&mut self, change: Change) {
        if self.elsewhere.take(change.from) {
            self.counts.take(change.from);
        } else if change.from != Phase::Closed
            && let Some(last) = self.by_place.values_mut().find(|last| last.to == change.from)
        {
            // It must be one of these, and they count alike.
            last.to = Phase::Closed;
            self.counts.take(change.from);
        }
        self.elsewhere.add(change.to);
        self.counts.add(change.to);
    }
}

impl Counts {
    fn of(&mut self, phase: Phase) -> Option<&mut u32> {
        match phase {
            Phase::Closed => None,
            Phase::Open => Some(&mut self.open),
            Phase::HalfOpen => Some(&mut self.half_open),
        }
    }

    fn add(&mut self, phase: Phase) {
        if let Some(count) = self.of(phase) {
            *count = count.saturating_add(1);
        }
    }

    /// Counts one less, and returns whether there was one.
    fn take(&mut self, phase: Phase) -> bool {
        let count = self.of(phase).filter(|count| **count > 0);
        let was_there = count.is_some();
        if let Some(count) = count {
            *count -= 1;
        }
        was_there
    }
}

/// Returns whether a change was made before the last one that was told: threads tell their changes after they made them,
/// and so in any order. A time that is further back is that of a clock that stepped back.
fn is_late(change: Change, last: Change) -> bool {
    let is_before = change.to == last.from && change.from != last.to;
    change.at == last.at && is_before || (1..=HELD_UP).contains(&last.at.nanos_since(change.at))
}

/// How many closed circuits are kept at least, so that their late changes are recognised.
const FEW: usize = 1024;
/// How long a thread may take to tell a change: 1 s, in nanoseconds. Budgets take a step back of the clock in the same way.
const HELD_UP: u64 = 1_000_000_000;
