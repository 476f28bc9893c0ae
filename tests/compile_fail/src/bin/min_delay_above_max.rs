// min_delay = 31 s: must be at most 30 s, max_delay
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

const POLICY: Policy = Policy::DEFAULT.min_delay(Duration::from_secs(31));

fn main() {}
