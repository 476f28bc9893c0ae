// name of preset = 1: must differ from the names before it
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static ALL: Operations<2> = Operations::new([Preset::HTTP, Preset::HTTP]);

fn main() {}
