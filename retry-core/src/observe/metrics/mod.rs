//! What calls and circuits did, in numbers: bounded memory, no lock.

mod counter;
pub(super) mod place;
mod snapshot;
#[cfg(feature = "std")]
mod table;
mod tags;

use core::fmt;
use core::time::Duration;

use counter::Shards;
pub use snapshot::MetricsSnapshot;
#[cfg(feature = "std")]
pub use table::Metrics;
#[cfg(feature = "metrics")]
pub(super) use table::{ByName, UNNAMED};
#[allow(unused_imports)] // by exporters, where there are any
#[cfg(feature = "std")]
pub(super) use tags::is_fit;
pub(super) use tags::{Tags, check_any_name, check_name, check_tags, tag_setters};

use super::event::{CallEnd, Event, EventKind, Observer};
use crate::config_error::{ConfigError, ok_or_panic};
use crate::name::Name;
use crate::time::nanos;
use crate::verdict::Verdict;

/// How often each counter is there, unless told otherwise.
#[cfg(feature = "std")]
const DEFAULT_SHARDS: usize = 8;
/// How often each counter is there, unless told otherwise.
#[cfg(not(feature = "std"))]
const DEFAULT_SHARDS: usize = 1;

/// Counts what the calls of one operation do, and the circuits they use.
///
/// An observer that looks nothing up and takes no lock: an event adds to one to three counters, a call that succeeds
/// at once to three in all. Counters are kept `SHARDS` times, and a thread counts in its own, so that threads do
/// not slow each other down; with the feature `std` threads take turns at the shards, without it all count in the
/// first. A shard is 640 bytes.
///
/// A change of phase is told by the call that brought it about. So time in phases is right where all calls that use
/// a circuit are told to the same metrics; operations that share a circuit tell two observers, their own and one of
/// the circuit.
///
/// It is there where the target has 64-bit atomics, and with the feature `critical-section` everywhere. Counts
/// and sums of nanoseconds wrap at 2^64: a shard's sum of times after 584 years of calls.
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
    tags: Tags,
    shards: Shards<{ place::COUNTERS }, SHARDS>,
}

impl OperationMetrics {
    /// The metrics of an operation of this name, all zero, in 8 shards; in 1 without the feature `std`. For another number,
    /// see [`sharded`](Self::sharded).
    ///
    /// # Panics
    /// Panics on a name of more than 128 bytes, or with a control character.
    #[track_caller]
    pub const fn new(operation: &'static str) -> Self {
        Self::sharded(operation)
    }

    /// [`new`](Self::new) for a name that is known at run time.
    ///
    /// # Errors
    /// Returns an error for a name of more than 128 bytes, or with a control character.
    pub fn try_new(operation: impl Into<Name>) -> Result<Self, ConfigError> {
        Self::try_sharded(operation)
    }
}

impl<const SHARDS: usize> OperationMetrics<SHARDS> {
    /// The metrics of an operation of this name, all zero, in as many shards as the type says.
    ///
    /// # Panics
    /// Panics on a name of more than 128 bytes, or with a control character.
    #[track_caller]
    pub const fn sharded(operation: &'static str) -> Self {
        ok_or_panic!(check_name(operation));
        Self::of(Name::new(operation))
    }

    /// [`sharded`](Self::sharded) for a name that is known at run time.
    ///
    /// ```
    /// use retry_core::observe::OperationMetrics;
    ///
    /// let error = OperationMetrics::<1>::try_sharded("stock\n").unwrap_err();
    /// assert_eq!(error.to_string(), r#"operation = "stock?": must hold no control characters"#);
    /// ```
    ///
    /// # Errors
    /// Returns an error, which shows a text that is not `'static` by its length in bytes, for a name of more than 128 bytes, or with a control character.
    pub fn try_sharded(operation: impl Into<Name>) -> Result<Self, ConfigError> {
        let operation = operation.into();
        check_any_name(&operation)?;
        Ok(Self::of(operation))
    }

    tag_setters!(
        "Says in pairs of name and value what else tells these metrics from others, for whoever exports them."
    );

    /// The operation's name.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The metrics of an operation whose name is known only at run time; `None` if no exporter could take it.
    #[cfg(feature = "std")]
    fn named(operation: Name) -> Option<Self> {
        is_fit(&operation).then(|| Self::of(operation))
    }

    const fn of(operation: Name) -> Self {
        Self { operation, tags: Tags::NONE, shards: Shards::new() }
    }

    /// What was counted so far. A call under way is in some of the numbers and not yet in others.
    pub fn snapshot(&self) -> MetricsSnapshot {
        MetricsSnapshot::of(self.shards.sums())
    }
}

impl<const SHARDS: usize> Observer for OperationMetrics<SHARDS> {
    /// Short enough to be put in line where an event is told, and with the kind of event known there, most of it goes.
    #[inline]
    fn observe(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Started => self.started(event.attempt),
            // The end of the call says so, too.
            EventKind::Succeeded | EventKind::Cancelled => {}
            EventKind::Ended { end, elapsed } => self.ended(end, elapsed),
            _ => self.happened(event),
        }
    }
}

impl<const SHARDS: usize> OperationMetrics<SHARDS> {
    #[inline(never)]
    fn started(&self, attempt: u32) {
        self.shards.mine().count(place::STARTED + place::number(attempt));
    }

    #[inline(never)]
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
                shard.count(place::FAILED + class);
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
            EventKind::Started | EventKind::Succeeded | EventKind::Cancelled | EventKind::Ended { .. } => {} // not handed on by `observe`
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
