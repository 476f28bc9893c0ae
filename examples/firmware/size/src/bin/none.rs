//! The program without retries.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use size::{report, send, use_platform};

#[entry]
fn main() -> ! {
    use_platform();
    loop {
        report(send());
    }
}
