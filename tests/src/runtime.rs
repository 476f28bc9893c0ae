//! A runtime as a scenario sees it.

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

/// An adapter's own clock and sleep, and random words by script.
///
/// It changes two things, so that logs can be compared. Time counts from the start of the scenario. And a sleep is
/// rounded up to whole milliseconds before the adapter is asked for it: tokio's timers know no less, so that a jittered
/// delay would end at another time there than on a finer clock.
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
    /// The scenario starts now.
    pub fn new(scenario: &Scenario<'s>, inner: R) -> Self {
        let start = inner.now();
        let words = ScriptedWords { first: Cell::new(scenario.words), state: Cell::new(scenario.seed) };
        Self { inner, start, words, stop: Cell::new(Instant::MAX), ready: None }
    }

    /// Waits end as soon as this is ready.
    pub(crate) fn until_ready(mut self, ready: Option<Readiness<'s>>) -> Self {
        self.ready = ready;
        self
    }

    /// Interrupts blocking sleeps from then on.
    pub fn interrupt_at(&self, at: Instant) {
        self.stop.set(at);
    }

    /// The random words, for a loop by hand.
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

/// How often the dependency of a scenario is still not ready when it is asked.
pub(crate) struct Denials(AtomicU32);

impl Denials {
    pub(crate) fn of(scenario: &Scenario<'_>) -> Self {
        Self(AtomicU32::new(scenario.ready.map_or(0, |ready| ready.denials)))
    }

    /// Whether it is ready now.
    pub(crate) fn are_over(&self) -> bool {
        // Not `fetch_sub`: a Cortex-M0 has none, and nobody else asks.
        let denials = self.0.load(Ordering::Relaxed);
        self.0.store(denials.saturating_sub(1), Ordering::Relaxed);
        denials == 0
    }
}

/// Rounded up; saturates.
fn whole_millis(duration: Duration) -> Duration {
    const MILLI: u32 = 1_000_000;
    match duration.subsec_nanos() % MILLI {
        0 => duration,
        part => duration.saturating_add(Duration::from_nanos((MILLI - part).into())),
    }
}

/// The words of a script, then those of [SplitMix64](https://doi.org/10.1145/2714064.2660195) by its seed.
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
