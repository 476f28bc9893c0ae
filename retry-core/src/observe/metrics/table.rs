//! The metrics of all operations, by name.

use core::{fmt, ptr};
use std::boxed::Box;
use std::sync::OnceLock;

use super::super::event::{Event, EventKind, Observer};
use super::super::tags::{LONGEST_VALUE, Tags, check_tags, tag_setters};
use super::OperationMetrics;
use super::snapshot::MetricsSnapshot;
use crate::config_error::{ConfigError, ok_or_panic};
use crate::name::Name;

/// Counts what all calls do, by operation: up to `OPERATIONS` names, each from its first event on.
///
/// A name is found without a lock. If a name finds no room, has more than 128 bytes or has a control character, it is
/// counted in [`other`](Self::other), so that the totals are right. Changes of phase are counted in
/// [`circuits`](Self::circuits) instead of by operation, because several operations may share a circuit.
///
/// ```
/// use retry_core::{observe::Metrics, testing::FakeClock, Class, Policy, Retry};
///
/// static METRICS: Metrics = Metrics::new().tags(&[("service", "shop")]);
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&METRICS);
/// let (read, write) = (retry.by_ref().named("stock.read"), retry.by_ref().named("stock.write"));
/// read.run_blocking(|| Ok::<_, Class>(7)).unwrap();
/// write.run_blocking(|| Err::<(), _>(Class::Validation)).unwrap_err();
///
/// let rate = |name| METRICS.operation(name).unwrap().snapshot().success_rate();
/// assert_eq!((rate("stock.read"), rate("stock.write")), (Some(1000), Some(0)));
/// assert_eq!(METRICS.snapshot().success_rate(), Some(500));
/// assert_eq!(METRICS.operations().count(), 2);
/// ```
///
/// For an operation that has a `static` of its own, [`OperationMetrics`] saves the look-up.
pub struct Metrics<const OPERATIONS: usize = 32> {
    by_name: ByName<OperationMetrics, OPERATIONS>,
    other: OperationMetrics,
    circuits: OperationMetrics,
    tags: Tags,
}

impl Metrics {
    /// Makes empty metrics with room for 32 operations. For another number, use [`sized`](Self::sized).
    pub const fn new() -> Self {
        Self::sized()
    }
}

impl<const OPERATIONS: usize> Metrics<OPERATIONS> {
    /// Makes empty metrics with room for the number of operations in the type.
    ///
    /// ```
    /// use retry_core::observe::Metrics;
    ///
    /// static METRICS: Metrics<100> = Metrics::sized();
    /// assert_eq!(METRICS.operations().count(), 0);
    /// ```
    pub const fn sized() -> Self {
        Self {
            by_name: ByName::new(),
            other: OperationMetrics::new("other"),
            circuits: OperationMetrics::new("circuits"),
            tags: Tags::NONE,
        }
    }

    tag_setters!(
        "Sets the tags of every operation, in pairs of name and value, which exporters add to the metrics.",
        and so of other, and so of circuits
    );

    /// Returns the metrics of the operation with this name; `None` before its first event, and if it is counted in
    /// [`other`](Self::other). Calls without a name are under `""`, and their metrics have the name `unnamed`.
    pub fn operation(&self, name: &str) -> Option<&OperationMetrics> {
        self.by_name.get(name)
    }

    /// Returns the metrics of each operation, in any order.
    pub fn operations(&self) -> impl Iterator<Item = &OperationMetrics> {
        self.by_name.iter()
    }

    /// Returns the metrics of all operations with names that found no room.
    pub const fn other(&self) -> &OperationMetrics {
        &self.other
    }

    /// Returns the metrics of all circuits.
    pub const fn circuits(&self) -> &OperationMetrics {
        &self.circuits
    }

    /// Returns the sum of all metrics.
    pub fn snapshot(&self) -> MetricsSnapshot {
        let all = self.operations().chain([&self.other, &self.circuits]);
        all.fold(MetricsSnapshot::NONE, |sum, operation| sum + operation.snapshot())
    }
}

impl<const OPERATIONS: usize> Observer for Metrics<OPERATIONS> {
    #[inline(always)]
    fn observe(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Succeeded | EventKind::Cancelled => {} // the end of the call counts it
            EventKind::PhaseChanged(_) => self.circuits.observe(event),
            _ => self.find_or_make(event.operation, event.fixed, event.operation_type).observe(event),
        }
    }
}

impl<const OPERATIONS: usize> Metrics<OPERATIONS> {
    /// Out of line, because the look-up is long. It takes only the name, so that the event stays in registers.
    #[inline(never)]
    fn find_or_make(
        &self,
        operation: &str,
        fixed: Option<&'static str>,
        operation_type: &'static str,
    ) -> &OperationMetrics {
        let make = |name: Name| {
            let name = if name.is_empty() { Name::new(UNNAMED) } else { name };
            let named = OperationMetrics::named(name)?;
            Some(OperationMetrics { tags: self.tags.clone(), ..named.of_type(operation_type) })
        };
        self.by_name.find(operation, fixed, make).unwrap_or(&self.other)
    }
}

impl<const OPERATIONS: usize> Default for Metrics<OPERATIONS> {
    fn default() -> Self {
        Self::sized()
    }
}

impl<const OPERATIONS: usize> fmt::Debug for Metrics<OPERATIONS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.operations().map(|operation| (operation.operation(), operation.snapshot()));
        f.debug_map().entries(counts).entry(&"other", &self.other.snapshot()).finish()
    }
}

/// The name of calls that have none.
pub(in crate::observe) const UNNAMED: &str = "unnamed";

/// One `T` per name, for up to `N` names: a hash table with open addressing, in which entries are never removed.
pub(in crate::observe) struct ByName<T, const N: usize>([OnceLock<Box<(Name, T)>>; N]);

impl<T, const N: usize> ByName<T, N> {
    pub(in crate::observe) const fn new() -> Self {
        const { assert!(N > 0, "OPERATIONS = 0: must be at least 1") };
        Self([const { OnceLock::new() }; N])
    }

    /// Returns the entry of this name, or makes one if there is room and the name is fit. `fixed` is the name again if
    /// it is `'static`.
    #[inline]
    pub(in crate::observe) fn find(
        &self,
        name: &str,
        fixed: Option<&'static str>,
        make: impl Fn(Name) -> Option<T>,
    ) -> Option<&T> {
        if name.len() > LONGEST_VALUE {
            return None;
        }
        let mut place = hash(name) % N;
        for _ in 0..N {
            let found = match self.0[place].get() {
                Some(found) => &**found,
                None => self.make(place, Name::kept(name, fixed), &make)?,
            };
            // Most often it is the very same text.
            if ptr::eq(found.0.as_str(), name) || found.0 == *name {
                return Some(&found.1);
            }
            place = if place + 1 == N { 0 } else { place + 1 };
        }
        None
    }

    /// Returns the entry of this name, if there is one.
    fn get(&self, name: &str) -> Option<&T> {
        let mut place = hash(name) % N;
        for _ in 0..N {
            let found = self.0[place].get()?;
            if found.0 == *name {
                return Some(&found.1);
            }
            place = if place + 1 == N { 0 } else { place + 1 };
        }
        None
    }

    pub(in crate::observe) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|slot| slot.get().map(|found| &found.1))
    }

    /// Returns the entry that is at this place now: a new one, or the one that another thread has put there first.
    #[cold]
    fn make(&self, place: usize, name: Name, make: &dyn Fn(Name) -> Option<T>) -> Option<&(Name, T)> {
        let made = Box::new((name.clone(), make(name)?));
        Some(self.0[place].get_or_init(|| made))
    }
}

/// Returns a hash of the first and the last eight bytes, and the length. Names with equal hashes are next to each
/// other.
#[inline]
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
    };
    let word = (first ^ last.rotate_left(21) ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    #[allow(clippy::cast_possible_truncation)] // the high half depends on all bits
    let high = (word >> 32) as u32;
    high as usize
}
