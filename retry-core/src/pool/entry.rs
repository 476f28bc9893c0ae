//! The data of one key in a pool, and the count of its holders.
//!
//! An entry is read without a lock, and given to another key under the pool's lock. Two rules keep these apart. A
//! reader first counts itself among the entry's holders, and then compares the key. The pool claims an entry before it
//! gives it to another key, and a claim succeeds only if the entry has no holders. So the key of a held entry stays the
//! same.

use core::fmt;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use std::boxed::Box;
use std::string::String;
use std::sync::{Arc, PoisonError, RwLock};
use std::vec::Vec;

use super::eviction::Seconds;
use super::sync::{AtomicBool, AtomicU32, AtomicUsize};
use crate::circuit::{CircuitConfig, SharedCircuit, Window};
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
    idle_since: AtomicU32,
    is_listed: AtomicBool,
    /// Whether a look-up asked for it since the clock hand last passed it.
    referenced: AtomicBool,
    /// The length of its key, which begins in `words` and continues in the body.
    length: AtomicU32,
    words: [AtomicUsize; WORDS],
}

/// The rest of an entry.
pub(super) struct Body<W: Window, L: Lock> {
    circuit: OfPool<W, L>,
    more_words: [AtomicUsize; MORE_WORDS],
    /// The key, if it is too long for the words.
    long: RwLock<Option<Box<LongKey>>>,
}

/// An entry and its body.
pub struct Slot<'p, W: Window, L: Lock> {
    pub(super) entry: &'p Entry,
    pub(super) body: &'p Body<W, L>,
}

/// A key on the heap, behind one word.
struct LongKey(Box<str>);

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
const SHORT: usize = (WORDS + MORE_WORDS) * WORD;

impl<W: Window, L: Lock> Body<W, L> {
    pub(super) fn new(config: &Arc<CircuitConfig>) -> Self {
        Self { circuit: OfPool::with(Arc::clone(config)), more_words: no_words(), long: RwLock::new(None) }
    }

    #[inline]
    pub(super) fn circuit(&self) -> &OfPool<W, L> {
        &self.circuit
    }

    /// Runs `f` with the key, if it is too long for the words.
    fn with_long<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        let long = self.long.read().unwrap_or_else(PoisonError::into_inner);
        f(long.as_ref().map_or("", |long| &long.0))
    }
}

impl Entry {
    /// An unused entry.
    pub(super) fn new() -> Self {
        Self {
            holders: AtomicU32::new(0),
            hash: AtomicU32::new(0),
            idle_since: AtomicU32::new(Seconds::UNKNOWN.0),
            is_listed: AtomicBool::new(false),
            referenced: AtomicBool::new(false),
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
        name: &str,
        body: impl FnOnce() -> &'b Body<W, L>,
    ) -> bool {
        if self.length.load(Relaxed) != length(name) {
            return false;
        }
        let (start, rest) = name.as_bytes().split_at(name.len().min(WORDS * WORD));
        let are = |stored: &[AtomicUsize], bytes| {
            stored.iter().zip(words(bytes)).all(|(word, value)| word.load(Relaxed) == value)
        };
        if name.len() > SHORT {
            return body().with_long(|long| long == name);
        }
        are(&self.words, start) && (rest.is_empty() || are(&body().more_words, rest))
    }

    /// The hash of the key. Call it only under the pool's lock.
    pub(super) fn hash(&self) -> u32 {
        self.hash.load(Relaxed)
    }

    #[inline]
    pub(super) fn reference(&self) {
        // A set bit is left alone, so that it stays in the caches of other threads.
        if !self.referenced.load(Relaxed) {
            self.referenced.store(true, Relaxed);
        }
    }

    /// Clears the referenced bit, and returns what it was. Call it only under the pool's lock.
    pub(super) fn take_referenced(&self) -> bool {
        self.referenced.load(Relaxed) && self.referenced.swap(false, Relaxed)
    }

    /// Whether the entry is in the index. Call it only under the pool's lock.
    pub(super) fn is_listed(&self) -> bool {
        self.is_listed.load(Relaxed)
    }

    /// Marks it as removed from the index. Call it only under the pool's lock.
    pub(super) fn unlist(&self) {
        self.is_listed.store(false, Relaxed);
    }

    /// Reads and changes the start of the time without a look-up. Call it only under the pool's lock.
    pub(super) fn with_idle_since<R>(&self, f: impl FnOnce(&mut Seconds) -> R) -> R {
        let mut idle_since = Seconds(self.idle_since.load(Relaxed));
        let result = f(&mut idle_since);
        self.idle_since.store(idle_since.0, Relaxed);
        result
    }
}

impl<'p, W: Window, L: Lock> Slot<'p, W, L> {
    #[inline]
    pub(super) fn circuit(self) -> &'p OfPool<W, L> {
        &self.body.circuit
    }

    /// Gives a claimed entry to another key, and holds it.
    pub(super) fn become_of(self, hash: u32, name: &str) {
        let Self { entry, body } = self;
        body.circuit.renew();
        entry.hash.store(hash, Relaxed);
        entry.idle_since.store(Seconds::UNKNOWN.0, Relaxed);
        entry.is_listed.store(true, Relaxed);
        entry.referenced.store(false, Relaxed);
        entry.length.store(length(name), Relaxed);
        let is_long = name.len() > SHORT;
        if !is_long {
            let words_of_name = words(name.as_bytes());
            self.words().zip(words_of_name).for_each(|(word, value)| word.store(value, Relaxed));
        }
        let mut long = body.long.write().unwrap_or_else(PoisonError::into_inner);
        if is_long || long.is_some() {
            *long = is_long.then(|| Box::new(LongKey(name.into())));
        }
        drop(long);
        entry.holders.fetch_sub(CLAIMED - 1, Release);
    }

    /// The key. Call it only as a holder, or under the pool's lock.
    pub(super) fn name(self) -> String {
        let length = self.entry.length.load(Relaxed) as usize;
        if length > SHORT {
            return self.body.with_long(|long| long.into());
        }
        let bytes = self.words().flat_map(|word| word.load(Relaxed).to_le_bytes()).take(length);
        match String::from_utf8(bytes.collect::<Vec<_>>()) {
            Ok(name) => name,
            Err(_) => unreachable!("it was made of a whole `str`"),
        }
    }

    /// The part of the key that a [`Key`] holds, without an allocation.
    pub(super) fn key(self) -> Key {
        // One byte more than a key holds shows that the text is longer. Three more show that its last character is
        // whole.
        const BYTES: usize = 32;
        let length = self.entry.length.load(Relaxed) as usize;
        if length > SHORT {
            return self.body.with_long(Key::new);
        }
        let mut bytes = [0; BYTES];
        for (chunk, word) in bytes.chunks_exact_mut(WORD).zip(self.words()) {
            chunk.copy_from_slice(&word.load(Relaxed).to_le_bytes());
        }
        let bytes = &bytes[..length.min(BYTES)];
        let whole = core::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        Key::new(core::str::from_utf8(&bytes[..whole]).unwrap_or_default())
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

/// Saturates, because the text of such long keys is compared anyway.
fn length(name: &str) -> u32 {
    u32::try_from(name.len()).unwrap_or(u32::MAX)
}

fn no_words<const N: usize>() -> [AtomicUsize; N] {
    core::array::from_fn(|_| AtomicUsize::new(0))
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
