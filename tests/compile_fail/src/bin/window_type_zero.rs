// window: a `CountWindow` holds 1 to 1024 calls, not this many
#![allow(unused)]
use core::time::Duration;
use retry_core::*;

static CIRCUIT: SharedCircuit<CountWindow<0>> = SharedCircuit::new(CircuitConfig::WITHOUT_RULES);

fn main() {}
