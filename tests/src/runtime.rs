//! The runtime of a scenario.

use core::cell::Cell;
use core::convert::Infallible;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use rand_core::TryRng;
use retry_core::{
    Instant,
    runtime::{BlockingSleep, Clock, Entropy, Interrupted, Readiness, Sleep},
};

use crate::scenario::Scenario;

/// The clock and sleep of an adapter, with random words from a script.
///
/// It changes two things, so that logs can be compared. Its time starts at 0 with the scenario. And it rounds each
/// sleep up to whole milliseconds, which is the resolution of tokio's timers. Otherwise a jittered delay would end at
/// another time there than on a finer clock.
#[derive(Debug)]
pub struct Scripted<'s, R> {
    inner: R,
    start: Instant,
    words: ScriptedWords<'s>,
    /// When a blocking sleep is interrupted.
    stop: Cell<Instant>,
    ready: Option<Readiness<'s>>,
}

impl<'s, R: Clock> Scripted<'s, R> {
    /// Makes the runtime of a scenario that starts now.
    pub fn new(scenario: &Scenario<'s>, inner: R) -> Self {
        let start = inner.now();
        let words = ScriptedWords { first: Cell::new(scenario.words), state: Cell::new(scenario.seed) };
        Self { inner, start, words, stop: Cell::new(Instant::MAX), ready: None }
    }

    /// Ends waits as soon as this is ready.
    pub(crate) fn until_ready(mut self, ready: Option<Readiness<'s>>) -> Self {
        self.ready = ready;
        self
    }

    /// Interrupts blocking sleeps from this time on.
    pub fn interrupt_at(&self, at: Instant) {
        self.stop.set(at);
    }

    /// Returns the random words, for a loop by hand.
    pub const fn words(&self) -> &ScriptedWords<'s> {
        &self.words
    }
}

impl<R: Clock> Clock for Scripted<'_, R> {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.inner.now().as_nanos() - self.start.as_nanos())
    }

    fn readiness(&self) -> Option<Readiness<'_>> {
        self.ready
    }
}

impl<R: Sleep> Sleep for Scripted<'_, R> {
    type Sleep = R::Sleep;

    fn sleep(&self, duration: Duration) -> R::Sleep {
        self.inner.sleep(whole_millis(duration))
    }
}

impl<R: BlockingSleep> BlockingSleep for Scripted<'_, R> {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        let (now, duration) = (self.now(), whole_millis(duration));
        if self.stop.get() <= now.after(duration) {
            let _ = self.inner.sleep_blocking(self.stop.get().since(now));
            return Err(Interrupted);
        }
        self.inner.sleep_blocking(duration)
    }

    fn is_interrupted(&self) -> bool {
        self.stop.get() <= self.now()
    }
}

impl<R> Entropy for Scripted<'_, R> {
    fn word(&self) -> u64 {
        self.words.next()
    }
}

/// How many readiness checks still fail.
pub(crate) struct Denials(AtomicU32);

impl Denials {
    pub(crate) fn of(scenario: &Scenario<'_>) -> Self {
        Self(AtomicU32::new(scenario.ready.map_or(0, |ready| ready.denials)))
    }

    /// Returns whether the dependency is ready now.
    pub(crate) fn are_over(&self) -> bool {
        // A load and a store, because a Cortex-M0 lacks `fetch_sub`. Only one task checks.
        let denials = self.0.load(Ordering::Relaxed);
        self.0.store(denials.saturating_sub(1), Ordering::Relaxed);
        denials == 0
    }
}

/// Rounds up to whole milliseconds. Saturates.
fn whole_millis(duration: Duration) -> Duration {
    const MILLI: u32 = 1_000_000;
    match duration.subsec_nanos() % MILLI {
        0 => duration,
        part => duration.saturating_add(Duration::from_nanos((MILLI - part).into())),
    }
}

/// The words of a script, then words of [SplitMix64](https://doi.org/10.1145/2714064.2660195) from a seed.
#[derive(Debug)]
pub struct ScriptedWords<'s> {
    first: Cell<&'s [u64]>,
    state: Cell<u64>,
}

impl ScriptedWords<'_> {
    fn next(&self) -> u64 {
        match self.first.get().split_first() {
            Some((word, rest)) => {
                self.first.set(rest);
                *word
            }
            None => {
                let mut state = self.state.get();
                let word = split_mix(&mut state);
                self.state.set(state);
                word
            }
        }
    }
}

impl TryRng for &ScriptedWords<'_> {
    type Error = Infallible;

    #[allow(clippy::cast_possible_truncation)] // the upper half
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.next() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        rand_core::utils::fill_bytes_via_next_word(bytes, || self.try_next_u64())
    }
}

pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}
