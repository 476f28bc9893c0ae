//! Counters for calls and circuits, in bounded memory and without a lock.

mod counter;
pub(super) mod place;
mod snapshot;
#[cfg(feature = "std")]
mod table;

use core::fmt;
use core::time::Duration;

use counter::Shards;
pub use snapshot::MetricsSnapshot;
#[cfg(feature = "std")]
pub use table::Metrics;
#[cfg(feature = "metrics")]
pub(super) use table::{ByName, UNNAMED};

use super::event::{CallEnd, Event, EventKind, Observer};
#[cfg(feature = "std")]
use super::tags::is_fit;
use super::tags::{Tags, check_any_name, check_name, check_tags, tag_setters};
use crate::config_error::{ConfigError, ok_or_panic};
use crate::name::Name;
use crate::time::nanos;
use crate::verdict::Verdict;

/// The default number of shards, which each hold every counter.
#[cfg(feature = "std")]
const DEFAULT_SHARDS: usize = 8;
/// The default number of shards, which each hold every counter.
#[cfg(not(feature = "std"))]
const DEFAULT_SHARDS: usize = 1;

/// Counts what the calls of one operation do, and the circuits that they use.
///
/// It is lock-free. An event adds to up to three counters. A call that succeeds at its first attempt adds to three in
/// all.
///
/// Every counter exists once per *shard*, and each thread counts in one of the `SHARDS` shards, so that threads rarely
/// slow each other down. A snapshot adds the shards up. With the feature `std`, threads are assigned to shards in turn;
/// without it, all use the first one. A shard takes 640 bytes.
///
/// A change of phase is told by the call that caused it. So for the time in each phase, all calls that use a circuit
/// must report to the same metrics. If operations share a circuit, give each two observers: its own, and one for the
/// circuit.
///
/// The type needs a target with 64-bit atomics, or the feature `critical-section`. Counts and sums of nanoseconds wrap
/// at 2^64: a shard's sum of times after 584 years of calls.
///
/// ```
/// use retry_core::{observe::OperationMetrics, testing::FakeClock, Class, Policy, Retry};
///
/// static STOCK: OperationMetrics = OperationMetrics::new("stock.read").tags(&[("region", "eu")]);
///
/// let clock = FakeClock::new();
/// let stock = Retry::new(&Policy::DEFAULT, &clock).named(STOCK.operation()).observe(&STOCK);
/// let mut answers = [Err(Class::Timeout), Ok(7), Ok(12)].into_iter();
/// stock.run_blocking(|| answers.next().unwrap()).unwrap();
/// stock.run_blocking(|| answers.next().unwrap()).unwrap();
///
/// let counts = STOCK.snapshot();
/// assert_eq!((counts.calls(), counts.attempts(), counts.retries_of(Class::Timeout)), (2, 3, 1));
/// assert_eq!(counts.retry_rate(), Some(333)); // of 1000 attempts
/// assert_eq!(counts.to_string(), "2 calls: 2 succeeded, 0 gave up, 0 rejected, 0 cancelled; 3 attempts, 1 failed");
/// ```
pub struct OperationMetrics<const SHARDS: usize = DEFAULT_SHARDS> {
    operation: Name,
    operation_type: &'static str,
    tags: Tags,
    shards: Shards<{ place::COUNTERS }, SHARDS>,
}

impl OperationMetrics {
    /// Makes the metrics of an operation of this name, all zero, with 8 shards, or 1 without the feature `std`. For
    /// another number, use [`sharded`](Self::sharded).
    ///
    /// # Panics
    /// Panics if the name has more than 128 bytes, or a control character.
    #[track_caller]
    pub const fn new(operation: &'static str) -> Self {
        Self::sharded(operation)
    }

    /// Does the same as [`new`](Self::new), for a name known only at run time.
    ///
    /// # Errors
    /// Returns an error if the name has more than 128 bytes, or a control character.
    pub fn try_new(operation: impl Into<Name>) -> Result<Self, ConfigError> {
        Self::try_sharded(operation)
    }
}

impl<const SHARDS: usize> OperationMetrics<SHARDS> {
    /// Makes the metrics of an operation of this name, all zero, with the number of shards in the type.
    ///
    /// # Panics
    /// Panics if the name has more than 128 bytes, or a control character.
    #[track_caller]
    pub const fn sharded(operation: &'static str) -> Self {
        ok_or_panic!(check_name(operation));
        Self::of(Name::new(operation))
    }

    /// Does the same as [`sharded`](Self::sharded), for a name known only at run time.
    ///
    /// ```
    /// use retry_core::observe::OperationMetrics;
    ///
    /// let error = OperationMetrics::<1>::try_sharded("stock\n").unwrap_err();
    /// assert_eq!(error.to_string(), r#"operation = "stock?": must hold no control characters"#);
    /// ```
    ///
    /// # Errors
    /// Returns an error if the name has more than 128 bytes, or a control character. The error shows a name that is not
    /// `'static` by its length in bytes.
    pub fn try_sharded(operation: impl Into<Name>) -> Result<Self, ConfigError> {
        let operation = operation.into();
        check_any_name(&operation)?;
        Ok(Self::of(operation))
    }

    tag_setters!("Sets tags, in pairs of name and value, which exporters add to these metrics.");

    /// Sets the type of the operation, such as `"database"`, for exporters.
    ///
    /// ```
    /// use retry_core::observe::OperationMetrics;
    ///
    /// static READ: OperationMetrics = OperationMetrics::new("users.read").of_type("database");
    /// assert_eq!((READ.operation(), READ.operation_type()), ("users.read", "database"));
    /// ```
    #[must_use]
    pub const fn of_type(mut self, operation_type: &'static str) -> Self {
        self.operation_type = operation_type;
        self
    }

    /// Returns the type of the operation; it is empty if it has none.
    pub const fn operation_type(&self) -> &'static str {
        self.operation_type
    }

    /// Returns the operation's name.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Makes the metrics of an operation with a name known only at run time; `None` if exporters cannot take it.
    #[cfg(feature = "std")]
    fn named(operation: Name) -> Option<Self> {
        is_fit(&operation).then(|| Self::of(operation))
    }

    const fn of(operation: Name) -> Self {
        Self { operation, operation_type: "", tags: Tags::NONE, shards: Shards::new() }
    }

    /// Returns what was counted so far. A call under way is in some of the numbers, and not yet in others.
    pub fn snapshot(&self) -> MetricsSnapshot {
        MetricsSnapshot::of(self.shards.sums())
    }
}

impl<const SHARDS: usize> Observer for OperationMetrics<SHARDS> {
    /// It is short enough to be inlined at each place that sends an event. The kind of the event is known there, which
    /// removes most of it.
    #[inline]
    fn observe(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Started => self.started(event.attempt),
            // The end of the call counts it.
            EventKind::Succeeded | EventKind::Cancelled => {}
            EventKind::Ended { end, elapsed } => self.ended(end, elapsed),
            _ => self.happened(event),
        }
    }
}

impl<const SHARDS: usize> OperationMetrics<SHARDS> {
    #[inline(always)]
    fn started(&self, attempt: u32) {
        self.shards.mine().count(place::STARTED + place::number(attempt));
    }

    #[inline(always)]
    fn ended(&self, end: CallEnd, elapsed: Option<Duration>) {
        let (shard, end) = (self.shards.mine(), place::end(end));
        shard.count(place::ENDED + end);
        match elapsed {
            Some(elapsed) => shard.add(place::TIME + end, nanos(elapsed)),
            None => shard.count(place::UNTIMED + end),
        }
    }

    #[inline(never)]
    fn happened(&self, event: &Event<'_>) {
        let shard = self.shards.mine();
        match event.kind {
            EventKind::Failed { failure, verdict, .. } => {
                let class = failure.class as usize;
                shard.count(if failure.is_neutral { place::NEUTRAL } else { place::FAILED + class });
                match verdict {
                    Verdict::Retry(delay) => {
                        shard.count(place::RETRIED + class);
                        shard.add(place::BACKOFF, nanos(delay));
                    }
                    Verdict::GiveUp(reason) => shard.count(place::GAVE_UP + place::reason(reason)),
                    Verdict::Rejected(_) => {}
                }
            }
            EventKind::BudgetEmpty => shard.count(place::BUDGET_EMPTY),
            EventKind::Rejected(_) => shard.count(place::REFUSED),
            EventKind::PhaseChanged(change) => {
                let (from, to) = (place::phase(change.from), place::phase(change.to));
                shard.count(place::LEFT + from);
                shard.add(place::LEFT_AT + from, change.at.as_nanos());
                shard.count(place::ENTERED + to);
                shard.add(place::ENTERED_AT + to, change.at.as_nanos());
            }
            EventKind::DeadLettered { kept: true } => shard.count(place::LETTERS_KEPT),
            EventKind::DeadLettered { kept: false } => shard.count(place::LETTERS_LOST),
            EventKind::DeadLetterLeftOut { .. } => shard.count(place::LETTERS_LEFT_OUT),
            // `observe` handles these.
            EventKind::Started | EventKind::Succeeded | EventKind::Cancelled | EventKind::Ended { .. } => {}
        }
    }
}

impl<const SHARDS: usize> fmt::Debug for OperationMetrics<SHARDS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationMetrics")
            .field("operation", &self.operation)
            .field("tags", &self.tags)
            .field("counts", &self.snapshot())
            .finish()
    }
}
