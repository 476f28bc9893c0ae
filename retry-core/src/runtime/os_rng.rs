//! Random words from the operating system.

use core::cell::Cell;
use core::convert::Infallible;

use rand_core::TryRng;

use super::Entropy;

/// Random words from the operating system. Each thread asks for 32 at a time, because each request is a system
/// call. So there is no generator to seed or to share.
///
/// After a `fork`, parent and child draw the same words until the buffer of the thread that forked is used up: at most
/// 31. Delays may be equal then; do not make identifiers or secrets of the words.
///
/// If the system refuses, the word is `u64::MAX`, which makes the longest delay that the jitter allows.
///
/// ```
/// use retry_core::runtime::{Entropy, OsRng};
///
/// assert_ne!(OsRng.word(), OsRng.word());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRng;

impl Entropy for OsRng {
    fn word(&self) -> u64 {
        BUFFER.with(|buffer| buffer.next().or_else(|| buffer.fill()).unwrap_or(u64::MAX))
    }
}

/// The bytes do not come from the buffer of words, but from the system.
impl TryRng for OsRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if getrandom::fill(bytes).is_err() {
            bytes.fill(u8::MAX);
        }
        Ok(())
    }
}

const WORDS: usize = 32;

std::thread_local! {
    static BUFFER: Buffer = const { Buffer { words: [const { Cell::new(0) }; WORDS], left: Cell::new(0) } };
}

/// The words of one thread that no delay has taken yet: the first `left` ones.
struct Buffer {
    words: [Cell<u64>; WORDS],
    left: Cell<usize>,
}

impl Buffer {
    #[inline]
    fn next(&self) -> Option<u64> {
        let left = self.left.get().checked_sub(1)?;
        self.left.set(left);
        Some(self.words.get(left)?.get())
    }

    /// Fills the buffer, and returns the next word; `None` if the system refuses.
    #[cold]
    fn fill(&self) -> Option<u64> {
        let mut bytes = [0; WORDS * 8];
        getrandom::fill(&mut bytes).ok()?;
        for (word, bytes) in self.words.iter().zip(bytes.as_chunks().0) {
            word.set(u64::from_ne_bytes(*bytes));
        }
        self.left.set(WORDS);
        self.next()
    }
}
