//! The platform of all programs: a device that may fail, a clock, a sleep, random words, and an output for the result.
//! All are registers, so that the compiler cannot predict or remove any of it.

#![no_std]

mod chip;

use core::ptr;
use core::time::Duration;

pub use chip::{Chip, POLICY, class};

/// Handles a panic: loops for ever.
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::nop();
    }
}

/// Asks the device, and returns its answer or its error.
#[inline(never)]
pub fn send() -> Result<u32, u8> {
    match register(0) {
        answer if answer >> 31 == 0 => Ok(answer),
        error => Err(error as u8),
    }
}

/// Returns whether another attempt may help.
pub fn is_transient(error: u8) -> bool {
    error < 8
}

/// Sleeps for some milliseconds.
#[inline(never)]
pub fn sleep_ms(ms: u32) {
    for _ in 0..ms {
        while register(1) == 0 {}
    }
}

/// Returns the nanoseconds since the start.
#[inline(never)]
pub fn now() -> u64 {
    u64::from(register(2)) << 10
}

#[inline(never)]
pub fn word() -> u32 {
    register(3)
}

/// Writes the result to the output.
#[inline(never)]
pub fn report(result: Result<u32, u8>) {
    let result = match result {
        Ok(answer) => answer,
        Err(error) => u32::from(error) | 1 << 31,
    };
    // SAFETY: never run.
    unsafe { ptr::write_volatile(REGISTERS as *mut u32, result) };
}

/// Uses the platform once, so that every program contains it.
pub fn use_platform() {
    sleep_ms(word());
    sleep_ms(millis(Duration::new(now(), word() % 1_000_000_000)));
}

/// Converts a duration to whole milliseconds, rounded up.
pub fn millis(duration: Duration) -> u32 {
    duration.as_secs() as u32 * 1_000 + duration.subsec_nanos().div_ceil(1_000_000)
}

const REGISTERS: usize = 0x4000_0000;

fn register(number: usize) -> u32 {
    // SAFETY: never run.
    unsafe { ptr::read_volatile((REGISTERS as *const u32).add(number)) }
}
