// a circuit is made with `SharedCircuit::new(config)`, and given as `&circuit` or in an `Arc`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let _ = Retry::new(&Policy::DEFAULT, FakeClock::new()).circuit(CircuitConfig::DEFAULT);
}
