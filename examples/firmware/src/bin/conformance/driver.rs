//! embassy's clock for the scenarios. It stands still while there is work. Then it jumps to the next timer.

use core::cell::{Cell, RefCell};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use critical_section::Mutex;
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;

struct Leaping {
    ticks: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static DRIVER: Leaping = Leaping {
    ticks: Mutex::new(Cell::new(0)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

impl Driver for Leaping {
    fn now(&self) -> u64 {
        critical_section::with(|section| self.ticks.borrow(section).get())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| self.queue.borrow_ref_mut(section).schedule_wake(at, waker));
    }
}

/// Polls `future` until it ends, and moves the clock from timer to timer.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
        critical_section::with(|section| {
            let (ticks, mut queue) = (DRIVER.ticks.borrow(section), DRIVER.queue.borrow_ref_mut(section));
            // If no timer is left, this call has woken the timers that were due, and the future is polled once more.
            let next = queue.next_expiration(ticks.get());
            if next < u64::MAX {
                ticks.set(next);
                queue.next_expiration(next);
            }
        });
    }
}
