//! embassy's clock, which stands while there is something to do, and then is at once where something will be.

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

/// Drives `future` to its end, and time with it.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
        critical_section::with(|section| {
            let (ticks, mut queue) = (DRIVER.ticks.borrow(section), DRIVER.queue.borrow_ref_mut(section));
            // Without a next, what was due already is out of the queue now, and the future is asked once more.
            let next = queue.next_expiration(ticks.get());
            if next < u64::MAX {
                ticks.set(next);
                queue.next_expiration(next);
            }
        });
    }
}
