//! The data of one key in a pool, and the count of its holders.
//!
//! An entry is read without a lock, and given to another key under the pool's lock. Two rules keep these apart. A
//! reader first counts itself among the entry's holders, and then compares the key. The pool claims an entry before it
//! gives it to another key, and a claim succeeds only if the entry has no holders. So the key of a held entry stays the
//! same.

use core::fmt;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use std::format;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::sync::{AtomicBool, AtomicU32, AtomicUsize};
use super::text::{KeyText, Length};
use crate::circuit::{CircuitConfig, SharedCircuit, Window};
use crate::digest::Digest;
use crate::key::Key;
use crate::lock::Lock;

/// A circuit that shares its configuration with the other circuits of its pool.
pub(super) type OfPool<W, L> = SharedCircuit<W, L, Arc<CircuitConfig>>;

/// The part that a look-up touches, in one cache line. The circuit is elsewhere, because circuits fill many more pages
/// of memory.
#[repr(align(64))]
pub(super) struct Entry {
    /// The number of holders, and [`CLAIMED`].
    holders: AtomicU32,
    hash: AtomicU32,
    is_listed: AtomicBool,
    /// The number of new keys before its last look-up.
    looked_up: AtomicU32,
    /// The [`Length`] of its key, which begins in `words` and continues in the body.
    length: AtomicU32,
    words: [AtomicUsize; WORDS],
}

/// The rest of an entry.
pub(super) struct Body<W: Window, L: Lock> {
    circuit: OfPool<W, L>,
    more_words: [AtomicUsize; MORE_WORDS],
    /// The digest of the key, if a [`Key`] does not hold it whole.
    digest: [AtomicU32; 3],
}

/// An entry and its body.
pub struct Slot<'p, W: Window, L: Lock> {
    pub(super) entry: &'p Entry,
    pub(super) body: &'p Body<W, L>,
}

/// Added to the number of holders while the key changes, so that the entry cannot be held.
const CLAIMED: u32 = 1 << 31;
/// More holders must be a leak. It is far below `CLAIMED`, so that holders that are about to be turned away stay below
/// that, too.
const MOST_HOLDERS: u32 = 1 << 30;

const WORD: usize = size_of::<usize>();
/// 40 bytes: enough for the names of most hosts.
const WORDS: usize = if cfg!(loom) { 1 } else { 40 / WORD };
/// Together 96 bytes: enough for the long names that cloud providers make.
const MORE_WORDS: usize = if cfg!(loom) { 0 } else { 56 / WORD };
/// The most bytes of a key that are stored. A longer one is stored as its beginning and its digest.
pub(super) const MOST_STORED: usize = (WORDS + MORE_WORDS) * WORD;

impl<W: Window, L: Lock> Body<W, L> {
    pub(super) fn new(config: &Arc<CircuitConfig>) -> Self {
        Self { circuit: OfPool::with(Arc::clone(config)), more_words: no_words(), digest: no_digest() }
    }

    #[inline]
    pub(super) fn circuit(&self) -> &OfPool<W, L> {
        &self.circuit
    }

    fn digest(&self) -> Digest {
        let [a, b, c] = &self.digest;
        [a, b, c].map(|word| word.load(Relaxed))
    }
}

impl Entry {
    /// An unused entry.
    pub(super) fn new() -> Self {
        Self {
            holders: AtomicU32::new(0),
            hash: AtomicU32::new(0),
            is_listed: AtomicBool::new(false),
            looked_up: AtomicU32::new(0),
            length: AtomicU32::new(0),
            words: no_words(),
        }
    }

    /// Counts one more holder. Returns `false` if the entry is claimed or has too many holders.
    #[inline]
    pub(super) fn hold(&self) -> bool {
        // `Acquire`: the holder must see all changes of the entry from before it could be held.
        if self.holders.fetch_add(1, Acquire) < MOST_HOLDERS {
            return true;
        }
        self.release();
        false
    }

    /// Counts one holder less.
    #[inline]
    pub(super) fn release(&self) {
        self.holders.fetch_sub(1, Release);
    }

    /// Keeps the entry from being held, if it has no holders now. What its holders did is visible from then on.
    pub(super) fn claim(&self) -> bool {
        self.holders.load(Relaxed) == 0 && self.holders.compare_exchange(0, CLAIMED, Acquire, Relaxed).is_ok()
    }

    /// Lets the entry be held again.
    pub(super) fn give_up_claim(&self) {
        // It is a subtraction, because holders that are about to be turned away are counted, too.
        self.holders.fetch_sub(CLAIMED, Release);
    }

    /// Whether the entry has this key. Call it only as a holder, or under the pool's lock.
    #[inline]
    pub(super) fn is_of<'b, W: Window + 'b, L: Lock + 'b>(
        &self,
        key: &KeyText<'_>,
        body: impl Fn() -> &'b Body<W, L>,
    ) -> bool {
        if self.length.load(Relaxed) != key.length().0 {
            return false;
        }
        let (start, rest) = key.stored().split_at(key.stored().len().min(WORDS * WORD));
        let are = |stored: &[AtomicUsize], bytes| {
            stored.iter().zip(words(bytes)).all(|(word, value)| word.load(Relaxed) == value)
        };
        are(&self.words, start)
            && (rest.is_empty() || are(&body().more_words, rest))
            && (!key.length().is_cut() || body().digest() == key.digest())
    }

    /// The hash of the key. Call it only under the pool's lock.
    pub(super) fn hash(&self) -> u32 {
        self.hash.load(Relaxed)
    }

    /// Notes a look-up after this many new keys.
    #[inline]
    pub(super) fn look_up(&self, new_keys: u32) {
        // A number that is right is left alone, so that it stays in the caches of other threads.
        if self.looked_up.load(Relaxed) != new_keys {
            self.looked_up.store(new_keys, Relaxed);
        }
    }

    /// How many new keys came after its last look-up, of this many.
    pub(super) fn idle(&self, new_keys: u32) -> u32 {
        new_keys.wrapping_sub(self.looked_up.load(Relaxed))
    }

    /// Whether the entry is in the index. Call it only under the pool's lock.
    pub(super) fn is_listed(&self) -> bool {
        self.is_listed.load(Relaxed)
    }

    /// Marks it as removed from the index. Call it only under the pool's lock.
    pub(super) fn unlist(&self) {
        self.is_listed.store(false, Relaxed);
    }
}

impl<'p, W: Window, L: Lock> Slot<'p, W, L> {
    #[inline]
    pub(super) fn circuit(self) -> &'p OfPool<W, L> {
        &self.body.circuit
    }

    /// Gives a claimed entry to another key, and holds it. The key must have its digest.
    pub(super) fn become_of(self, hash: u32, key: &KeyText<'_>) {
        let Self { entry, body } = self;
        body.circuit.renew();
        entry.hash.store(hash, Relaxed);
        entry.is_listed.store(true, Relaxed);
        entry.length.store(key.length().0, Relaxed);
        self.words().zip(words(key.stored())).for_each(|(word, value)| word.store(value, Relaxed));
        if key.length().is_long() {
            body.digest.iter().zip(key.digest()).for_each(|(word, value)| word.store(value, Relaxed));
        }
        entry.holders.fetch_sub(CLAIMED - 1, Release);
    }

    /// The key, or the beginning and the digest of a long one. Call it only as a holder, or under the pool's lock.
    pub(super) fn name(self) -> String {
        let length = Length(self.entry.length.load(Relaxed));
        let bytes = self.words().flat_map(|word| word.load(Relaxed).to_le_bytes()).take(length.stored());
        let text = match String::from_utf8(bytes.collect::<Vec<_>>()) {
            Ok(text) => text,
            Err(_) => unreachable!("it was made of a whole `str`"),
        };
        if !length.is_cut() {
            return text;
        }
        let [a, b, c] = self.body.digest();
        format!("{text}..{a:08x}{b:08x}{c:08x}")
    }

    /// The key as events show it, without an allocation.
    pub(super) fn key(self) -> Key {
        let length = Length(self.entry.length.load(Relaxed));
        let mut bytes = [0; 24];
        for (chunk, word) in bytes.chunks_exact_mut(WORD).zip(self.words()) {
            chunk.copy_from_slice(&word.load(Relaxed).to_le_bytes());
        }
        // The last character of what a long key keeps may be cut here.
        let bytes = &bytes[..length.stored().min(Key::CAPACITY)];
        let whole = core::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        let text = core::str::from_utf8(&bytes[..whole]).unwrap_or_default();
        if length.is_long() { Key::of_long(text, self.body.digest()) } else { Key::new(text) }
    }

    fn words(self) -> impl Iterator<Item = &'p AtomicUsize> {
        self.entry.words.iter().chain(&self.body.more_words)
    }
}

impl<W: Window, L: Lock> Clone for Slot<'_, W, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W: Window, L: Lock> Copy for Slot<'_, W, L> {}

impl<W: Window, L: Lock> fmt::Debug for Slot<'_, W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(&self.key()).finish()
    }
}

fn no_words<const N: usize>() -> [AtomicUsize; N] {
    core::array::from_fn(|_| AtomicUsize::new(0))
}

fn no_digest() -> [AtomicU32; 3] {
    core::array::from_fn(|_| AtomicU32::new(0))
}

/// The bytes as words; the last word is padded with zeros.
#[inline]
fn words(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let (whole, rest) = bytes.as_chunks::<WORD>();
    let last = (!rest.is_empty()).then(|| {
        let mut last = [0; WORD];
        last[..rest.len()].copy_from_slice(rest);
        usize::from_le_bytes(last)
    });
    whole.iter().map(|word| usize::from_le_bytes(*word)).chain(last)
}
