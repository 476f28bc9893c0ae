// a closure becomes one by `.on_event(|event| ..)`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let retry = Retry::new(&Policy::DEFAULT, FakeClock::new());
    let _ = retry.observe(|event: &Event<'_>| println!("{event}"));
}
