// attempt_timeout = 0 s: must be above zero
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

const POLICY: Policy = Policy::DEFAULT.attempt_timeout(Duration::ZERO);

fn main() {}
