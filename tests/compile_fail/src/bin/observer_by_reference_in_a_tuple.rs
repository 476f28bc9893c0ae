// in a tuple, an observer of your own goes by value, or as `&mine as &dyn Observer`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

struct Mine;

impl Observer for Mine {
    fn observe(&self, _: &Event) {}
}

fn main() {
    let clock = FakeClock::new();
    let both = (Mine, &Mine);
    let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&both);
}
