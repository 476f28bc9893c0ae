//! A clock and random words by script, so that tests take no real time.

use core::convert::Infallible;
use core::fmt;
use core::ops::Deref;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;

use rand_core::TryRng;

use super::sleepers::{Sleeper, Sleepers};
use super::wakes::Wakes;
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::runtime::{BlockingSleep, Clock, Entropy, Interrupted, Sleep};
use crate::time::{Instant, nanos};

/// A fake clock and a runtime on it: time stands still until the test moves it.
///
/// A [`Retry`](crate::Retry) over `&clock` takes no real time, and every delay is exact. With the feature `std`, an
/// `Arc<FakeClock>` is a runtime, too, for clients that own their runtime and for spawned tasks. By value, the clock
/// runs only blocking code: in async code, rustc reports "`FakeClock` cannot sleep without blocking".
///
/// A blocking sleep moves the clock. For futures that sleep on it, there are three ways to move it:
///
/// - [`run`](Self::run) drives one future to its end, from one wake-up to the next. Futures joined into one share the
///   time as on a real clock.
/// - [`advance`](Self::advance) wakes the sleeps that are due, for futures that an executor drives.
/// - [`auto_advance`](Self::auto_advance) lets each sleep move the clock.
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
///
/// Its state is behind the [`DefaultLock`]. With the feature `std` or `critical-section`, threads may share the clock,
/// and it may be a `static`.
pub struct FakeClock {
    state: <DefaultLock as Lock>::Of<State>,
    words: &'static [u64],
    auto_advances: bool,
    /// The wall-clock time at the origin.
    unix_origin: Option<Duration>,
}

/// The state that the lock guards.
struct State {
    now: Instant,
    /// How many words of the script were drawn.
    drawn: usize,
    /// The time from which blocking sleeps are interrupted.
    interrupt: Option<Instant>,
    sleepers: Sleepers,
    next_id: u64,
}

impl FakeClock {
    /// Makes a clock at the origin. Its random words are all ones, which makes the longest delays.
    pub const fn new() -> Self {
        Self { state: Initial::INITIAL, words: &[], auto_advances: false, unix_origin: None }
    }

    /// Sets the random words, in this order, with all ones after them. Call it before the first word is drawn.
    #[must_use]
    pub const fn with_words(mut self, words: &'static [u64]) -> Self {
        self.words = words;
        self
    }

    /// Gives the clock a wall-clock time: that at the origin, since 1970. By default, it has none.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// let clock = FakeClock::new().with_unix_time(Duration::from_secs(1_700_000_000));
    /// let error = Retry::new(&Policy::DEFAULT, &clock).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    /// assert_eq!(error.context().unix_time, Some(Duration::from_millis(1_700_000_000_300)));
    /// ```
    #[must_use]
    pub const fn with_unix_time(mut self, at_origin: Duration) -> Self {
        self.unix_origin = Some(at_origin);
        self
    }

    /// Lets each sleep move the clock to its own end when it is polled, so that every sleep is ready at its first poll.
    ///
    /// It is meant for tests under an executor in which only the sleeps move the clock, and calls only wait between
    /// attempts. A sleep that races with other work wins too early: an attempt timeout ends its attempt as soon as the
    /// operation is pending once. Use [`run`](Self::run) or [`advance`](Self::advance) for those.
    ///
    /// ```
    /// use core::pin::pin;
    /// use core::task::{Context, Waker};
    /// use retry_core::{testing::FakeClock, Class, Policy, Retry};
    ///
    /// let clock = FakeClock::new().auto_advance();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock);
    /// let call = pin!(retry.run(|| async { Err::<(), _>(Class::Server) }));
    /// assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_ready()); // at the first poll
    /// assert_eq!(clock.now().as_millis(), 100 + 200);
    /// ```
    #[must_use]
    pub const fn auto_advance(mut self) -> Self {
        self.auto_advances = true;
        self
    }

    /// Makes a generator of these words, with all ones after them, for a loop written by hand.
    pub const fn words<'w>(&self, words: &'w [u64]) -> Words<'w> {
        Words { rest: words }
    }

    /// Returns the time, as [`Clock::now`] does, without importing the trait.
    pub fn now(&self) -> Instant {
        self.state.with(|state| state.now)
    }

    /// Returns the earliest end of a pending sleep, to which a test can advance the clock; `None` if no sleep is
    /// pending.
    ///
    /// A sleep is pending from its first poll until it is due or dropped. If a task runs on another thread, a test
    /// waits until the expected end is returned, and then advances the clock.
    ///
    /// ```
    /// use core::pin::pin;
    /// use core::task::{Context, Waker};
    /// use core::time::Duration;
    /// use retry_core::{runtime::Sleep, testing::FakeClock, Instant};
    ///
    /// let (clock, mut context) = (&FakeClock::new(), Context::from_waker(Waker::noop()));
    /// let mut sleep = pin!(clock.sleep(Duration::from_secs(1)));
    /// assert!(sleep.as_mut().poll(&mut context).is_pending());
    /// assert_eq!(clock.next_wake(), Some(Instant::from_millis(1_000)));
    ///
    /// clock.advance(Duration::from_secs(1)); // wakes it
    /// assert_eq!(clock.next_wake(), None);
    /// assert!(sleep.poll(&mut context).is_ready());
    /// ```
    pub fn next_wake(&self) -> Option<Instant> {
        self.state.with(|state| state.sleepers.earliest()).map(|(until, _)| until)
    }

    /// Moves the clock forward by `duration`, and wakes the sleeps that are then due, the earliest first.
    pub fn advance(&self, duration: Duration) {
        self.state.with(|state| state.now = state.now.after(duration));
        self.wake_due();
    }

    /// Moves the clock back by `duration`, at most to the origin, like a system clock that is corrected.
    pub fn step_back(&self, duration: Duration) {
        self.state.with(|state| {
            state.now = Instant::from_nanos(state.now.as_nanos().saturating_sub(nanos(duration)));
        });
    }

    /// Interrupts the blocking sleep at this time, and every one after it. This is how a test cancels a call.
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
        self.state.with(|state| state.interrupt = Some(at));
    }

    /// Drives `future` to its end, and moves the clock to each next wake-up.
    ///
    /// With the feature `std`, a future that is woken while it is polled is polled again before the clock moves. So
    /// calls that are joined into one future may use channels.
    ///
    /// # Panics
    /// Panics if the future waits for something other than a sleep on this clock, such as another thread.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let wakes = Wakes::new();
        let waker = wakes.waker();
        loop {
            let before = wakes.mark(self.now());
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            if wakes.mark(self.now()) != before {
                continue; // the future was woken meanwhile: poll it again before the clock moves
            }
            match self.next_wake() {
                Some(until) => self.advance_to(until),
                None => panic!("the future waits for something other than a sleep on this FakeClock"),
            }
        }
    }

    fn advance_to(&self, to: Instant) {
        self.state.with(|state| state.now = state.now.max(to));
        self.wake_due();
    }

    /// Wakes outside the lock, because a waker may poll its future at once, which takes the lock.
    fn wake_due(&self) {
        while let Some(waker) = self.state.with(|state| state.sleepers.take_due(state.now)) {
            waker.wake();
        }
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for FakeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeClock").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Instant {
        self.now()
    }

    fn unix_time(&self) -> Option<Duration> {
        self.unix_origin.map(|origin| origin.saturating_add(self.now().since(Instant::ORIGIN)))
    }
}

impl<'c> Sleep for &'c FakeClock {
    type Sleep = FakeSleep<&'c FakeClock>;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        FakeSleep::new(self, duration)
    }
}

#[cfg(feature = "std")]
impl Sleep for std::sync::Arc<FakeClock> {
    type Sleep = FakeSleep<Self>;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        FakeSleep::new(self.clone(), duration)
    }
}

impl BlockingSleep for FakeClock {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        let slept = self.state.with(|state| {
            let until = state.now.after(duration);
            let interrupt = state.interrupt.filter(|interrupt| *interrupt <= until);
            state.now = interrupt.unwrap_or(until).max(state.now);
            interrupt.map_or(Ok(()), |_| Err(Interrupted))
        });
        self.wake_due();
        slept
    }

    fn is_interrupted(&self) -> bool {
        self.state.with(|state| state.interrupt.is_some_and(|interrupt| interrupt <= state.now))
    }
}

impl Entropy for FakeClock {
    fn word(&self) -> u64 {
        self.state.with(|state| match self.words.get(state.drawn) {
            Some(word) => {
                state.drawn += 1;
                *word
            }
            None => u64::MAX,
        })
    }
}

impl Initial for State {
    const INITIAL: Self =
        Self { now: Instant::ORIGIN, drawn: 0, interrupt: None, sleepers: Sleepers::new(), next_id: 0 };
}

/// A sleep on the [`FakeClock`] that `C` points to.
#[derive(Debug)]
#[must_use = "a sleep does nothing until it is awaited"]
pub struct FakeSleep<C: Deref<Target = FakeClock>> {
    clock: C,
    until: Instant,
    id: u64,
}

impl<C: Deref<Target = FakeClock>> FakeSleep<C> {
    fn new(clock: C, duration: Duration) -> Self {
        let (until, id) = clock.state.with(|state| {
            state.next_id += 1;
            (state.now.after(duration), state.next_id)
        });
        Self { clock, until, id }
    }
}

impl<C: Deref<Target = FakeClock>> Future for FakeSleep<C> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { ref clock, until, id } = *self;
        if clock.auto_advances {
            clock.advance_to(until);
            return Poll::Ready(());
        }
        // In the same step as the look at the time, so that no move of the clock is missed.
        let (_former, added) = clock.state.with(|state| {
            let former = state.sleepers.remove(id);
            let sleeper = || Sleeper { until, id, waker: context.waker().clone() };
            (former, (state.now < until).then(|| state.sleepers.add(sleeper())))
        });
        match added {
            None => Poll::Ready(()),
            Some(left_out) => {
                left_out.into_iter().for_each(Waker::wake);
                Poll::Pending
            }
        }
    }
}

impl<C: Deref<Target = FakeClock>> Drop for FakeSleep<C> {
    fn drop(&mut self) {
        // It is dropped outside the lock. A task's last waker may drop the task, and with it other sleeps.
        let _waker = self.clock.state.with(|state| state.sleepers.remove(self.id));
    }
}

/// A random generator that returns a script of words, and all ones after them.
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
        defmt::write!(f, "FakeClock {{ now: {} }}", self.now());
    }
}

#[cfg(feature = "defmt")]
impl<C: Deref<Target = FakeClock>> defmt::Format for FakeSleep<C> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "FakeSleep");
    }
}
