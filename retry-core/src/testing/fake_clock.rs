//! Time and randomness by script, for tests that take no time.

use core::cell::Cell;
use core::convert::Infallible;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use rand_core::TryRng;

use crate::runtime::{BlockingSleep, Clock, Entropy, Interrupted, Sleep};
use crate::time::{Instant, nanos};

/// A clock that stands until it is told, and a runtime on it: a [`Retry`](crate::Retry) over `&clock` takes no
/// time, and every delay is exact.
///
/// A future that sleeps on it is driven by [`run`](Self::run), which moves the clock from one wake-up to the
/// next; several futures joined into one share its time as they would a real one's.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{testing::FakeClock, Class, Policy, Retry};
///
/// const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(3);
///
/// let clock = FakeClock::new().with_words(&[u64::MAX, 1 << 63]);
/// let retry = Retry::new(&POLICY, &clock).classify(|_: &&str| Class::Timeout);
/// let error = clock.run(retry.run(|| async { Err::<(), _>("too slow") })).unwrap_err();
/// assert!(error.is_exhausted());
/// assert_eq!(clock.now().as_millis(), 100 + 200 / 2);
/// ```
#[derive(Debug, Default)]
pub struct FakeClock {
    now: Cell<Instant>,
    words: Cell<Words<'static>>,
    /// The earliest wake-up that a pending sleep asked for since `run` last polled.
    wake: Cell<Option<Instant>>,
    /// When a blocking sleep is interrupted.
    interrupt: Cell<Option<Instant>>,
}

impl FakeClock {
    /// A clock at the origin. Its random words are all ones: the longest delays.
    pub const fn new() -> Self {
        Self {
            now: Cell::new(Instant::ORIGIN),
            words: Cell::new(Words { rest: &[] }),
            wake: Cell::new(None),
            interrupt: Cell::new(None),
        }
    }

    /// The same clock with these random words, in this order, then all ones.
    #[must_use]
    pub fn with_words(self, words: &'static [u64]) -> Self {
        self.words.set(Words { rest: words });
        self
    }

    /// A generator of these words, then of all ones, for a loop written by hand.
    pub const fn words<'w>(&self, words: &'w [u64]) -> Words<'w> {
        Words { rest: words }
    }

    /// The time. The same as [`Clock::now`], without the trait.
    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// Moves on by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.now.set(self.now().after(duration));
    }

    /// Steps back by `duration`, at most to the origin, as a clock does that is set right.
    pub fn step_back(&self, duration: Duration) {
        self.now.set(Instant::from_nanos(self.now().as_nanos().saturating_sub(nanos(duration))));
    }

    /// Interrupts a blocking sleep at this time, and every one from then on: the script's cancellation of a call.
    ///
    /// ```
    /// use retry_core::{testing::FakeClock, Class, Instant, Policy, Retry};
    ///
    /// let clock = FakeClock::new();
    /// clock.interrupt_at(Instant::from_millis(150)); // in the second delay
    /// let error = Retry::new(&Policy::DEFAULT, &clock).run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    /// assert!(error.is_cancelled());
    /// assert_eq!((error.context().attempt, clock.now().as_millis()), (2, 150));
    /// ```
    pub fn interrupt_at(&self, at: Instant) {
        self.interrupt.set(Some(at));
    }

    /// Drives `future` to its end, moving the clock to each next wake-up.
    ///
    /// # Panics
    /// Where the future waits for something other than a sleep on this clock.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            self.wake.set(None);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
            match self.wake.get() {
                Some(wake) => self.now.set(wake.max(self.now())),
                None => panic!("the future waits for something that is no sleep on this FakeClock"),
            }
        }
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Instant {
        self.now()
    }
}

impl<'c> Sleep for &'c FakeClock {
    type Sleep = FakeSleep<'c>;

    fn sleep(&self, duration: Duration) -> FakeSleep<'c> {
        FakeSleep { clock: self, until: self.now().after(duration) }
    }
}

impl BlockingSleep for FakeClock {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        let until = self.now().after(duration);
        match self.interrupt.get() {
            Some(interrupt) if interrupt <= until => {
                self.now.set(interrupt.max(self.now()));
                Err(Interrupted)
            }
            _ => {
                self.now.set(until);
                Ok(())
            }
        }
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.get().is_some_and(|interrupt| interrupt <= self.now())
    }
}

impl Entropy for FakeClock {
    fn word(&self) -> u64 {
        let mut words = self.words.get();
        let word = words.next();
        self.words.set(words);
        word
    }
}

/// A sleep on a [`FakeClock`].
#[derive(Debug)]
#[must_use = "a sleep does nothing until it is awaited"]
pub struct FakeSleep<'c> {
    clock: &'c FakeClock,
    until: Instant,
}

impl Future for FakeSleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.until {
            return Poll::Ready(());
        }
        let wake = self.clock.wake.get().map_or(self.until, |wake| wake.min(self.until));
        self.clock.wake.set(Some(wake));
        Poll::Pending
    }
}

/// A random generator that gives out a script of words, then all ones.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Words<'w> {
    rest: &'w [u64],
}

impl Words<'_> {
    fn next(&mut self) -> u64 {
        match self.rest.split_first() {
            Some((word, rest)) => {
                self.rest = rest;
                *word
            }
            None => u64::MAX,
        }
    }
}

impl TryRng for Words<'_> {
    type Error = Infallible;

    #[allow(clippy::cast_possible_truncation)] // the upper half, which a narrow draw would be
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

#[cfg(feature = "defmt")]
impl defmt::Format for FakeClock {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "FakeClock {{ now: {} }}", self.now.get());
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for FakeSleep<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "FakeSleep");
    }
}
