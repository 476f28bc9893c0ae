//! retry-core, without a circuit.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use retry_core::Retry;
use size::{Chip, POLICY, class, report, send, use_platform};

#[entry]
fn main() -> ! {
    use_platform();
    let retry = Retry::new(&POLICY, Chip).classify(class);
    loop {
        report(retry.run_blocking(send).map_err(|error| error.into_inner().unwrap_or(u8::MAX)));
    }
}
