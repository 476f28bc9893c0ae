//! The parts of the program, each with its claims.

mod answers;
mod faults;
mod throttle;

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;

use retry_core::Policy;
use retry_core::budget::RetryThrottle;

pub use self::answers::{codes, pushback, streams};
pub use self::faults::{cut, deadlines, outage};
pub use self::throttle::throttle;
use crate::Result;
use crate::client::{Stock, channel};

/// Any free port on loopback.
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A policy with short delays.
const QUICK: Policy = Policy::exponential(ms(5)).max_delay(ms(50)).max_attempts(4);

/// A throttle that leaves the retries of one part alone.
const WIDE: RetryThrottle = RetryThrottle::GRPC.max_tokens(1_000);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn stock(address: SocketAddr, policy: Policy, throttle: RetryThrottle) -> Result<Stock> {
    Ok(Stock::new(channel(format!("http://{address}"))?, policy, throttle))
}
