// N = 0: must be at least 1
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static POOL: FixedCircuitPool<0> = FixedCircuitPool::new(CircuitConfig::DEFAULT);

fn main() {}
