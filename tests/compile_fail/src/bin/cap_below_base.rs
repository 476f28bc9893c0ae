// cap = 99 ms: must be at least 100 ms, the base
#![allow(unused)]
use core::time::Duration;
use retry_core::*;

const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).cap(Duration::from_millis(99));

fn main() {}
