// for a `JsonLinesSink`, the payload is `serde::Serialize`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

struct Order;

fn order(letters: &JsonLinesSink) {
    let write = retry(&Policy::DEFAULT);
    let _ = write.dead_letters(letters).payload(|| Order).run_blocking(|| Err::<(), _>(Class::Network));
}

fn main() {}
