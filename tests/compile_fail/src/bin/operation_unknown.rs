// no operation "htpp"
#![allow(unused)]
use retry_core::*;

static ALL: Operations<1> = Operations::new([Preset::HTTP]);
static HTTP: &Operation = ALL.named("htpp");

fn main() {}
