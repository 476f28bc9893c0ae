// as mutable more than once at a time
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn two(call: &mut Call, now: Instant) {
    let first = call.attempt(now);
    let second = call.attempt(now);
    drop(first);
}

fn main() {}
