//! A limit on the rate of all attempts, which adapts to how often the service throttles. It is the adaptive mode of the
//! AWS SDKs.

// The algorithm is defined in floating point, and its cube root has no integer form of that precision. No other code
// links it.
#![allow(clippy::float_arithmetic)]

use core::fmt;
use core::time::Duration;

use super::steps::has_stepped_back;
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};
use crate::runtime::{BlockingSleep, Interrupted, Sleep};
use crate::time::{Instant, Now};

/// The kind of attempt that asks an [`AdaptiveRate`] for permission. It decides the price in tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Sending {
    /// The first attempt of a call, for 1 token.
    #[default]
    First,
    /// A retry, for 5 tokens.
    Retry,
    /// A retry after a timeout, for 10 tokens.
    RetryAfterTimeout,
}

impl Sending {
    const fn tokens(self) -> f64 {
        match self {
            Self::First => 1.0,
            Self::Retry => 5.0,
            Self::RetryAfterTimeout => 10.0,
        }
    }
}

/// A client-side rate limiter that adapts to throttling. It is the adaptive retry mode of the AWS SDKs.
///
/// It is unlimited until the service throttles for the first time. From then on, it is a token bucket for all
/// attempts, the first of a call included. Each throttling response lowers the rate to 70 %. Every other response
/// raises it along the curve of CUBIC congestion control, slowly around the rate at which the service throttled, and to
/// at most twice the measured rate of attempts. The rate never falls below one token per 2 s.
///
/// It has no clock of its own: the caller passes the time, waits, and reports how each attempt ended. For many callers,
/// see [`SharedAdaptiveRate`]. If the clock steps back by more than 1 s, it continues from the new time. After a smaller
/// step, such as between the readings of several threads, time stands still until the clock has caught up. So it earns
/// tokens at most for the sum of the clock's steps forward.
///
/// Source: [Retry behavior](https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html) of the AWS
/// SDKs, as [smithy-rs](https://github.com/smithy-lang/smithy-rs) implements it in `client_rate_limiter.rs`; the curve
/// is that of [RFC 9438, 4.2](https://www.rfc-editor.org/rfc/rfc9438.html#section-4.2), with C = 0.4 and β = 0.7.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Instant, budget::{AdaptiveRate, Sending}};
///
/// let mut rate = AdaptiveRate::NEW;
/// assert_eq!(rate.acquire(Sending::First, Instant::ORIGIN), Ok(())); // no limit yet
/// rate.on_throttle(Instant::ORIGIN);
/// assert_eq!(rate.acquire(Sending::First, Instant::ORIGIN), Err(Duration::from_secs(2)));
/// assert_eq!(rate.acquire(Sending::First, Instant::from_millis(2_000)), Ok(()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdaptiveRate {
    /// Whether its time has begun.
    started: bool,
    state: AdaptiveRateState,
}

/// The state of an [`AdaptiveRate`] as plain data. It serves metrics, and continues the rate after a restart.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdaptiveRateState {
    /// Whether the service has throttled, so that the rate is limited.
    pub is_limited: bool,
    /// The limit of the rate, in tokens per second.
    pub fill_rate: f64,
    /// The largest number of tokens.
    pub max_capacity: f64,
    /// The tokens as of `refilled`.
    pub capacity: f64,
    /// The time of the last refill, or `None` before the first.
    pub refilled: Option<Instant>,
    /// The measured rate of ended attempts per second, smoothed.
    pub measured_rate: f64,
    /// The half-second in which attempts are being counted, as a number of half-seconds since the clock's origin.
    pub half_second: u64,
    /// The attempts that ended since that half-second began.
    pub ended: u32,
    /// The rate at which the service last throttled.
    pub throttled_rate: f64,
    /// The time at which the service last throttled.
    pub throttled_at: Instant,
}

impl AdaptiveRate {
    /// An unlimited rate. Its time begins with its first use.
    pub const NEW: Self = Self {
        started: false,
        state: AdaptiveRateState {
            is_limited: false,
            fill_rate: 0.0,
            max_capacity: f64::MAX,
            capacity: 0.0,
            refilled: None,
            measured_rate: MIN_FILL_RATE,
            half_second: 0,
            ended: 0,
            throttled_rate: 0.0,
            throttled_at: Instant::ORIGIN,
        },
    };

    /// Makes an unlimited rate. Its time begins now.
    #[must_use]
    pub const fn starting(now: Instant) -> Self {
        let state = AdaptiveRateState {
            half_second: now.as_nanos() / NANOS_PER_SEC * 2, // a whole second
            throttled_at: now,
            ..Self::NEW.state
        };
        Self { started: true, state }
    }

    /// Continues from a state. A number in it that is NaN, infinite or negative counts as 0, or as the largest number.
    #[must_use]
    pub fn restored(state: AdaptiveRateState) -> Self {
        let sane = |number: f64| if number > 0.0 { number.min(f64::MAX) } else { 0.0 };
        let state = AdaptiveRateState {
            fill_rate: sane(state.fill_rate),
            max_capacity: sane(state.max_capacity),
            capacity: sane(state.capacity),
            measured_rate: sane(state.measured_rate),
            throttled_rate: sane(state.throttled_rate),
            ..state
        };
        Self { started: true, state }
    }

    /// Returns the state as plain data.
    pub const fn state(&self) -> AdaptiveRateState {
        self.state
    }

    /// Takes the tokens for an attempt that begins now.
    ///
    /// # Errors
    /// Returns how long to wait until there are enough tokens, rounded to the nearest nanosecond and at least 1 ns.
    /// Then nothing was taken, and the caller [asks again](Self::acquire_again) after the wait.
    pub fn acquire(&mut self, sending: Sending, now: Instant) -> Result<(), Duration> {
        self.begin(now);
        if !self.state.is_limited {
            return Ok(());
        }
        self.refill(now);
        let missing = sending.tokens() - self.state.capacity;
        if missing > 0.0 {
            let wait = Duration::try_from_secs_f64(missing / self.state.fill_rate.max(MIN_FILL_RATE));
            match wait.unwrap_or(Duration::MAX) {
                Duration::ZERO => {} // less than half a nanosecond is missing
                wait => return Err(wait),
            }
        }
        self.state.capacity = (-missing).max(0.0);
        Ok(())
    }

    /// Takes the tokens for an attempt that has waited as [`acquire`](Self::acquire) said. At a low rate, a retry costs
    /// more tokens than the bucket holds. It then takes all of them.
    ///
    /// # Errors
    /// Returns how long to wait if others have taken the tokens meanwhile. Then nothing was taken.
    pub fn acquire_again(&mut self, sending: Sending, now: Instant) -> Result<(), Duration> {
        self.acquire(sending, now).or_else(|wait| {
            let state = &mut self.state;
            if sending.tokens() <= state.max_capacity || state.capacity < state.max_capacity {
                return Err(wait);
            }
            state.capacity = 0.0;
            Ok(())
        })
    }

    /// Reports that an attempt ended now, and that the service did not throttle it.
    pub fn on_success(&mut self, now: Instant) {
        self.begin(now);
        self.measure(now);
        let since = secs(now.since(self.state.throttled_at));
        let rate = cubic(since, self.state.throttled_rate);
        self.limit_to(rate, now);
    }

    /// Reports that an attempt ended now because the service throttled it.
    pub fn on_throttle(&mut self, now: Instant) {
        self.begin(now);
        self.measure(now);
        let state = &mut self.state;
        let measured = state.measured_rate;
        state.throttled_rate = if state.is_limited { measured.min(state.fill_rate) } else { measured };
        state.throttled_at = now;
        state.is_limited = true;
        let rate = state.throttled_rate * BETA;
        self.limit_to(rate, now);
    }

    fn begin(&mut self, now: Instant) {
        if !self.started {
            *self = Self::starting(now);
        }
        // If the clock stepped back, the time since the throttling counts from now.
        self.state.throttled_at = self.state.throttled_at.min(now);
    }

    fn measure(&mut self, now: Instant) {
        let state = &mut self.state;
        state.ended = state.ended.saturating_add(1);
        let half_second = now.as_nanos() / HALF_SECOND;
        if half_second > state.half_second {
            let secs = (half_second - state.half_second) as f64 / 2.0;
            let rate = f64::from(state.ended) / secs;
            state.measured_rate = rate * SMOOTH + state.measured_rate * (1.0 - SMOOTH);
        }
        let since = Instant::from_nanos(state.half_second.saturating_mul(HALF_SECOND));
        if half_second > state.half_second || has_stepped_back(since, now) {
            state.ended = 0;
            state.half_second = half_second;
        }
    }

    fn refill(&mut self, now: Instant) {
        let state = &mut self.state;
        let Some(refilled) = state.refilled else {
            state.refilled = Some(now);
            return;
        };
        let earned = secs(now.since(refilled)) * state.fill_rate;
        state.capacity = (state.capacity + earned).min(state.max_capacity);
        if now > refilled || has_stepped_back(refilled, now) {
            state.refilled = Some(now);
        }
    }

    fn limit_to(&mut self, rate: f64, now: Instant) {
        let rate = rate.min(2.0 * self.state.measured_rate);
        self.refill(now);
        let state = &mut self.state;
        state.fill_rate = rate.max(MIN_FILL_RATE);
        state.max_capacity = rate.max(MIN_CAPACITY);
        state.capacity = state.capacity.min(state.max_capacity);
    }
}

impl Default for AdaptiveRate {
    fn default() -> Self {
        Self::NEW
    }
}

impl Initial for AdaptiveRate {
    const INITIAL: Self = Self::NEW;
}

/// An [`AdaptiveRate`] that many callers share, usually a `static`. `L` is the [`Lock`].
///
/// It leaves the verdicts of a call as they are. An attempt waits for its turn inside the operation, so the wait counts
/// as part of the attempt. A policy's timeouts limit this wait, too.
///
/// ```
/// use core::cell::Cell;
/// use retry_core::{
///     Class, Policy, Retry, budget::{Sending, SharedAdaptiveRate}, runtime::LocalLock, testing::FakeClock,
/// };
///
/// let (clock, rate) = (FakeClock::new(), SharedAdaptiveRate::<LocalLock>::with_lock());
/// let attempts = Cell::new(0);
/// let retry = Retry::new(&Policy::DEFAULT, &clock);
/// let fetched = clock.run(retry.run(|| async {
///     attempts.set(attempts.get() + 1);
///     let sending = if attempts.get() == 1 { Sending::First } else { Sending::Retry };
///     rate.wait(sending, &clock).await;
///     match attempts.get() {
///         1 => {
///             rate.on_throttle(clock.now());
///             Err(Class::RateLimit)
///         }
///         _ => {
///             rate.on_success(clock.now());
///             Ok("7 apples")
///         }
///     }
/// }));
/// assert_eq!(fetched, Ok("7 apples"));
/// assert!(clock.now().as_millis() > 2_000); // a retry costs 5 tokens
/// ```
pub struct SharedAdaptiveRate<L: Lock = DefaultLock> {
    rate: L::Of<AdaptiveRate>,
}

impl SharedAdaptiveRate {
    /// Makes an unlimited rate with the [`DefaultLock`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_lock()
    }
}

impl<L: Lock> SharedAdaptiveRate<L> {
    /// Makes an unlimited rate with the lock of its type.
    #[must_use]
    pub const fn with_lock() -> Self {
        Self { rate: L::Of::<AdaptiveRate>::INITIAL }
    }

    /// Takes the tokens for an attempt: see [`AdaptiveRate::acquire`].
    ///
    /// # Errors
    /// Returns how long to wait if there are too few tokens. Then nothing was taken.
    pub fn acquire(&self, sending: Sending, now: impl Now) -> Result<(), Duration> {
        let now = now.now();
        self.rate.with(|rate| rate.acquire(sending, now))
    }

    /// Takes the tokens for an attempt that has waited: see [`AdaptiveRate::acquire_again`].
    ///
    /// # Errors
    /// Returns how long to wait if others have taken the tokens meanwhile. Then nothing was taken.
    pub fn acquire_again(&self, sending: Sending, now: impl Now) -> Result<(), Duration> {
        let now = now.now();
        self.rate.with(|rate| rate.acquire_again(sending, now))
    }

    /// Reports that an attempt ended, and that the service did not throttle it.
    pub fn on_success(&self, now: impl Now) {
        let now = now.now();
        self.rate.with(|rate| rate.on_success(now));
    }

    /// Reports that an attempt ended because the service throttled it.
    pub fn on_throttle(&self, now: impl Now) {
        let now = now.now();
        self.rate.with(|rate| rate.on_throttle(now));
    }

    /// Returns the state as plain data.
    pub fn state(&self) -> AdaptiveRateState {
        self.rate.with(|rate| rate.state())
    }

    /// Sleeps on a runtime, such as an adapter's, until it has the tokens for an attempt. Waiting callers are served in
    /// any order: the first to ask after a refill gets the tokens.
    pub async fn wait<R: Sleep>(&self, sending: Sending, runtime: R) {
        let mut acquired = self.acquire(sending, runtime.now());
        while let Err(wait) = acquired {
            runtime.sleep(wait).await;
            acquired = self.acquire_again(sending, runtime.now());
        }
    }

    /// Does the same as [`wait`](Self::wait) for blocking code.
    ///
    /// # Errors
    /// Returns an error if the sleep is interrupted. Then no tokens were taken.
    pub fn wait_blocking<R: BlockingSleep>(&self, sending: Sending, runtime: R) -> Result<(), Interrupted> {
        let mut acquired = self.acquire(sending, runtime.now());
        while let Err(wait) = acquired {
            runtime.sleep_blocking(wait)?;
            acquired = self.acquire_again(sending, runtime.now());
        }
        Ok(())
    }
}

impl<L: Lock> Default for SharedAdaptiveRate<L> {
    fn default() -> Self {
        Self::with_lock()
    }
}

impl<L: Lock> fmt::Debug for SharedAdaptiveRate<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedAdaptiveRate").field("state", &self.state()).finish()
    }
}

/// Returns the rate at `secs` seconds after the service throttled at `throttled_rate`:
/// `W_cubic(t) = C * (t - K)^3 + W_max`.
fn cubic(secs: f64, throttled_rate: f64) -> f64 {
    let plateau = cube_root(throttled_rate * (1.0 - BETA) / SCALE);
    let from_plateau = secs - plateau;
    SCALE * (from_plateau * from_plateau * from_plateau) + throttled_rate
}

/// Returns the cube root of a number of at least 0, accurate to the last bits, by Newton's method.
fn cube_root(number: f64) -> f64 {
    if number <= 0.0 {
        return 0.0;
    }
    // A third of the exponent is a first guess. The other bits are near enough.
    let mut root = f64::from_bits(number.to_bits() / 3 + (1023 << 52) / 3 * 2);
    for _ in 0..6 {
        root -= (root - number / (root * root)) / 3.0;
    }
    root
}

fn secs(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// The share of the rate that throttling leaves.
const BETA: f64 = 0.7;
/// How steep the curve is.
const SCALE: f64 = 0.4;
/// The weight of the newest measurement.
const SMOOTH: f64 = 0.8;
/// The least rate, in tokens per second.
const MIN_FILL_RATE: f64 = 0.5;
const MIN_CAPACITY: f64 = 1.0;
const NANOS_PER_SEC: u64 = 1_000_000_000;
const HALF_SECOND: u64 = NANOS_PER_SEC / 2;
