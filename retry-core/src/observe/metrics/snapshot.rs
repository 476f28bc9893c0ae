//! Numbers as they were at one time, and what follows from them.

use core::fmt;
use core::ops::{Add, AddAssign};
use core::time::Duration;

use super::super::event::CallEnd;
use super::place;
use crate::circuit::Phase;
use crate::class::Class;
use crate::time::Instant;
use crate::verdict::GiveUp;

/// What was counted up to one time. Plain data: they can be added up, and what was counted between two of them is one,
/// too.
///
/// Rates are per mille, rounded down, and `None` where nothing was counted. A call counts where it ended, an attempt
/// where it started.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{observe::OperationMetrics, testing::FakeClock, Class, Jitter, Policy, Retry};
///
/// const POLICY: Policy = Policy::fixed(Duration::from_millis(40)).jitter(Jitter::None).max_attempts(2);
///
/// let metrics = OperationMetrics::<1>::sharded("stock.read");
/// let clock = FakeClock::new();
/// let retry = Retry::new(&POLICY, &clock).observe(&metrics);
/// retry.run_blocking(|| Ok::<_, Class>(())).unwrap();
///
/// let before = metrics.snapshot();
/// retry.run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
/// let since = metrics.snapshot().since(&before);
/// assert_eq!((metrics.snapshot().success_rate(), since.success_rate()), (Some(500), Some(0)));
/// assert_eq!((since.mean_duration(), since.mean_backoff()), (Some(POLICY_DELAY), Some(POLICY_DELAY)));
/// # const POLICY_DELAY: Duration = Duration::from_millis(40);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MetricsSnapshot([u64; place::COUNTERS]);

impl MetricsSnapshot {
    /// Nothing was counted.
    pub const NONE: Self = Self([0; place::COUNTERS]);

    pub(super) const fn of(sums: [u64; place::COUNTERS]) -> Self {
        Self(sums)
    }

    /// What was counted since `earlier`, a snapshot of the same metrics. Of phases, only the number of changes means
    /// anything then.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i].wrapping_sub(earlier.0[i])))
    }

    /// Calls that ended.
    pub fn calls(&self) -> u64 {
        sum(&self.0[place::ENDED..place::TIME])
    }

    /// Calls that succeeded.
    pub fn succeeded(&self) -> u64 {
        self.ended(CallEnd::Succeeded)
    }

    /// Calls that gave up.
    pub fn gave_up(&self) -> u64 {
        self.ended(ANY_GAVE_UP)
    }

    /// Calls that gave up for this reason.
    pub fn gave_up_for(&self, reason: GiveUp) -> u64 {
        self.0[place::GAVE_UP + place::reason(reason)]
    }

    /// Calls that ended because a circuit refused an attempt, or would have.
    pub fn rejected(&self) -> u64 {
        self.ended(CallEnd::Rejected)
    }

    /// Calls that were cancelled.
    pub fn cancelled(&self) -> u64 {
        self.ended(CallEnd::Cancelled)
    }

    /// Attempts that started.
    pub fn attempts(&self) -> u64 {
        sum(&self.0[place::STARTED..place::ENDED])
    }

    /// Attempts of this number, from 1, that started; from 9 on, all from 9 on together.
    pub fn attempts_numbered(&self, number: u32) -> u64 {
        self.0[place::STARTED + place::number(number)]
    }

    /// Attempts that started after another one of their call.
    pub fn retries(&self) -> u64 {
        sum(&self.0[place::STARTED + 1..place::ENDED])
    }

    /// Attempts that failed.
    pub fn failures(&self) -> u64 {
        sum(&self.0[place::FAILED..place::RETRIED])
    }

    /// Attempts that failed with an error of this class.
    pub fn failures_of(&self, class: Class) -> u64 {
        self.0[place::FAILED + class as usize]
    }

    /// Retries that were decided after an error of this class, those not begun included.
    pub fn retries_of(&self, class: Class) -> u64 {
        self.0[place::RETRIED + class as usize]
    }

    /// Attempts that a circuit refused.
    pub fn refused(&self) -> u64 {
        self.0[place::REFUSED]
    }

    /// Retries that a budget did not hold.
    pub fn budget_empty(&self) -> u64 {
        self.0[place::BUDGET_EMPTY]
    }

    /// Dead letters that were kept.
    pub fn dead_letters_kept(&self) -> u64 {
        self.0[place::LETTERS_KEPT]
    }

    /// Dead letters that were lost.
    pub fn dead_letters_lost(&self) -> u64 {
        self.0[place::LETTERS_LOST]
    }

    /// How many of 1000 calls succeeded, those not counted that were cancelled.
    pub fn success_rate(&self) -> Option<u32> {
        per_mille(self.succeeded(), self.calls().wrapping_sub(self.cancelled()))
    }

    /// How many of 1000 calls gave up or were rejected, those not counted that were cancelled.
    pub fn failure_rate(&self) -> Option<u32> {
        let failed = self.gave_up().wrapping_add(self.rejected());
        per_mille(failed, self.calls().wrapping_sub(self.cancelled()))
    }

    /// How many of 1000 attempts failed.
    pub fn attempt_failure_rate(&self) -> Option<u32> {
        per_mille(self.failures(), self.attempts())
    }

    /// How many of 1000 attempts are retries.
    pub fn retry_rate(&self) -> Option<u32> {
        per_mille(self.retries(), self.attempts())
    }

    /// The time that calls took, delays included, in all: of those that succeeded or gave up.
    pub fn duration(&self) -> Duration {
        self.time(CallEnd::Succeeded).saturating_add(self.time(ANY_GAVE_UP))
    }

    /// The mean time that a call took, delays included, in nanoseconds rounded down: of those that succeeded or gave up.
    pub fn mean_duration(&self) -> Option<Duration> {
        mean(self.duration(), self.timed(CallEnd::Succeeded).wrapping_add(self.timed(ANY_GAVE_UP)))
    }

    /// The same of those that succeeded.
    pub fn mean_duration_of_successes(&self) -> Option<Duration> {
        mean(self.time(CallEnd::Succeeded), self.timed(CallEnd::Succeeded))
    }

    /// The delays that were decided, in all: one that was cut short, by readiness or a cancellation, counts whole.
    pub fn backoff(&self) -> Duration {
        Duration::from_nanos(self.0[place::BACKOFF])
    }

    /// The mean of the delays that were decided, in nanoseconds rounded down.
    pub fn mean_backoff(&self) -> Option<Duration> {
        mean(self.backoff(), sum(&self.0[place::RETRIED..place::BACKOFF]))
    }

    /// How often a circuit changed to this phase.
    pub fn changes_to(&self, phase: Phase) -> u64 {
        self.0[place::ENTERED + place::phase(phase)]
    }

    /// How many circuits are open now, or half-open. Of those closed only the ones that were not always so are known.
    pub fn circuits_in(&self, phase: Phase) -> u64 {
        let phase = place::phase(phase);
        let unmatched = self.0[place::ENTERED + phase].wrapping_sub(self.0[place::LEFT + phase]);
        if is_negative(unmatched) { 0 } else { unmatched }
    }

    /// How long a circuit was in this phase from `start` until `now`; of several circuits, the sum. Of closed, what is
    /// left, for one circuit. One that was open before anyone looked is taken to have been so since `start`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{
    ///     circuit::{Change, ChangeCause, Phase}, observe::{Event, Name, Observer, OperationMetrics}, Instant,
    /// };
    ///
    /// let metrics = OperationMetrics::<1>::sharded("stock");
    /// let at = Instant::from_millis(700);
    /// let opened = Change { from: Phase::Closed, to: Phase::Open, at, cause: ChangeCause::Manual };
    /// metrics.observe(&Event::phase_changed(&Name::new("stock"), opened));
    ///
    /// let (counts, now) = (metrics.snapshot(), Instant::from_millis(1_000));
    /// assert_eq!(counts.time_in(Phase::Open, Instant::ORIGIN, now), Duration::from_millis(300));
    /// assert_eq!(counts.time_in(Phase::Closed, Instant::ORIGIN, now), Duration::from_millis(700));
    /// ```
    pub fn time_in(&self, phase: Phase, start: Instant, now: Instant) -> Duration {
        let nanos = |phase| self.nanos_in(place::phase(phase), start, now);
        let elsewhere = || nanos(Phase::Open).saturating_add(nanos(Phase::HalfOpen));
        Duration::from_nanos(match phase {
            Phase::Closed => now.nanos_since(start).saturating_sub(elsewhere()),
            phase => nanos(phase),
        })
    }

    /// The instants at which it was left less those at which it was entered, whatever the order in which they were told.
    fn nanos_in(&self, phase: usize, start: Instant, now: Instant) -> u64 {
        let unmatched = self.0[place::ENTERED + phase].wrapping_sub(self.0[place::LEFT + phase]);
        let other_end = if is_negative(unmatched) { start } else { now };
        let left = self.0[place::LEFT_AT + phase].wrapping_add(unmatched.wrapping_mul(other_end.as_nanos()));
        let nanos = left.wrapping_sub(self.0[place::ENTERED_AT + phase]);
        if is_negative(nanos) { 0 } else { nanos }
    }

    fn ended(&self, end: CallEnd) -> u64 {
        self.0[place::ENDED + place::end(end)]
    }

    fn time(&self, end: CallEnd) -> Duration {
        Duration::from_nanos(self.0[place::TIME + place::end(end)])
    }

    fn timed(&self, end: CallEnd) -> u64 {
        self.ended(end).wrapping_sub(self.0[place::UNTIMED + place::end(end)])
    }
}

impl AddAssign for MetricsSnapshot {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum = sum.wrapping_add(more));
    }
}

impl Add for MetricsSnapshot {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Default for MetricsSnapshot {
    fn default() -> Self {
        Self::NONE
    }
}

/// In one line.
impl fmt::Display for MetricsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (calls, succeeded, gave_up) = (self.calls(), self.succeeded(), self.gave_up());
        write!(f, "{calls} calls: {succeeded} succeeded, {gave_up} gave up, {} rejected, ", self.rejected())?;
        write!(f, "{} cancelled; {} attempts, {} failed", self.cancelled(), self.attempts(), self.failures())
    }
}

impl fmt::Debug for MetricsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MetricsSnapshot({self})")
    }
}

const ANY_GAVE_UP: CallEnd = CallEnd::GaveUp(GiveUp::Attempts);

fn sum(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, count| sum.wrapping_add(*count))
}

#[allow(clippy::cast_possible_truncation)] // a thousand is the most, but for a snapshot in the midst of a call
fn per_mille(part: u64, whole: u64) -> Option<u32> {
    // Above 2^54, the thousandth is exact enough.
    let (part, whole) = if whole >> 54 == 0 { (part * 1_000, whole) } else { (part, whole / 1_000) };
    part.checked_div(whole).map(|rate| rate.min(1_000) as u32)
}

/// In 64 bits, so that the sum of nanoseconds of a Duration of more than 584 years saturates.
fn mean(sum: Duration, count: u64) -> Option<Duration> {
    crate::time::nanos(sum).checked_div(count).map(Duration::from_nanos)
}

/// A difference of which only one side was seen, or a clock that stepped back.
const fn is_negative(difference: u64) -> bool {
    difference > u64::MAX / 2
}
