//! embassy's clock, on SysTick, the timer of the core: one interrupt per millisecond.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use critical_section::Mutex;
use embassy_time_driver::{Driver, TICK_HZ, time_driver_impl};
use embassy_time_queue_utils::Queue;

/// The frequency of the core. After a reset, the LM3S6965 runs on its crystal, divided down to this frequency.
const CORE_HZ: u32 = 12_500_000;

struct SysTickDriver {
    ticks: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static DRIVER: SysTickDriver = SysTickDriver {
    ticks: Mutex::new(Cell::new(0)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

/// Starts the clock, at 0.
pub(crate) fn start(mut timer: SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(CORE_HZ / TICK_HZ as u32 - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

impl Driver for SysTickDriver {
    fn now(&self) -> u64 {
        critical_section::with(|section| self.ticks.borrow(section).get())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|section| {
            let mut queue = self.queue.borrow_ref_mut(section);
            if queue.schedule_wake(at, waker) {
                // Timers that are due already are woken here. The interrupt wakes the others.
                queue.next_expiration(self.ticks.borrow(section).get());
            }
        });
    }
}

#[exception]
fn SysTick() {
    critical_section::with(|section| {
        let ticks = DRIVER.ticks.borrow(section);
        ticks.set(ticks.get() + 1);
        DRIVER.queue.borrow_ref_mut(section).next_expiration(ticks.get());
    });
}
