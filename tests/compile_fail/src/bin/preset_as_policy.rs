// a preset has one: `Preset::HTTP.policy`
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

fn main() {
    let _ = retry(Preset::HTTP);
}
