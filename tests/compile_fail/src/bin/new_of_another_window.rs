// expected `20`, found `100`
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static CIRCUIT: SharedCircuit<CountWindow<20>> = SharedCircuit::new(CircuitConfig::DEFAULT);

fn main() {}
