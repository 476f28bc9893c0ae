// for a `CancellationToken`, give `token.cancelled()`; blocking code has `.cancel_by(&token)`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static SHUTDOWN: CancelToken = CancelToken::new();

fn main() {
    let _ = retry(&Policy::DEFAULT).until(&SHUTDOWN);
}
