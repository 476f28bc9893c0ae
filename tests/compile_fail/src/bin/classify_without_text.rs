// `.classify_opaque(..)` is `.classify(..)` for errors without text
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

struct Refused;

fn main() {
    let _ = Retry::new(&Policy::DEFAULT, FakeClock::new()).classify(|_: &Refused| Class::Network);
}
