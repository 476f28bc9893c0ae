//! The platform as a runtime of retry-core, and the policy and classifier of all programs with retry-core.

use core::time::Duration;

use retry_core::{
    Class, Instant, Policy,
    runtime::{BlockingSleep, Clock, Entropy, Interrupted},
};

use crate::{is_transient, millis, now, sleep_ms, word};

/// The same policy as in the loop by hand.
pub const POLICY: Policy =
    Policy::exponential(Duration::from_millis(100)).max_delay(Duration::from_secs(5)).max_attempts(4);

pub fn class(error: &u8) -> Class {
    if is_transient(*error) { Class::Transient } else { Class::Permanent }
}

pub struct Chip;

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
