//! Counters that many threads use without slowing each other down.

#[cfg(target_has_atomic = "64")]
use core::sync::atomic::Ordering::Relaxed;

#[cfg(target_has_atomic = "64")]
use crate::atomic64::AtomicU64;

/// A count or a sum, modulo 2^64.
#[cfg(target_has_atomic = "64")]
struct Counter(AtomicU64);

#[cfg(target_has_atomic = "64")]
impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The same in a critical section. In 32 bits, a sum of nanoseconds would overflow after four seconds.
#[cfg(not(target_has_atomic = "64"))]
struct Counter(critical_section::Mutex<core::cell::Cell<u64>>);

#[cfg(not(target_has_atomic = "64"))]
impl Counter {
    const fn new() -> Self {
        Self(critical_section::Mutex::new(core::cell::Cell::new(0)))
    }

    fn add(&self, more: u64) {
        critical_section::with(|section| {
            let count = self.0.borrow(section);
            count.set(count.get().wrapping_add(more));
        });
    }

    fn value(&self) -> u64 {
        critical_section::with(|section| self.0.borrow(section).get())
    }
}

/// `COUNTERS` counters in each of `SHARDS` shards. A thread counts in one shard, and a reader adds the shards up.
pub(super) struct Shards<const COUNTERS: usize, const SHARDS: usize>([Shard<COUNTERS>; SHARDS]);

/// The counters of one shard, on cache lines of their own: 128 bytes, because lines are fetched in pairs.
#[cfg_attr(feature = "std", repr(align(128)))]
pub(super) struct Shard<const COUNTERS: usize>([Counter; COUNTERS]);

impl<const COUNTERS: usize, const SHARDS: usize> Shards<COUNTERS, SHARDS> {
    pub(super) const fn new() -> Self {
        const { assert!(SHARDS > 0, "SHARDS = 0: must be at least 1") };
        Self([const { Shard([const { Counter::new() }; COUNTERS]) }; SHARDS])
    }

    /// Returns the shard of this thread.
    #[inline]
    pub(super) fn mine(&self) -> &Shard<COUNTERS> {
        &self.0[if SHARDS == 1 { 0 } else { thread_number() % SHARDS }]
    }

    /// Returns the sum of each counter over all shards. An event that is counted meanwhile is in some sums and not in
    /// others.
    pub(super) fn sums(&self) -> [u64; COUNTERS] {
        core::array::from_fn(|i| {
            self.0.iter().fold(0_u64, |sum, Shard(counters)| sum.wrapping_add(counters[i].value()))
        })
    }
}

impl<const COUNTERS: usize> Shard<COUNTERS> {
    #[inline]
    pub(super) fn add(&self, counter: usize, more: u64) {
        self.0[counter].add(more);
    }

    #[inline]
    pub(super) fn count(&self, counter: usize) {
        self.add(counter, 1);
    }
}

/// Returns the number of this thread. Threads are numbered in the order in which they first ask.
#[cfg(feature = "std")]
#[inline]
fn thread_number() -> usize {
    use core::cell::Cell;

    std::thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    #[cold]
    fn number_it(number: &Cell<usize>) -> usize {
        static NEXT: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);
        number.set(NEXT.fetch_add(1, core::sync::atomic::Ordering::Relaxed));
        number.get()
    }

    NUMBER.with(|number| match number.get() {
        usize::MAX => number_it(number),
        number => number,
    })
}

/// Without `std`, all threads use one shard.
#[cfg(not(feature = "std"))]
const fn thread_number() -> usize {
    0
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn each_thread_has_a_number_of_its_own_and_keeps_it() {
        let together = Barrier::new(8);
        let number = || {
            together.wait();
            let number = thread_number();
            assert_eq!(number, thread_number());
            number
        };
        let numbers: HashSet<_> = thread::scope(|scope| {
            let threads: std::vec::Vec<_> = (0..8).map(|_| scope.spawn(number)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(numbers.len(), 8);
    }

    #[test]
    fn shards_of_two_threads_share_no_line_of_the_cache() {
        let shards = Shards::<3, 4>::new();
        let places = shards.0.each_ref().map(|shard| core::ptr::from_ref(shard).addr());
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= 128), "{places:?}");
        assert!(places.iter().all(|place| place.is_multiple_of(128)), "{places:?}");
        assert_eq!(core::ptr::from_ref(shards.mine()).addr(), places[thread_number() % 4]);
    }
}
