//! The settings of policies and configurations, as plain data and as one line for a log.

use std::time::Duration;

use rand_core::Rng as _;
use retry_core::{
    Backoff, CircuitConfig, Class, ClassSet, Jitter, Policy, Recovery, Rule,
    policy::{BackoffKind, Deviation, Hints},
};
use tests::ms;

const TIMEOUTS: ClassSet = ClassSet::of(&[Class::Timeout]);
const RULES: &[Rule] = &[
    Rule::class(Class::RateLimit).backoff(Backoff::fixed(ms(5_000))).max_attempts(10),
    Rule::class(Class::Timeout).from_attempt(2).recovery(Recovery::Fail),
    Rule::ANY.after(ms(2_000)).recovery(Recovery::WaitAndRetry(ms(900))).jitter(Jitter::Equal),
    Rule::class(Class::Network).recovery(Recovery::RetryWithDelay(ms(700))).max_attempts(u32::MAX),
    Rule::class(Class::Server),
];
const BASE: Policy = Policy::exponential(ms(100)).retry_on(TIMEOUTS);

#[test]
fn a_policy_is_one_line() {
    let rows: &[(Policy, &str)] = &[
        (
            Policy::DEFAULT,
            "3 attempts, exponential from 100 ms x2, at most 30 s, full jitter, start within 5 min, hints up to 30 s, \
             retries transient, timeout, rate_limit, network, server, unknown",
        ),
        (
            Policy::backoff(Backoff::linear(ms(1_500), Duration::from_micros(2_500)))
                .max_attempts(1)
                .max_delay(ms(60_000))
                .min_delay(Duration::from_nanos(7))
                .jitter(Jitter::additive(0.1))
                .attempt_timeout(ms(90_000))
                .hints(Hints::Clamp)
                .max_hint(ms(7_200_000))
                .retry_on(ClassSet::NONE),
            "1 attempt, linear from 1500 ms plus 2500 us, at least 7 ns, at most 1 min, additive jitter 0.1, \
             attempt timeout 90 s, hints clamped to 2 h, retries none",
        ),
        (
            BASE.multiplier(1.1)
                .max_attempts(u32::MAX)
                .jitter(Jitter::proportional(0.025))
                .hints(Hints::Exact)
                .neutral_on(ClassSet::of(&[Class::Serialization, Class::Validation])),
            "unlimited attempts, exponential from 100 ms x1.1, at most 30 s, proportional jitter 0.025, \
             hints exactly, up to 30 s, retries timeout, neutral on validation, serialization",
        ),
        (
            BASE.jitter(Jitter::None).rules(RULES),
            "3 attempts, exponential from 100 ms x2, at most 30 s, no jitter, hints up to 30 s, retries timeout; \
             rule rate_limit: fixed 5 s, 10 attempts; rule timeout from attempt 2: fail; \
             rule any class after 2 s: wait until ready, at most 900 ms, and retry, equal jitter; \
             rule network: retry after 700 ms, unlimited attempts; rule server: as without the rule",
        ),
    ];
    for (policy, line) in rows {
        assert_eq!(policy.to_string(), *line);
        assert_eq!(policy.settings().to_string(), *line);
        assert_eq!(format!("{policy:?}"), format!("Policy({line})"));
    }
}

#[test]
fn a_backoff_shows_its_kind() {
    let half = |failed: u32, base: Duration| base / failed;
    let rows: &[(Backoff, BackoffKind, &str)] = &[
        (Backoff::fixed(ms(20)), BackoffKind::Fixed, "fixed 20 ms"),
        (
            Backoff::linear(ms(1), ms(2)),
            BackoffKind::Linear { increment: ms(2) },
            "linear from 1 ms plus 2 ms",
        ),
        (Backoff::fibonacci(Duration::ZERO), BackoffKind::Fibonacci, "fibonacci from 0 s"),
        (
            Backoff::polynomial(ms(4), 3),
            BackoffKind::Polynomial { degree: 3 },
            "polynomial of degree 3 from 4 ms",
        ),
        (Backoff::custom(ms(90), half), BackoffKind::Custom, "custom from 90 ms"),
    ];
    for (backoff, kind, line) in rows {
        assert_eq!((backoff.kind(), backoff.to_string().as_str()), (*kind, *line));
    }

    // A multiplier is shown as it was written, although it is stored in 32 bits.
    let rows = [
        (1.0, "x1"),
        (1.1, "x1.1"),
        (1.5, "x1.5"),
        (2.0, "x2"),
        (1.000_000_001, "x1.000000001"),
        (7.123_456_78, "x7.12345678"),
        (1_000_000.25, "x1000000.25"),
        (4_294_967_295.0, "x4294967295"),
        (2_f64.powi(98), "x2147483648*2^67"),
    ];
    for (multiplier, shown) in rows {
        let backoff = Backoff::exponential(ms(1)).multiplier(multiplier);
        assert_eq!(backoff.kind(), BackoffKind::Exponential { multiplier }, "{backoff}");
        assert_eq!(backoff.to_string(), format!("exponential from 1 ms {shown}"));
    }
}

/// A decimal of up to nine digits is shown as it was written. The text of every fraction gives the same fraction.
#[test]
fn a_fraction_is_shown_as_it_was_given() {
    fn deviation(value: f64) -> Deviation {
        match Jitter::additive(value) {
            Jitter::Additive(deviation) => deviation,
            other => unreachable!("additive jitter is expected, not {other}"),
        }
    }
    let mut random = rand_pcg::Pcg64Mcg::new(0xcafe_f00d_d15e_a5e5);
    for _ in 0..100_000 {
        let word = random.next_u64();
        let (digits, places) = (word % 1_000_000_000, (word >> 32) % 17);
        let value: f64 = format!("{digits}e-{places}").parse().unwrap();
        if value >= 2_f64.powi(-26) {
            assert_eq!(deviation(value).as_f64(), value);
            assert_eq!(deviation(value).to_string().parse(), Ok(value), "{value:e}");
        }
        let exponent = (word >> 40) % 57;
        let value = (1.0 + f64::from(random.next_u32()) / 2_f64.powi(32)) * 2_f64.powi(exponent as i32 - 26);
        let shown = deviation(value).to_string();
        assert_eq!(deviation(shown.parse().unwrap()), deviation(value), "{value:e}: {shown}");

        let any = f64::from_bits(random.next_u64() >> 1);
        if any.is_finite() {
            assert_eq!(deviation(deviation(any).as_f64()), deviation(any), "{any:e}");
        }
    }
    for edge in [0.0, 1.0, 0.1, f64::MAX, f64::MIN_POSITIVE, 2_f64.powi(-26), 2_f64.powi(-27), 2_f64.powi(32)]
    {
        assert_eq!(deviation(deviation(edge).as_f64()), deviation(edge), "{edge:e}");
    }
}

#[test]
fn settings_have_the_units_of_the_setters() {
    let settings = BASE
        .max_delay(ms(9_000))
        .min_delay(ms(5))
        .max_attempts(7)
        .start_within(ms(60_000))
        .attempt_timeout(ms(250))
        .max_hint(ms(2_000))
        .rules(RULES)
        .settings();
    assert_eq!(settings.backoff, Backoff::exponential(ms(100)));
    assert_eq!((settings.min_delay, settings.max_delay), (ms(5), ms(9_000)));
    assert_eq!((settings.max_attempts, settings.start_within), (Some(7), Some(ms(60_000))));
    assert_eq!((settings.attempt_timeout, settings.max_hint), (Some(ms(250)), Some(ms(2_000))));
    assert_eq!((settings.jitter, settings.hints), (Jitter::Full, Hints::Floor));
    assert_eq!((settings.retry_on, settings.rules), (TIMEOUTS, RULES));

    let settings = BASE.max_attempts(u32::MAX).settings();
    assert_eq!((settings.max_attempts, settings.start_within, settings.attempt_timeout), (None, None, None));
    assert_eq!((settings.max_hint, settings.rules), (None, &[][..]));
}

#[test]
fn a_circuits_configuration_is_one_line() {
    let rows: &[(CircuitConfig, &str)] = &[
        (
            CircuitConfig::DEFAULT,
            "opens after 20 failures in a row or a failure rate of 50 %, minimum 20 calls, open for 30 s, \
             1 probe at once, closes after 1 success, reopens after 1 failure, lease 1 min, \
             counts transient, timeout, rate_limit, network, server, unknown, circuit_open, exhausted, \
             and attempts cancelled after 1 s",
        ),
        (
            CircuitConfig::WITHOUT_RULES.count_as_failure(TIMEOUTS).cancelled_after(Duration::MAX),
            "never opens by itself, open for 30 s, 1 probe at once, closes after 1 success, \
             reopens after 1 failure, lease 1 min, counts timeout",
        ),
        (
            CircuitConfig::WITHOUT_RULES
                .failures_in_window(3)
                .slow_rate(40)
                .slow_after(ms(2_500))
                .window(50)
                .window_time(ms(60_000))
                .open_for(ms(5_000))
                .open_growth(1.1, ms(90_000))
                .open_jitter(Jitter::proportional(0.2))
                .max_hint(ms(120_000))
                .rate_limit_hold(ms(50_000))
                .cancelled_after(ms(2_000))
                .probes(4)
                .success_threshold(3)
                .probe_failures(1)
                .max_probes(8)
                .lease(ms(20_000))
                .ramp(ms(9_000))
                .count_as_failure(TIMEOUTS),
            "opens after 3 failures in the window or a slow-call rate of 40 %, slow after 2500 ms, minimum 1 call, \
             window of 50 calls, window of 1 min, open for 5 s x1.1 up to 90 s with proportional jitter 0.2, \
             hints up to 2 min, held by a rate limit up to 50 s, 4 probes at once, 8 in all, closes after 3 successes, reopens after 2 failures, lease 20 s, ramp 9 s, \
             counts timeout, and attempts cancelled after 2 s",
        ),
    ];
    for (config, line) in rows {
        assert_eq!(config.to_string(), *line);
    }

    let settings = rows[2].0.settings();
    assert_eq!((settings.failures_in_window, settings.consecutive_failures), (Some(3), None));
    assert_eq!((settings.slow_rate, settings.failure_rate), (Some(40), None));
    assert_eq!((settings.slow_after, settings.minimum_calls), (Some(ms(2_500)), 1));
    assert_eq!((settings.window, settings.window_time), (Some(50), Some(ms(60_000))));
    assert_eq!((settings.open_for, settings.max_open_for), (ms(5_000), ms(90_000)));
    assert_eq!((settings.open_growth, settings.open_jitter), (1.1, Jitter::proportional(0.2)));
    assert_eq!((settings.max_hint, settings.rate_limit_hold), (ms(120_000), ms(50_000)));
    assert_eq!(settings.cancelled_after, Some(ms(2_000)));
    assert_eq!((settings.probes, settings.max_probes), (4, Some(8)));
    assert_eq!((settings.success_threshold, settings.probe_failures), (3, 1));
    assert_eq!((settings.lease, settings.ramp), (ms(20_000), ms(9_000)));
    assert_eq!(settings.count_as_failure, TIMEOUTS);
    let settings = rows[1].0.settings();
    assert_eq!((settings.max_probes, settings.window, settings.open_growth), (None, None, 1.0));
}
