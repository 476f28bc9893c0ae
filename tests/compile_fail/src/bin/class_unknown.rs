// `MyError` has no error class, because it does not implement `Classify`
#![allow(unused)]
use core::time::Duration;
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

struct MyError;

fn unclassified() {
    let _ = retry(&Policy::DEFAULT).run_blocking(|| Err::<(), _>(MyError));
}

fn main() {}
