//! From the hash of a key to the entry that may be of it.
//!
//! Open addressing with linear probing, read without a lock, changed under the pool's. What a reader finds is a guess,
//! which the entry's own key has to confirm; and where a slot is moved while it looks, it may miss one that is there. So
//! whoever finds nothing looks again, under the lock.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use std::boxed::Box;

use super::sync::AtomicU32;

pub(super) struct Index {
    /// Half as many again as there are entries, so that there is always an empty one, and no more: the fewer, the more
    /// of them are near.
    slots: Box<[Slot]>,
}

struct Slot {
    /// One more than the number of an entry; 0 where there is none.
    entry: AtomicU32,
    hash: AtomicU32,
}

impl Index {
    pub(super) fn for_entries(entries: u32) -> Self {
        let slots = entries as usize + entries as usize / 2 + 1;
        let slot = || Slot { entry: AtomicU32::new(0), hash: AtomicU32::new(0) };
        Self { slots: (0..slots).map(|_| slot()).collect() }
    }

    /// Which entries may be of a key of this hash: of those under it, the first that `f` makes something of.
    #[inline]
    pub(super) fn find<R>(&self, hash: u32, mut f: impl FnMut(u32) -> Option<R>) -> Option<R> {
        let mut at = self.home(hash);
        // While slots are moved, a reader must not go round for ever.
        for _ in 0..self.slots.len() {
            let slot = &self.slots[at];
            let entry = slot.entry.load(Acquire).checked_sub(1)?;
            if slot.hash.load(Relaxed) == hash
                && let Some(found) = f(entry)
            {
                return Some(found);
            }
            at = self.after(at);
        }
        None
    }

    /// Only under the pool's lock.
    pub(super) fn insert(&self, hash: u32, entry: u32) {
        let mut at = self.home(hash);
        while self.slots[at].entry.load(Relaxed) != 0 {
            at = self.after(at);
        }
        self.slots[at].hash.store(hash, Relaxed);
        self.slots[at].entry.store(entry + 1, Release);
    }

    /// Takes out an entry that is there, and moves up what was only further on because of it. Only under the pool's
    /// lock.
    pub(super) fn remove(&self, hash: u32, entry: u32) {
        let mut gap = self.home(hash);
        while self.slots[gap].entry.load(Relaxed) != entry + 1 {
            gap = self.after(gap);
        }
        let mut at = self.after(gap);
        loop {
            let (entry, hash) = (self.slots[at].entry.load(Relaxed), self.slots[at].hash.load(Relaxed));
            if entry == 0 {
                break;
            }
            // How far it is from home, and how far from the gap: what goes round the end does so in both.
            if at.wrapping_sub(self.home(hash)) >= at.wrapping_sub(gap) {
                self.slots[gap].hash.store(hash, Relaxed);
                self.slots[gap].entry.store(entry, Release);
                gap = at;
            }
            at = self.after(at);
        }
        self.slots[gap].entry.store(0, Release);
    }

    /// The hash as a share of the way through all slots.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        #[allow(clippy::cast_possible_truncation)] // below their number
        let home = ((u64::from(hash) * self.slots.len() as u64) >> 32) as usize;
        home
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }
}
