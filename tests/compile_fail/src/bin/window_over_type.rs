// window = 200: must be at most 100, what its type holds
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT.window(200));

fn main() {}
