//! What the programs here share: the time, the end, and memory that a reset leaves alone.

#![no_std]

mod time_driver;

use cortex_m_rt::{ExceptionFrame, exception};
use defmt_semihosting as _; // the log goes out through the debugger

pub use time_driver::start as start_clock;

/// Ends the program with success, which QEMU passes on.
pub fn done() -> ! {
    semihosting::process::exit(0)
}

#[panic_handler]
fn panicked(info: &core::panic::PanicInfo<'_>) -> ! {
    defmt::error!("{}", defmt::Display2Format(info));
    semihosting::process::exit(101)
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    semihosting::process::exit(102)
}
