//! The index of a pool: from the hash of a key to the entry that may have it.
//!
//! It is a hash table with open addressing, linear probing and deletion by backward shift. It is read without a lock,
//! and changed under the pool's lock. A reader gets only a guess, which the entry's own key must confirm. If a slot
//! moves meanwhile, the reader may miss an entry. So a reader that finds no entry looks again under the lock.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use std::boxed::Box;

use super::sync::AtomicU32;

pub(super) struct Index {
    /// One and a half slots per entry, so that one is always empty. A small table stays in the caches.
    slots: Box<[Slot]>,
}

struct Slot {
    /// The number of an entry plus one; 0 if the slot is empty.
    entry: AtomicU32,
    hash: AtomicU32,
}

impl Index {
    pub(super) fn for_entries(entries: u32) -> Self {
        let slots = entries as usize + entries as usize / 2 + 1;
        let slot = || Slot { entry: AtomicU32::new(0), hash: AtomicU32::new(0) };
        Self { slots: (0..slots).map(|_| slot()).collect() }
    }

    /// The first result of `f` among the entries that may have a key with this hash.
    #[inline]
    pub(super) fn find<R>(&self, hash: u32, mut f: impl FnMut(u32) -> Option<R>) -> Option<R> {
        let mut at = self.home(hash);
        // Bounded, because slots may move while a reader goes round.
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

    /// Adds an entry. Call it only under the pool's lock.
    pub(super) fn insert(&self, hash: u32, entry: u32) {
        let mut at = self.home(hash);
        while self.slots[at].entry.load(Relaxed) != 0 {
            at = self.after(at);
        }
        self.slots[at].hash.store(hash, Relaxed);
        self.slots[at].entry.store(entry + 1, Release);
    }

    /// Removes an existing entry, and shifts back the entries that it had pushed further on. Call it only under the
    /// pool's lock.
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
            // Compares the distance from home with the distance from the gap. Both wrap at the end of the table in the
            // same way.
            if at.wrapping_sub(self.home(hash)) >= at.wrapping_sub(gap) {
                self.slots[gap].hash.store(hash, Relaxed);
                self.slots[gap].entry.store(entry, Release);
                gap = at;
            }
            at = self.after(at);
        }
        self.slots[gap].entry.store(0, Release);
    }

    /// The first slot of a hash: the hash as a fraction of the table.
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
