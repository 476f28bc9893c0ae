// `boxed` is for `anyhow::Error`, `Box<dyn Error + Send + Sync>` and text; it needs the `Send + Sync`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn is_error(_: impl std::error::Error) {}

fn read(error: Error<Box<dyn std::error::Error>>) {
    is_error(error);
}

fn main() {}
