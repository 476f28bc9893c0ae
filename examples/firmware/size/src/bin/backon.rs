//! backon's blocking loop.

#![no_std]
#![no_main]

use core::time::Duration;

use backon::{BlockingRetryable, ExponentialBuilder};
use cortex_m_rt::entry;
use size::{is_transient, millis, report, send, sleep_ms, use_platform};

#[entry]
fn main() -> ! {
    use_platform();
    let policy = ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(3)
        .with_jitter();
    loop {
        let sleep = |duration| sleep_ms(millis(duration));
        report(send.retry(policy).sleep(sleep).when(|error| is_transient(*error)).call());
    }
}
