// or by `observer_fn(|event| ..)` inside a tuple
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let print = |event: &Event<'_>| println!("{event}");
    let retry = Retry::new(&Policy::DEFAULT, FakeClock::new());
    let _ = retry.observe((Metrics::<2>::sized(), print));
}
