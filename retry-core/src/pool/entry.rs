//! What a pool keeps of one key, and who has it.
//!
//! An entry is read without a lock, and given to another key under the pool's. Two words keep these apart: whoever
//! wants it counts himself as one of its holders first, and only then looks which key it is of; whoever gives it away
//! claims it first, which works only while nobody holds it. So the key of an entry that is held does not change.

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

/// A circuit that has its configuration in its pool.
pub(super) type OfPool<W, L> = SharedCircuit<W, L, Arc<CircuitConfig>>;

/// What a lookup touches, in one cache line: so there is no circuit in it, of which memory has many more pages.
#[repr(align(64))]
pub(super) struct Entry {
    /// How many hold it, and `CLAIMED`.
    holders: AtomicU32,
    hash: AtomicU32,
    idle_since: AtomicU32,
    is_listed: AtomicBool,
    /// Whether anyone asked for it since the hand passed.
    asked: AtomicBool,
    /// The length of its key, which is in `words` and goes on in the body.
    length: AtomicU32,
    words: [AtomicUsize; WORDS],
}

/// The rest of an entry.
pub(super) struct Body<W: Window, L: Lock> {
    circuit: OfPool<W, L>,
    more_words: [AtomicUsize; MORE_WORDS],
    /// The key, where the words do not hold it.
    long: RwLock<Box<str>>,
}

/// Beside the number of holders: its key is about to change, and it cannot be held.
const CLAIMED: u32 = 1 << 31;
/// More must be a leak. Not to be reached by those that are turned away, before they have taken themselves back.
const MOST_HOLDERS: u32 = 1 << 30;

const WORD: usize = size_of::<usize>();
/// 40 bytes: names of most hosts.
const WORDS: usize = if cfg!(loom) { 1 } else { 40 / WORD };
/// Together 96 bytes: what providers make of them.
const MORE_WORDS: usize = if cfg!(loom) { 0 } else { 56 / WORD };
const SHORT: usize = (WORDS + MORE_WORDS) * WORD;

impl<W: Window, L: Lock> Body<W, L> {
    pub(super) fn new(config: &Arc<CircuitConfig>) -> Self {
        Self {
            circuit: OfPool::with(Arc::clone(config)),
            more_words: no_words(),
            long: RwLock::new(Box::default()),
        }
    }

    pub(super) fn circuit(&self) -> &OfPool<W, L> {
        &self.circuit
    }
}

impl Entry {
    /// Of no key yet.
    pub(super) fn new() -> Self {
        Self {
            holders: AtomicU32::new(0),
            hash: AtomicU32::new(0),
            idle_since: AtomicU32::new(Seconds::UNKNOWN.0),
            is_listed: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            length: AtomicU32::new(0),
            words: no_words(),
        }
    }

    /// Counts one more holder, unless it is claimed or has too many.
    #[inline]
    pub(super) fn hold(&self) -> bool {
        // What was done to it before it could be held is to be seen.
        if self.holders.fetch_add(1, Acquire) < MOST_HOLDERS {
            return true;
        }
        self.release();
        false
    }

    /// A holder leaves.
    #[inline]
    pub(super) fn release(&self) {
        self.holders.fetch_sub(1, Release);
    }

    /// Keeps it from being held, where nobody holds it. What its holders did to it is to be seen from here on.
    pub(super) fn claim(&self) -> bool {
        self.holders.load(Relaxed) == 0 && self.holders.compare_exchange(0, CLAIMED, Acquire, Relaxed).is_ok()
    }

    /// Lets it be held again.
    pub(super) fn give_up_claim(&self) {
        // Those who are turned away at this moment are counted, too.
        self.holders.fetch_sub(CLAIMED, Release);
    }

    /// Ends the claim on it, holding it, as that of another key.
    pub(super) fn become_of<W: Window, L: Lock>(&self, hash: u32, name: &str, body: &Body<W, L>) {
        body.circuit.renew();
        self.hash.store(hash, Relaxed);
        self.idle_since.store(Seconds::UNKNOWN.0, Relaxed);
        self.is_listed.store(true, Relaxed);
        self.asked.store(false, Relaxed);
        self.length.store(length(name), Relaxed);
        let is_long = name.len() > SHORT;
        if !is_long {
            let all = self.words.iter().chain(&body.more_words);
            all.zip(words(name.as_bytes())).for_each(|(word, value)| word.store(value, Relaxed));
        }
        let mut long = body.long.write().unwrap_or_else(PoisonError::into_inner);
        if is_long || !long.is_empty() {
            *long = if is_long { name.into() } else { Box::default() };
        }
        drop(long);
        self.holders.fetch_sub(CLAIMED - 1, Release);
    }

    /// Whether it is of this key. Only for a holder, and under the pool's lock.
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
            return **body().long.read().unwrap_or_else(PoisonError::into_inner) == *name;
        }
        are(&self.words, start) && (rest.is_empty() || are(&body().more_words, rest))
    }

    /// Its key. Only for a holder, and under the pool's lock.
    pub(super) fn name<W: Window, L: Lock>(&self, body: &Body<W, L>) -> String {
        let length = self.length.load(Relaxed) as usize;
        if length > SHORT {
            return String::from(&**body.long.read().unwrap_or_else(PoisonError::into_inner));
        }
        let words = self.words.iter().chain(&body.more_words);
        let bytes = words.flat_map(|word| word.load(Relaxed).to_le_bytes()).take(length);
        match String::from_utf8(bytes.collect::<Vec<_>>()) {
            Ok(name) => name,
            Err(_) => unreachable!("it was made of a `str`, whole"),
        }
    }

    /// The same as far as a [`Key`] holds it, without an allocation.
    pub(super) fn key<W: Window, L: Lock>(&self, body: &Body<W, L>) -> Key {
        // One byte more than a key holds says that there is more; three more, that a character is whole.
        const BYTES: usize = 32;
        let length = self.length.load(Relaxed) as usize;
        if length > SHORT {
            return Key::new(&body.long.read().unwrap_or_else(PoisonError::into_inner));
        }
        let mut bytes = [0; BYTES];
        let words = self.words.iter().chain(&body.more_words);
        for (chunk, word) in bytes.chunks_exact_mut(WORD).zip(words) {
            chunk.copy_from_slice(&word.load(Relaxed).to_le_bytes());
        }
        let bytes = &bytes[..length.min(BYTES)];
        let whole = core::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
        Key::new(core::str::from_utf8(&bytes[..whole]).unwrap_or_default())
    }

    /// The hash of its key. Only under the pool's lock.
    pub(super) fn hash(&self) -> u32 {
        self.hash.load(Relaxed)
    }

    #[inline]
    pub(super) fn ask(&self) {
        // What does not change is not written, so that other threads keep their copy of it.
        if !self.asked.load(Relaxed) {
            self.asked.store(true, Relaxed);
        }
    }

    /// Whether anyone asked for it since this was asked before. Only under the pool's lock.
    pub(super) fn take_asked(&self) -> bool {
        self.asked.load(Relaxed) && self.asked.swap(false, Relaxed)
    }

    /// Whether its key finds it. Only under the pool's lock.
    pub(super) fn is_listed(&self) -> bool {
        self.is_listed.load(Relaxed)
    }

    /// Only under the pool's lock.
    pub(super) fn unlist(&self) {
        self.is_listed.store(false, Relaxed);
    }

    /// Since when nobody has asked for it, as far as the hand knows. Only under the pool's lock.
    pub(super) fn with_idle_since<R>(&self, f: impl FnOnce(&mut Seconds) -> R) -> R {
        let mut idle_since = Seconds(self.idle_since.load(Relaxed));
        let result = f(&mut idle_since);
        self.idle_since.store(idle_since.0, Relaxed);
        result
    }
}

/// As far as it can be told: of keys that are as long or longer, all of the text is compared.
fn length(name: &str) -> u32 {
    u32::try_from(name.len()).unwrap_or(u32::MAX)
}

fn no_words<const N: usize>() -> [AtomicUsize; N] {
    core::array::from_fn(|_| AtomicUsize::new(0))
}

/// The bytes in words, the last one filled up with zeros.
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
