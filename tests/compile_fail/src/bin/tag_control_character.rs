// tags = "eu?west": a value must hold no control characters
#![allow(unused)]
use retry_core::{budget::*, circuit::*, dead_letter::*, observe::*, pool::*, runtime::*, testing::*, *};

static STOCK: OperationMetrics = OperationMetrics::new("stock.read").tags(&[("region", "eu\nwest")]);

fn main() {}
