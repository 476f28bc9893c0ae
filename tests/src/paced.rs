//! Scripted time on runtimes with timers that cannot be paused.

use core::cell::Cell;
use core::fmt;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;

use retry_core::{
    Instant,
    runtime::{Clock, Sleep},
};

/// A scripted clock for an adapter with timers that cannot be paused. The real duration of a scenario's millisecond can
/// be chosen.
///
/// Real timers end late, each by a different amount, so two logs with real times differ. Here each sleep is a real
/// sleep of the adapter, on its reactor. But the clock jumps from the end of one scripted sleep to the next. It does so
/// when all tasks wait, and when the real sleeps that end at that time have ended. Errors of the adapter are still
/// found: a sleep that ends early by the adapter's clock panics, and a sleep that does not wake its task hangs.
pub struct Paced<R> {
    inner: R,
    milli: Duration,
    /// The time of the adapter's clock at the origin of scripted time.
    start: Instant,
    now: Cell<Instant>,
    /// The current sleeps: the attempt, its timeout, the one that stops the call, and some to spare.
    sleeps: [Cell<Option<UnderWay>>; 8],
}

#[derive(Clone, Copy)]
struct UnderWay {
    /// The end, in scripted time.
    until: Instant,
    /// Whether the adapter's sleep has ended.
    over: bool,
}

impl<R: Sleep> Paced<R> {
    /// Makes a runtime in which a scripted millisecond takes `milli` on `inner`.
    pub fn new(inner: R, milli: Duration) -> Self {
        let (start, now) = (inner.now(), Cell::new(Instant::ORIGIN));
        Self { inner, milli, start, now, sleeps: [const { Cell::new(None) }; 8] }
    }

    /// Awaits `future`, and moves the clock whenever the future waits for sleeps on `&self`.
    ///
    /// # Panics
    /// Panics if a sleep of the adapter ends early by the adapter's clock.
    pub async fn drive<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            loop {
                if let Poll::Ready(output) = future.as_mut().poll(context) {
                    return Poll::Ready(output);
                }
                if !self.move_on() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Moves the clock to the next end of a sleep, if the real sleeps that end then have ended.
    fn move_on(&self) -> bool {
        let now = self.now.get();
        let ends = || self.sleeps.iter().filter_map(Cell::get).filter(|sleep| sleep.until > now);
        let Some(next) = ends().map(|sleep| sleep.until).min() else { return false };
        if ends().any(|sleep| sleep.until == next && !sleep.over) {
            return false;
        }
        let (took, least) = (self.inner.now().since(self.start), self.real(next.since(Instant::ORIGIN)));
        assert!(took >= least, "a sleep of the adapter ended early: after {took:?} of {least:?}");
        self.now.set(next);
        true
    }

    fn real(&self, scripted: Duration) -> Duration {
        // Scenarios take minutes at most.
        self.milli * u32::try_from(scripted.as_millis()).expect("a sleep fits 32 bits of milliseconds")
    }
}

impl<R: Sleep> Clock for &Paced<R> {
    fn now(&self) -> Instant {
        self.now.get()
    }
}

impl<'p, R: Sleep<Sleep: Unpin>> Sleep for &'p Paced<R> {
    type Sleep = PacedSleep<'p, R>;

    fn sleep(&self, duration: Duration) -> PacedSleep<'p, R> {
        let until = self.now.get().after(duration);
        let place = self.sleeps.iter().find(|place| place.get().is_none());
        let place = place.expect("at most eight sleeps at once");
        place.set(Some(UnderWay { until, over: false }));
        PacedSleep { paced: self, until, place, inner: self.inner.sleep(self.real(duration)) }
    }
}

impl<R> fmt::Debug for Paced<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced").field("now", &self.now).finish_non_exhaustive()
    }
}

/// A sleep on a [`Paced`] runtime.
#[must_use = "a sleep does nothing until it is awaited"]
pub struct PacedSleep<'p, R: Sleep> {
    paced: &'p Paced<R>,
    until: Instant,
    place: &'p Cell<Option<UnderWay>>,
    inner: R::Sleep,
}

impl<R: Sleep<Sleep: Unpin>> Future for PacedSleep<'_, R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { paced, until, place, inner } = self.get_mut();
        if paced.now.get() >= *until {
            return Poll::Ready(());
        }
        let over = place.get().is_some_and(|sleep| sleep.over);
        if !over && Pin::new(inner).poll(context).is_ready() {
            place.set(Some(UnderWay { until: *until, over: true }));
        }
        Poll::Pending
    }
}

impl<R: Sleep> Drop for PacedSleep<'_, R> {
    fn drop(&mut self) {
        self.place.set(None);
    }
}

impl<R: Sleep> fmt::Debug for PacedSleep<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacedSleep").field("until", &self.until).finish_non_exhaustive()
    }
}
