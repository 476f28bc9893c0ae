// a closure becomes one by `.on_event(|event| ..)`, or by `observer_fn(|event| ..)` inside a tuple
#![allow(unused)]
use retry_core::{observe::{Event, Metrics}, testing::FakeClock, Policy, Retry};

fn main() {
    let clock = FakeClock::new();
    let print = |event: &Event| println!("{event}");
    let retry = Retry::new(&Policy::DEFAULT, &clock).observe((Metrics::<2>::new(), print));
}
