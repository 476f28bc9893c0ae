// no operation "htpp"
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static ALL: Operations<1> = Operations::new([Preset::HTTP]);
static HTTP: &Operation = ALL.named("htpp");

fn main() {}
