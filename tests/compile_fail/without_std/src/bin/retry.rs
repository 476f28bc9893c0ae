// in Cargo.toml: `retry-core = { .., features = ["std"] }`
use retry_core::{Class, Policy, retry};

fn main() {
    let _ = retry(&Policy::DEFAULT);
    let _ = Class::Network;
}
