//! A retry loop by hand: exponential backoff with a cap, and full jitter.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use size::{is_transient, report, send, sleep_ms, use_platform, word};

#[entry]
fn main() -> ! {
    use_platform();
    loop {
        report(send_and_retry());
    }
}

fn send_and_retry() -> Result<u32, u8> {
    let (mut ceiling, mut attempt) = (100_u32, 1);
    loop {
        match send() {
            Ok(answer) => return Ok(answer),
            Err(error) if attempt == 4 || !is_transient(error) => return Err(error),
            Err(_) => sleep_ms(((u64::from(word()) * u64::from(ceiling + 1)) >> 32) as u32),
        }
        attempt += 1;
        ceiling = (ceiling * 2).min(5_000);
    }
}
