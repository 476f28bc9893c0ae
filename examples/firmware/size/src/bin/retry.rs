//! retry-core, without a circuit.

#![no_std]
#![no_main]

use core::time::Duration;

use cortex_m_rt::entry;
use retry_core::{BlockingSleep, Class, Clock, Entropy, Instant, Interrupted, Policy, Retry};
use size::{is_transient, millis, now, report, send, sleep_ms, use_platform, word};

const POLICY: Policy =
    Policy::exponential(Duration::from_millis(100)).cap(Duration::from_secs(5)).attempts(4);

#[entry]
fn main() -> ! {
    use_platform();
    let retry = Retry::new(&POLICY, Chip)
        .classify(|error: &u8| if is_transient(*error) { Class::Transient } else { Class::Permanent });
    loop {
        report(retry.run_blocking(send).map_err(|error| error.into_inner().unwrap_or(u8::MAX)));
    }
}

struct Chip;

impl Clock for Chip {
    fn now(&self) -> Instant {
        Instant::from_nanos(now())
    }
}

impl BlockingSleep for Chip {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        sleep_ms(millis(duration));
        Ok(())
    }
}

impl Entropy for Chip {
    fn word(&self) -> u64 {
        u64::from(word()) << 32 | u64::from(word())
    }
}
