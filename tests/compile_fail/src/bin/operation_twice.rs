// name of preset = 1: must be none of those before
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static ALL: Operations<2> = Operations::new([Preset::HTTP, Preset::HTTP]);

fn main() {}
