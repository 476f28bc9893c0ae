//! The end of the program. Its status becomes QEMU's status.

use cortex_m_rt::{ExceptionFrame, exception};
use defmt_semihosting as _; // sends the log through the debugger

/// Ends the program with success.
pub(crate) fn done() -> ! {
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
