// errors of `std` need the feature `std`
use retry_core::{
    Policy, Retry,
    runtime::{BlockingSleep, Entropy},
};

fn read(runtime: &(impl BlockingSleep + Entropy)) {
    let _ = Retry::new(&Policy::DEFAULT, runtime).run_blocking(|| std::fs::read("orders"));
}

fn main() {}
