// write `.map_err(retry_core::Error::boxed)?`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

fn read() -> Result<u32, BoxedError> {
    let read = retry(&Policy::DEFAULT).classify(|_: &BoxedError| Class::Network);
    Ok(read.run_blocking(|| Ok::<u32, BoxedError>(7))?)
}

fn main() {}
