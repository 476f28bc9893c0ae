// minimum = 31 s: must be at most 30 s, the cap
#![allow(unused)]
use core::time::Duration;
use retry_core::*;

const POLICY: Policy = Policy::DEFAULT.minimum(Duration::from_secs(31));

fn main() {}
