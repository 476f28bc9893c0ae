// `.payload(..)` sets the payload of a letter; without it, the payload is `()`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let clock = FakeClock::new();
    let letters = DeadLetterQueue::<String>::new(8, WhenFull::Refuse);
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let _ = retry.dead_letters(&letters).run_blocking(|| Err::<(), _>(Class::Network));
}
