// max_delay = 99 ms: must be at least 100 ms, the base delay
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_delay(Duration::from_millis(99));

fn main() {}
