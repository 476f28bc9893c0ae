//! Runs a future on embassy-time's mock driver, a tick at a time.

use core::pin::pin;
use core::task::{Context, Poll};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;

use embassy_time::{Duration, MockDriver, TICK_HZ};

/// The whole milliseconds of this many ticks.
pub(crate) fn millis(ticks: u64) -> u64 {
    ticks / (TICK_HZ / 1_000)
}

/// The output of `future`, and how many ticks it took. Time moves only while it waits for it.
pub(crate) fn run<F: Future>(future: F) -> (F::Output, u64) {
    // There is one driver in a process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let driver = MockDriver::get();
    driver.reset();

    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Arc::clone(&woken).into();
    let (mut future, mut ticks) = (pin!(future), 0);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return (output, ticks);
        }
        while !woken.0.swap(false, Ordering::Relaxed) {
            assert!(ticks < 60 * TICK_HZ, "a minute of virtual time, and nothing woke it");
            driver.advance(Duration::from_ticks(1));
            ticks += 1;
        }
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
