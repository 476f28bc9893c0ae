//! The metrics of all operations, by name.

use core::{fmt, ptr};
use std::boxed::Box;
use std::sync::OnceLock;

use super::super::event::{Event, EventKind, Observer};
use super::snapshot::MetricsSnapshot;
use super::tags::LONGEST_VALUE;
use super::{OperationMetrics, Tags, check_tags, tag_setters};
use crate::config_error::{ConfigError, ok_or_panic};
use crate::name::Name;

/// Counts what all calls do, by operation: up to `OPERATIONS` names, each at its first event.
///
/// A name is found without a lock. One that there is no more room for, that is longer than 128 bytes or holds a control
/// character, is counted in [`other`](Self::other), so that the totals are right all the same. Changes of phase are
/// counted in [`circuits`](Self::circuits), not by operation: several may share a circuit.
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
/// Where an operation has a `static` of its own, [`OperationMetrics`] needs no look-up.
pub struct Metrics<const OPERATIONS: usize = 32> {
    by_name: ByName<OperationMetrics, OPERATIONS>,
    other: OperationMetrics,
    circuits: OperationMetrics,
    tags: Tags,
}

impl Metrics {
    /// Metrics without any operation, with room for 32: for another number, see [`sized`](Self::sized).
    pub const fn new() -> Self {
        Self::sized()
    }
}

impl<const OPERATIONS: usize> Metrics<OPERATIONS> {
    /// Metrics without any operation, with room for as many as the type says.
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
        "Says in pairs of name and value what tells all of them from others: the tags of each operation.",
        and so of other, and so of circuits
    );

    /// The metrics of the operation of this name; `None` before its first event, and where it is counted among the
    /// [`other`](Self::other) ones. Calls without a name are under `""`, and their metrics call them `unnamed`.
    pub fn operation(&self, name: &str) -> Option<&OperationMetrics> {
        self.by_name.get(name)
    }

    /// Each operation, in no order that means anything.
    pub fn operations(&self) -> impl Iterator<Item = &OperationMetrics> {
        self.by_name.iter()
    }

    /// All operations whose names found no place.
    pub const fn other(&self) -> &OperationMetrics {
        &self.other
    }

    /// What all circuits did.
    pub const fn circuits(&self) -> &OperationMetrics {
        &self.circuits
    }

    /// All of it added up.
    pub fn snapshot(&self) -> MetricsSnapshot {
        let all = self.operations().chain([&self.other, &self.circuits]);
        all.fold(MetricsSnapshot::NONE, |sum, operation| sum + operation.snapshot())
    }
}

impl<const OPERATIONS: usize> Observer for Metrics<OPERATIONS> {
    #[inline]
    fn observe(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Succeeded | EventKind::Cancelled => {} // the end of the call says so, too
            EventKind::PhaseChanged(_) => self.circuits.observe(event),
            _ => self.find_or_make(event.operation, event.fixed).observe(event),
        }
    }
}

impl<const OPERATIONS: usize> Metrics<OPERATIONS> {
    /// Out of line, because the look-up is long; it takes only the name, so that the event stays in registers.
    #[inline(never)]
    fn find_or_make(&self, operation: &str, fixed: Option<&'static str>) -> &OperationMetrics {
        self.by_name.find(operation, fixed, |name| self.made(name)).unwrap_or(&self.other)
    }

    fn made(&self, name: Name) -> Option<OperationMetrics> {
        let name = if name.is_empty() { Name::new(UNNAMED) } else { name };
        Some(OperationMetrics { tags: self.tags.clone(), ..OperationMetrics::named(name)? })
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

/// What calls without a name are counted as.
pub(in crate::observe) const UNNAMED: &str = "unnamed";

/// One `T` for each name, up to `N`: open addressing, where nothing ever leaves.
pub(in crate::observe) struct ByName<T, const N: usize>([OnceLock<Box<(Name, T)>>; N]);

impl<T, const N: usize> ByName<T, N> {
    pub(in crate::observe) const fn new() -> Self {
        const { assert!(N > 0, "OPERATIONS = 0: must be at least 1") };
        Self([const { OnceLock::new() }; N])
    }

    /// The one of this operation, whose name `fixed` is if it lives as long as the program; a new one, if there is room and
    /// the name will do.
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

    /// The one of this name, if there is one.
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

    /// What is at this place now: a new one, or what another thread put there first.
    #[cold]
    fn make(&self, place: usize, name: Name, make: &dyn Fn(Name) -> Option<T>) -> Option<&(Name, T)> {
        let made = Box::new((name.clone(), make(name)?));
        Some(self.0[place].get_or_init(|| made))
    }
}

/// Of the two ends and the length: names differ there, and where not, they stand one after the other.
#[inline]
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
    };
    let word = (first ^ last.rotate_left(21) ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    #[allow(clippy::cast_possible_truncation)] // the high half, which depends on all of it
    let high = (word >> 32) as u32;
    high as usize
}
