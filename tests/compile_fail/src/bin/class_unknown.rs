// nothing says which class of error `MyError` is
#![allow(unused)]
use core::time::Duration;
use retry_core::*;

struct MyError;

fn unclassified() {
    let _ = retry(&Policy::DEFAULT).run_blocking(|| Err::<(), _>(MyError));
}

fn main() {}
