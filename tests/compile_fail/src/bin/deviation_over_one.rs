// deviation = 1.5: must be from 0 to 1
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

const JITTER: Jitter = Jitter::proportional(1.5);

fn main() {}
