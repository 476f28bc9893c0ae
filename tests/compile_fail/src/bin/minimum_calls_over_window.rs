// minimum_calls = 20: must be at most 10, the window
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static CIRCUIT: SharedCircuit<CountWindow<10>> = SharedCircuit::with_window(CircuitConfig::DEFAULT);

fn main() {}
