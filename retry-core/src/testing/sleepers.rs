//! The pending sleeps of a fake clock.

use core::task::Waker;

use crate::time::Instant;

/// The pending sleeps, with the wakers of their tasks.
///
/// The wakers that it returns are used and dropped outside the clock's lock, because both may run code that takes the
/// lock.
pub(super) struct Sleepers {
    pending: List,
}

#[cfg(feature = "std")]
type List = std::vec::Vec<Sleeper>;
#[cfg(not(feature = "std"))]
type List = heapless::Vec<Sleeper, MAX_SLEEPERS>;

/// A pending sleep.
pub(super) struct Sleeper {
    pub(super) until: Instant,
    pub(super) id: u64,
    pub(super) waker: Waker,
}

impl Sleepers {
    pub(super) const fn new() -> Self {
        Self { pending: List::new() }
    }

    /// Adds a sleep that is not pending yet. If the list is full, it returns the waker of the sleep that is left out.
    pub(super) fn add(&mut self, sleeper: Sleeper) -> Option<Waker> {
        // Without an allocator, the list holds the earliest sleeps. The sleep that is left out is woken, so that its
        // task polls it again until there is room. This busy loop ends when the clock moves.
        #[cfg(not(feature = "std"))]
        if self.pending.is_full() {
            let latest = self.pending.iter_mut().max_by_key(|pending| pending.key());
            return match latest.filter(|latest| sleeper.key() < latest.key()) {
                Some(latest) => Some(core::mem::replace(latest, sleeper).waker),
                None => Some(sleeper.waker),
            };
        }
        self.pending.extend([sleeper]);
        None
    }

    /// Removes a sleep, if it is pending.
    pub(super) fn remove(&mut self, id: u64) -> Option<Waker> {
        let index = self.pending.iter().position(|pending| pending.id == id)?;
        Some(self.pending.swap_remove(index).waker)
    }

    /// Removes the earliest sleep, if it is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Waker> {
        let (until, id) = self.earliest()?;
        if until <= now { self.remove(id) } else { None }
    }

    /// The time and the id of the earliest sleep.
    pub(super) fn earliest(&self) -> Option<(Instant, u64)> {
        self.pending.iter().map(Sleeper::key).min()
    }
}

impl Sleeper {
    /// The order of waking: by time, and by age if the times are equal.
    const fn key(&self) -> (Instant, u64) {
        (self.until, self.id)
    }
}

/// The number of pending sleeps that a clock has room for without an allocator.
#[cfg(not(feature = "std"))]
const MAX_SLEEPERS: usize = 16;

#[cfg(all(test, not(feature = "std")))]
mod tests {
    extern crate std;

    use core::future::poll_fn;
    use core::mem;
    use core::pin::Pin;
    use core::sync::atomic::{AtomicU32, Ordering};
    use core::task::{Context, Poll, Waker};
    use core::time::Duration;
    use std::sync::Arc;
    use std::task::Wake;
    use std::vec::Vec;

    use super::MAX_SLEEPERS;
    use crate::{
        runtime::Sleep,
        testing::{FakeClock, FakeSleep},
    };

    const MILLI: Duration = Duration::from_millis(1);

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A sleep, and how often it was woken.
    struct Task<'c>(FakeSleep<&'c FakeClock>, Arc<Count>);

    impl<'c> Task<'c> {
        fn new(clock: &'c FakeClock, millis: u32) -> Self {
            Self(clock.sleep(MILLI * millis), Arc::default())
        }

        fn is_ready(&mut self) -> bool {
            Pin::new(&mut self.0).poll(&mut Context::from_waker(&Waker::from(self.1.clone()))).is_ready()
        }

        fn wakes(&self) -> u32 {
            self.1.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn the_latest_sleep_finds_no_room_and_is_woken_to_ask_again() {
        let clock = &FakeClock::new();
        let mut tasks: Vec<_> = (1..).take(MAX_SLEEPERS).map(|nth| Task::new(clock, 10 * nth)).collect();
        assert!(!tasks.iter_mut().any(Task::is_ready));
        let (mut early, mut late) = (Task::new(clock, 5), Task::new(clock, 1_000));

        // A later sleep is left out itself each time. An earlier one takes the place of the latest.
        assert!(!late.is_ready() && !late.is_ready());
        assert_eq!(late.wakes(), 2);
        assert!(!early.is_ready());
        let wakes: Vec<_> = tasks.iter().map(Task::wakes).collect();
        assert_eq!((early.wakes(), wakes.iter().sum(), wakes.last()), (0, 1, Some(&1)));

        // Once there is room, they are pending like the others.
        clock.advance(MILLI * 10);
        assert_eq!((early.wakes(), tasks[0].wakes()), (1, 1));
        let last = tasks.last_mut().unwrap();
        assert!(!last.is_ready() && !late.is_ready());
        assert_eq!((last.wakes(), late.wakes()), (1, 2));
        clock.advance(MILLI * 990);
        assert!(tasks.iter_mut().all(Task::is_ready) && late.is_ready());
        assert_eq!(late.wakes(), 3);
    }

    #[test]
    fn run_finds_each_end_of_more_sleeps_than_there_is_room_for() {
        let clock = &FakeClock::new();
        let mut sleeps: Vec<_> = (1..=100).rev().map(|end| (clock.sleep(MILLI * end), false)).collect();
        let mut ends = Vec::new();
        clock.run(poll_fn(|context| {
            for (sleep, over) in sleeps.iter_mut().filter(|(_, over)| !over) {
                if Pin::new(sleep).poll(context).is_ready() {
                    *over = true;
                    ends.push(clock.now().as_millis());
                }
            }
            if ends.len() == 100 { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert_eq!(ends, (1..=100).collect::<Vec<_>>());
    }

    /// The future itself moves the clock past the end of its pending sleep.
    #[test]
    fn run_goes_on_with_a_sleep_that_the_future_itself_made_due() {
        let clock = &FakeClock::new();
        let (mut sleep, mut advanced) = (clock.sleep(MILLI * 10), false);
        clock.run(poll_fn(|context| {
            let slept = Pin::new(&mut sleep).poll(context);
            if !mem::replace(&mut advanced, true) {
                clock.advance(MILLI * 25);
            }
            slept
        }));
        assert_eq!(clock.now().as_millis(), 25);
    }
}
