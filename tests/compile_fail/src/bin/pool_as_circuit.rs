// a pool has one for each key: `pool.get(host)`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let pool = CircuitPool::new(8, CircuitConfig::DEFAULT);
    let _ = retry(&Policy::DEFAULT).circuit(&pool);
}
