//! Compares the circuit with a naive one, by long random schedules: `cargo test -p tests --test reference`.
//!
//! `naive` implements only the documented rules. Each step is applied to three circuits: the naive one, a
//! [`Breaker`](retry_core::circuit::Breaker), and a [`SharedCircuit`](retry_core::SharedCircuit). The gate word of the
//! shared circuit must not change any answer. Operations of shared circuits only are in separate schedules, without the
//! breaker.
//!
//! The schedules are the same in every run, so that a failure is that of a change. `REFERENCE_SEED=7 cargo test ..` takes
//! others.

mod defects;
mod naive;
mod play;
#[allow(dead_code)] // what only `tests/model` starts from
mod rules;
mod script;

use play::{Play, Told};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use retry_core::circuit::{CountWindow, SlowCalls, TimeWindow};
use script::{any_rules, schedule};

/// The seed of all schedules.
fn seed() -> RngSeed {
    let seed = std::env::var("REFERENCE_SEED").map(|seed| seed.parse().expect("REFERENCE_SEED is a number"));
    RngSeed::Fixed(seed.unwrap_or(0x5EED))
}

/// Makes one test per window.
macro_rules! schedules {
    ($($name:ident: $window:ty, $told:ident;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig {
                failure_persistence: None,
                max_shrink_iters: 10_000,
                rng_seed: seed(),
                ..ProptestConfig::with_cases(100)
            })]
            $(
                #[test]
                fn $name((rules, other) in any_rules::<$window>(), schedule in schedule()) {
                    Play::<$window>::new(rules, other, Told::$told).run(&schedule)?;
                }
            )*
        }
    };
}

schedules! {
    the_last_7_calls: CountWindow<7>, AsABreaker;
    the_last_100_calls: CountWindow<100>, AsABreaker;
    slow_ones_of_the_last_9_calls: SlowCalls<CountWindow<9>>, AsABreaker;
    a_time_in_5_buckets: TimeWindow<5>, AsABreaker;
    slow_ones_of_a_time_in_3_buckets: SlowCalls<TimeWindow<3>>, AsABreaker;
    shared_the_last_7_calls: CountWindow<7>, AsShared;
    shared_the_last_100_calls: CountWindow<100>, AsShared;
    shared_slow_ones_of_the_last_9_calls: SlowCalls<CountWindow<9>>, AsShared;
    shared_a_time_in_5_buckets: TimeWindow<5>, AsShared;
    shared_slow_ones_of_a_time_in_3_buckets: SlowCalls<TimeWindow<3>>, AsShared;
}
