//! retry-core, with a circuit that has a constant configuration.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use retry_core::{
    CircuitConfig, Retry,
    circuit::{ConstCircuit, ConstConfig, CountWindow},
    runtime::CriticalSectionLock,
};
use size::{Chip, POLICY, class, report, send, use_platform};

static UPLINK: ConstCircuit<Uplink, CountWindow<32>, CriticalSectionLock> = ConstCircuit::CLOSED;

struct Uplink;

impl ConstConfig for Uplink {
    const CONFIG: CircuitConfig =
        CircuitConfig::WITHOUT_RULES.consecutive_failures(5).failure_rate(50).minimum_calls(10);
}

#[entry]
fn main() -> ! {
    use_platform();
    let retry = Retry::new(&POLICY, Chip).circuit(&UPLINK).classify(class);
    loop {
        report(retry.run_blocking(send).map_err(|error| error.into_inner().unwrap_or(u8::MAX)));
    }
}
