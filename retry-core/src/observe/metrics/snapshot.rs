//! The counts of one moment, and the rates that follow from them.

use core::fmt;
use core::ops::{Add, AddAssign};
use core::time::Duration;

use super::super::event::CallEnd;
use super::place;
use crate::circuit::Phase;
use crate::class::Class;
use crate::time::Instant;
use crate::verdict::GiveUp;

/// The counts of one moment, as plain data. Snapshots can be added, and [`since`](Self::since) returns what was counted
/// between two of them.
///
/// A rate is per mille, rounded down, and `None` if nothing was counted. A call counts when it ends, and an attempt
/// when it starts.
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
    /// The snapshot of zeros.
    pub const NONE: Self = Self([0; place::COUNTERS]);

    pub(super) const fn of(sums: [u64; place::COUNTERS]) -> Self {
        Self(sums)
    }

    /// Returns what was counted since `earlier`, a snapshot of the same metrics. Of the phases, only the number of
    /// changes is then meaningful.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(core::array::from_fn(|i| self.0[i].wrapping_sub(earlier.0[i])))
    }

    /// Returns how many calls ended.
    pub fn calls(&self) -> u64 {
        sum(&self.0[place::ENDED..place::TIME])
    }

    /// Returns how many calls succeeded.
    pub fn succeeded(&self) -> u64 {
        self.ended(CallEnd::Succeeded)
    }

    /// Returns how many calls gave up.
    pub fn gave_up(&self) -> u64 {
        self.ended(ANY_GAVE_UP)
    }

    /// Returns how many calls gave up for this reason.
    pub fn gave_up_for(&self, reason: GiveUp) -> u64 {
        self.0[place::GAVE_UP + place::reason(reason)]
    }

    /// Returns how many calls ended because a circuit refused an attempt, or would have refused the next one.
    pub fn rejected(&self) -> u64 {
        self.ended(CallEnd::Rejected)
    }

    /// Returns how many calls were cancelled.
    pub fn cancelled(&self) -> u64 {
        self.ended(CallEnd::Cancelled)
    }

    /// Returns how many attempts started.
    pub fn attempts(&self) -> u64 {
        sum(&self.0[place::STARTED..place::ENDED])
    }

    /// Returns how many attempts with this number started, from 1. From 9 on, they are counted together.
    pub fn attempts_numbered(&self, number: u32) -> u64 {
        self.0[place::STARTED + place::number(number)]
    }

    /// Returns how many attempts started after the first one of their call.
    pub fn retries(&self) -> u64 {
        sum(&self.0[place::STARTED + 1..place::ENDED])
    }

    /// Returns how many attempts failed. Those that ended neutrally are left out.
    pub fn failures(&self) -> u64 {
        sum(&self.0[place::FAILED..place::NEUTRAL])
    }

    /// Returns how many attempts failed with an error of this class.
    pub fn failures_of(&self, class: Class) -> u64 {
        self.0[place::FAILED + class as usize]
    }

    /// Returns how many attempts ended [neutrally](crate::Failure::neutral): they failed, and say nothing about the
    /// dependency.
    pub fn neutral(&self) -> u64 {
        self.0[place::NEUTRAL]
    }

    /// Returns how many retries were decided after an error of this class, including those that did not start.
    pub fn retries_of(&self, class: Class) -> u64 {
        self.0[place::RETRIED + class as usize]
    }

    /// Returns how many attempts a circuit refused.
    pub fn refused(&self) -> u64 {
        self.0[place::REFUSED]
    }

    /// Returns how many retries a budget could not pay for.
    pub fn budget_empty(&self) -> u64 {
        self.0[place::BUDGET_EMPTY]
    }

    /// Returns how many dead letters were kept.
    pub fn dead_letters_kept(&self) -> u64 {
        self.0[place::LETTERS_KEPT]
    }

    /// Returns how many dead letters were lost.
    pub fn dead_letters_lost(&self) -> u64 {
        self.0[place::LETTERS_LOST]
    }

    /// Returns how many dead letters of refused calls were left out.
    pub fn dead_letters_left_out(&self) -> u64 {
        self.0[place::LETTERS_LEFT_OUT]
    }

    /// Returns how many of 1000 calls succeeded. Cancelled calls are left out.
    pub fn success_rate(&self) -> Option<u32> {
        per_mille(self.succeeded(), self.calls().wrapping_sub(self.cancelled()))
    }

    /// Returns how many of 1000 calls gave up or were rejected. Cancelled calls are left out.
    pub fn failure_rate(&self) -> Option<u32> {
        let failed = self.gave_up().wrapping_add(self.rejected());
        per_mille(failed, self.calls().wrapping_sub(self.cancelled()))
    }

    /// Returns how many of 1000 attempts failed. Those that ended neutrally are left out.
    pub fn attempt_failure_rate(&self) -> Option<u32> {
        per_mille(self.failures(), self.attempts().wrapping_sub(self.neutral()))
    }

    /// Returns how many of 1000 attempts were retries.
    pub fn retry_rate(&self) -> Option<u32> {
        per_mille(self.retries(), self.attempts())
    }

    /// Returns the total time of the calls that succeeded or gave up, delays included.
    pub fn duration(&self) -> Duration {
        self.time(CallEnd::Succeeded).saturating_add(self.time(ANY_GAVE_UP))
    }

    /// Returns the mean time of the calls that succeeded or gave up, delays included, rounded down to nanoseconds.
    pub fn mean_duration(&self) -> Option<Duration> {
        mean(self.duration(), self.timed(CallEnd::Succeeded).wrapping_add(self.timed(ANY_GAVE_UP)))
    }

    /// Returns the mean time of the calls that succeeded, delays included, rounded down to nanoseconds.
    pub fn mean_duration_of_successes(&self) -> Option<Duration> {
        mean(self.time(CallEnd::Succeeded), self.timed(CallEnd::Succeeded))
    }

    /// Returns the sum of the delays that were decided. A delay that was cut short, by readiness or a cancellation,
    /// counts in full.
    pub fn backoff(&self) -> Duration {
        Duration::from_nanos(self.0[place::BACKOFF])
    }

    /// Returns the mean of the delays that were decided, rounded down to nanoseconds.
    pub fn mean_backoff(&self) -> Option<Duration> {
        mean(self.backoff(), sum(&self.0[place::RETRIED..place::BACKOFF]))
    }

    /// Returns how often a circuit changed to this phase.
    pub fn changes_to(&self, phase: Phase) -> u64 {
        self.0[place::ENTERED + place::phase(phase)]
    }

    /// Returns how many circuits are open now, or half-open. Of the closed ones, only those that were open before are
    /// known.
    pub fn circuits_in(&self, phase: Phase) -> u64 {
        let phase = place::phase(phase);
        let unmatched = self.0[place::ENTERED + phase].wrapping_sub(self.0[place::LEFT + phase]);
        if is_negative(unmatched) { 0 } else { unmatched }
    }

    /// Returns how long a circuit was in this phase from `start` until `now`. For several circuits, it is the sum.
    ///
    /// The time in `Closed` is the rest of the time, and only meaningful for one circuit. A circuit that was open
    /// before it was observed counts as open since `start`.
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

    /// Returns the instants at which the phase was left minus those at which it was entered. The order of the events
    /// does not matter.
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

/// Shows the counts of calls and attempts in one line.
impl fmt::Display for MetricsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (calls, succeeded, gave_up) = (self.calls(), self.succeeded(), self.gave_up());
        write!(f, "{calls} calls: {succeeded} succeeded, {gave_up} gave up, {} rejected, ", self.rejected())?;
        write!(
            f,
            "{} cancelled; {} attempts, {} failed",
            self.cancelled(),
            self.attempts(),
            self.failures()
        )?;
        match self.neutral() {
            0 => Ok(()),
            neutral => write!(f, ", {neutral} neutral"),
        }
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

#[allow(clippy::cast_possible_truncation)] // at most 1000, except in a snapshot during a call
fn per_mille(part: u64, whole: u64) -> Option<u32> {
    // Above 2^54, a thousandth of the whole is exact enough.
    let (part, whole) = if whole >> 54 == 0 { (part * 1_000, whole) } else { (part, whole / 1_000) };
    part.checked_div(whole).map(|rate| rate.min(1_000) as u32)
}

/// Returns the mean in 64 bits, so that a sum of more than 584 years saturates.
fn mean(sum: Duration, count: u64) -> Option<Duration> {
    crate::time::nanos(sum).checked_div(count).map(Duration::from_nanos)
}

/// Returns whether a difference is below zero: only one side of it was counted yet, or a clock stepped back.
const fn is_negative(difference: u64) -> bool {
    difference > u64::MAX / 2
}
