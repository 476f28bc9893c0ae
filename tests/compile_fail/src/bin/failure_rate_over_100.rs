// failure_rate = 101: must be a percentage from 1 to 100
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

const CONFIG: CircuitConfig = CircuitConfig::DEFAULT.failure_rate(101);

fn main() {}
