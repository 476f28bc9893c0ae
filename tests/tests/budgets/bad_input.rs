//! Invalid budgets, and budgets at the limits of what is valid.

use std::time::Duration;

use retry_core::{
    ConfigError, TokenBucket,
    budget::{AdaptiveThrottle, ConcurrencyShare, RequestShare, RetryThrottle},
};

use crate::{ms, secs};

#[test]
fn an_invalid_budget_is_an_error_with_field_and_value() {
    fn line<B: std::fmt::Debug>(result: Result<B, ConfigError>) -> String {
        let error = result.unwrap_err();
        assert!(error.to_string().starts_with(error.field()));
        error.to_string()
    }
    let (tokens, ratio, requests) = (TokenBucket::AWS, RetryThrottle::GRPC, RequestShare::DEFAULT);
    let (under_way, chance) = (ConcurrencyShare::DEFAULT, AdaptiveThrottle::DEFAULT);
    let said = [
        line(tokens.try_success_reward(-0.5)),
        line(tokens.try_success_reward(f64::INFINITY)),
        line(tokens.try_refill_per_second(f64::NAN)),
        line(tokens.try_refill_per_second(-5.0)),
        line(ratio.try_max_tokens(0)),
        line(ratio.try_max_tokens(1_001)),
        line(ratio.try_token_ratio(0.0)),
        line(ratio.try_token_ratio(-0.1)),
        line(ratio.try_token_ratio(f64::NAN)),
        line(requests.try_share(-1.0)),
        line(requests.try_share(1_000.000_001)),
        line(requests.try_share(f64::INFINITY)),
        line(requests.try_ttl(Duration::ZERO)),
        line(requests.try_ttl(ms(999))),
        line(requests.try_ttl(secs(61))),
        line(under_way.try_share(1.000_001)),
        line(under_way.try_share(f64::NAN)),
        line(chance.try_multiplier(0.999)),
        line(chance.try_multiplier(100.001)),
        line(chance.try_multiplier(f64::NAN)),
        line(chance.try_max_rejection(1.01)),
        line(chance.try_max_rejection(-0.5)),
        line(chance.try_window(ms(999))),
    ];
    let expected = "\
success_reward = -0.5: must be a finite number of at least 0
success_reward = inf: must be a finite number of at least 0
refill_per_second = NaN: must be a finite number of at least 0
refill_per_second = -5: must be a finite number of at least 0
max_tokens = 0: must be from 1 to 1000
max_tokens = 1001: must be from 1 to 1000
token_ratio = 0: must be a finite number above 0
token_ratio = -0.1: must be a finite number above 0
token_ratio = NaN: must be a finite number above 0
share = -1: must be from 0 to 1000
share = 1000.000001: must be from 0 to 1000
share = inf: must be from 0 to 1000
ttl = 0 s: must be from 1 s to 60 s
ttl = 999 ms: must be from 1 s to 60 s
ttl = 61 s: must be from 1 s to 60 s
share = 1.000001: must be from 0 to 1
share = NaN: must be from 0 to 1
multiplier = 0.999: must be from 1 to 100
multiplier = 100.001: must be from 1 to 100
multiplier = NaN: must be from 1 to 100
max_rejection = 1.01: must be from 0 to 1
max_rejection = -0.5: must be from 0 to 1
window = 999 ms: must be at least 1 s";
    assert_eq!(said.join("\n"), expected);
}

#[test]
fn the_limits_of_a_budget_are_valid() {
    let (tokens, ratio, requests) = (TokenBucket::AWS, RetryThrottle::GRPC, RequestShare::DEFAULT);
    let (under_way, chance) = (ConcurrencyShare::DEFAULT, AdaptiveThrottle::DEFAULT);
    for edge in [0.0, f64::MAX] {
        assert!(tokens.try_success_reward(edge).is_ok());
        assert!(tokens.try_refill_per_second(edge).is_ok());
    }
    assert!(ratio.try_max_tokens(1).is_ok());
    assert!(ratio.try_max_tokens(1_000).is_ok());
    assert!(requests.try_share(0.0).is_ok());
    assert!(requests.try_share(1_000.0).is_ok());
    assert!(requests.try_ttl(secs(1)).is_ok());
    assert!(requests.try_ttl(secs(60)).is_ok());
    assert!(under_way.try_share(0.0).is_ok());
    assert!(under_way.try_share(1.0).is_ok());
    assert!(chance.try_multiplier(1.0).is_ok());
    assert!(chance.try_multiplier(100.0).is_ok());
    assert!(chance.try_max_rejection(0.0).is_ok());
    assert!(chance.try_max_rejection(1.0).is_ok());
    assert!(chance.try_window(secs(1)).is_ok());
    assert!(chance.try_window(Duration::MAX).is_ok());
}

#[test]
#[should_panic(expected = "max_tokens = 0: must be from 1 to 1000")]
fn the_plain_setter_panics_with_the_same_message() {
    let _ = RetryThrottle::GRPC.max_tokens(std::hint::black_box(0));
}
