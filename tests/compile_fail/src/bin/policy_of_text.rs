// give the retry a `Policy`, a reference to one, or an `Arc` around one
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let _ = retry("3 attempts");
}
