// take an adapter's `retry`, such as `retry_tokio::retry`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let call = retry(&Policy::DEFAULT);
    let _ = call.run(|| async { Ok::<_, Class>(7) });
}
