//! The circuits of one shard by the hash of their key, with a hand that goes round over them.
//!
//! Open addressing with linear probing; what is taken out leaves no trace. A slot holds 32 bits of the hash, so that a
//! lookup looks at no other circuit than the one it is for, but for one in four billion.

use std::vec::Vec;

use super::eviction::{Fate, Seconds};

pub(super) struct Table<T> {
    /// A power of two of them, or none.
    slots: Vec<Option<Slot<T>>>,
    held: usize,
    hand: usize,
}

struct Slot<T> {
    hash: u32,
    idle_since: Seconds,
    item: T,
}

impl<T> Table<T> {
    pub(super) const EMPTY: Self = Self { slots: Vec::new(), held: 0, hand: 0 };

    /// Puts in an item that is not there yet.
    pub(super) fn insert(&mut self, hash: u32, item: T) {
        if (self.held + 1) * 3 > self.slots.len() * 2 {
            self.grow();
        }
        self.held += 1;
        self.place(Slot { hash, idle_since: Seconds::UNKNOWN, item });
    }

    /// Takes out the item of this hash that `is_it`.
    pub(super) fn remove(&mut self, hash: u32, is_it: impl FnMut(&T) -> bool) -> Option<T> {
        let index = self.index(hash, is_it)?;
        self.take(index)
    }

    /// Moves the hand on over at most `steps` items, which it counts down, and at most once round, to one that may be
    /// forgotten, and takes it out.
    pub(super) fn evict(
        &mut self,
        steps: &mut u32,
        mut fate: impl FnMut(&T, &mut Seconds) -> Fate,
    ) -> Option<T> {
        let mut spare = None;
        for _ in 0..self.slots.len() {
            let index = self.hand & (self.slots.len() - 1);
            self.hand = index + 1;
            let Some(slot) = &mut self.slots[index] else { continue };
            if *steps == 0 {
                self.hand = index;
                break;
            }
            *steps -= 1;
            match fate(&slot.item, &mut slot.idle_since) {
                Fate::Forget => return self.take(index),
                Fate::Spare => spare = spare.or(Some(index)),
                Fate::Keep => {}
            }
        }
        self.take(spare?)
    }

    /// The item of this hash that `is_it`.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_it: impl FnMut(&T) -> bool) -> Option<&T> {
        let index = self.index(hash, is_it)?;
        self.slots[index].as_ref().map(|slot| &slot.item)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten().map(|slot| &slot.item)
    }

    #[inline]
    fn index(&self, hash: u32, mut is_it: impl FnMut(&T) -> bool) -> Option<usize> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut index = hash as usize & mask;
        // There is always an empty slot.
        while let Some(slot) = &self.slots[index] {
            if slot.hash == hash && is_it(&slot.item) {
                return Some(index);
            }
            index = (index + 1) & mask;
        }
        None
    }

    fn place(&mut self, slot: Slot<T>) {
        let mask = self.slots.len() - 1;
        let mut index = slot.hash as usize & mask;
        while self.slots[index].is_some() {
            index = (index + 1) & mask;
        }
        self.slots[index] = Some(slot);
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(4);
        let slots = core::mem::replace(&mut self.slots, (0..size).map(|_| None).collect());
        slots.into_iter().flatten().for_each(|slot| self.place(slot));
    }

    /// Takes out what is there, and moves up what was only further on because of it.
    fn take(&mut self, mut index: usize) -> Option<T> {
        let taken = self.slots[index].take()?;
        self.held -= 1;
        let mask = self.slots.len() - 1;
        let mut next = (index + 1) & mask;
        while let Some(slot) = &self.slots[next] {
            let home = slot.hash as usize & mask;
            // How far it is from home, and how far it is from the gap.
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(index) & mask {
                self.slots[index] = self.slots[next].take();
                index = next;
            }
            next = (next + 1) & mask;
        }
        Some(taken.item)
    }
}
