// a budget is made with `SharedBudget::new(rules)`, and given as `&budget` or in an `Arc`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let _ = Retry::new(&Policy::DEFAULT, FakeClock::new()).budget(TokenBucket::DEFAULT);
}
