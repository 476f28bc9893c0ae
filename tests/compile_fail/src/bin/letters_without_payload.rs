// what a letter is to carry is said by `.payload(..)`; without that, it carries `()`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let clock = FakeClock::new();
    let letters = DeadLetterQueue::<String>::new(8, WhenFull::Refuse);
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let _ = retry.dead_letters(&letters).run_blocking(|| Err::<(), _>(Class::Network));
}
