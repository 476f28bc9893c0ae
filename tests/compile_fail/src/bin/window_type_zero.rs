// window: a `CountWindow` holds 1 to 1024 calls, not this many
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static CIRCUIT: SharedCircuit<CountWindow<0>> = SharedCircuit::with_window(CircuitConfig::WITHOUT_RULES);

fn main() {}
