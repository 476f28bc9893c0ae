// max_attempts = 0: must be at least 1
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).max_attempts(0);

fn main() {}
