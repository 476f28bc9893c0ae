// window = 0: must be at least 1
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

const CONFIG: CircuitConfig = CircuitConfig::DEFAULT.window(0);

fn main() {}
