// failure_rate = 0: must be a percentage from 1 to 100
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

const CONFIG: CircuitConfig = CircuitConfig::DEFAULT.failure_rate(0);

fn main() {}
