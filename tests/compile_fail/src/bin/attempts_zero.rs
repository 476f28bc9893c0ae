// attempts = 0: must be at least 1
#![allow(unused)]
use core::time::Duration;
use retry_core::*;

const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).attempts(0);

fn main() {}
