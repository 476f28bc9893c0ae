// take an adapter's `retry`, such as `retry_tokio::retry`, or a `&FakeClock`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let read = Retry::new(&Policy::DEFAULT, FakeClock::new());
    let _ = read.run(async || Err::<(), _>(Class::Network));
}
