//! Properties of every policy, random word and hint, and of every circuit configuration.

use std::time::Duration;

use proptest::prelude::*;
use retry_core::{
    Backoff, Call, CircuitConfig, Class, ClassSet, Failure, Jitter, Policy, Verdict, policy::Hints,
    testing::FakeClock,
};

/// The longest duration that the machine can represent: 584 years.
const LONGEST: Duration = Duration::from_nanos(u64::MAX);

/// Durations of every size, including zero and the longest.
fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(LONGEST),
        (0_u32..64, any::<u64>()).prop_map(|(shift, nanos)| Duration::from_nanos(nanos >> shift)),
    ]
}

fn word() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), any::<u64>()]
}

fn multiplier() -> impl Strategy<Value = f64> {
    prop_oneof![Just(1.0), 1.0..1.001, 1.0..10.0, 1.0..f64::MAX]
}

fn backoff() -> impl Strategy<Value = Backoff> {
    let growing = (duration(), multiplier())
        .prop_map(|(base, multiplier)| Backoff::exponential(base).multiplier(multiplier));
    prop_oneof![
        duration().prop_map(Backoff::fixed),
        (duration(), duration()).prop_map(|(base, increment)| Backoff::linear(base, increment)),
        growing,
        duration().prop_map(Backoff::fibonacci),
        (duration(), any::<u32>()).prop_map(|(base, degree)| Backoff::polynomial(base, degree)),
    ]
}

fn jitter() -> impl Strategy<Value = Jitter> {
    prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        Just(Jitter::Decorrelated),
        (0.0..=1.0).prop_map(Jitter::proportional),
        prop_oneof![0.0..2.0, 0.0..f64::MAX].prop_map(Jitter::additive),
    ]
}

/// Any valid policy. The constructors reject invalid ones.
fn policy() -> impl Strategy<Value = (Policy, Duration, Duration)> {
    (backoff(), jitter(), duration(), duration(), 1..=u32::MAX, duration(), duration(), hints()).prop_map(
        |(backoff, jitter, cap, minimum, attempts, deadline, max_hint, hints)| {
            let policy = Policy::backoff(backoff).jitter(jitter).max_attempts(attempts);
            let policy =
                policy.start_within(deadline.max(Duration::from_nanos(1))).max_hint(max_hint).hints(hints);
            let cap = cap.max(backoff.ceiling(1));
            let minimum = minimum.min(cap);
            (policy.max_delay(cap).min_delay(minimum), minimum, cap)
        },
    )
}

fn hints() -> impl Strategy<Value = Hints> {
    prop_oneof![Just(Hints::Floor), Just(Hints::Exact), Just(Hints::Clamp), Just(Hints::Ignore)]
}

fn classes() -> impl Strategy<Value = ClassSet> {
    any::<u16>().prop_map(|bits| {
        let chosen = Class::ALL.into_iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
        chosen.fold(ClassSet::NONE, |set, (_, class)| set.with(class))
    })
}

/// Any policy that a file can express.
fn any_policy() -> impl Strategy<Value = Policy> {
    let optional = (classes(), any::<bool>(), any::<bool>(), prop::option::of(duration()));
    (policy(), optional).prop_map(|((policy, ..), (classes, unlimited, follows, timeout))| {
        let neutral = Class::ALL
            .into_iter()
            .fold(ClassSet::ALL, |set, class| if classes.contains(class) { set.without(class) } else { set });
        let policy = policy.retry_on(classes).neutral_on(neutral);
        let policy =
            if unlimited { policy.start_within(Duration::MAX).max_attempts(u32::MAX) } else { policy };
        let policy = if follows { hints_up_to_max_delay(policy) } else { policy };
        timeout.and_then(|timeout| policy.try_attempt_timeout(timeout).ok()).unwrap_or(policy)
    })
}

/// The same policy without its own `max_hint`.
fn hints_up_to_max_delay(policy: Policy) -> Policy {
    let says = policy.settings();
    let same = Policy::backoff(says.backoff).jitter(says.jitter).hints(says.hints).retry_on(says.retry_on);
    let same = same.neutral_on(says.neutral_on).max_delay(says.max_delay).min_delay(says.min_delay);
    let same = same.max_attempts(says.max_attempts.unwrap_or(u32::MAX));
    same.start_within(says.start_within.unwrap_or(Duration::MAX))
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![1..10_u32, 1..=u32::MAX, Just(u32::MAX)]
}

/// Any configuration whose settings all have an effect, even if it is too large for some windows.
fn any_circuit() -> impl Strategy<Value = CircuitConfig> {
    let window = prop_oneof![
        Just((None, None)),
        count().prop_map(|it| (Some(it), None)),
        duration().prop_map(|it| (None, Some(it)))
    ];
    let opens = (
        prop::option::of(count()),
        prop::option::of(count()),
        prop::option::of(1..=100_u8),
        prop::option::of((1..=100_u8, duration())),
        count(),
        window,
    );
    let stays_open = (duration(), prop::option::of((multiplier(), duration())), jitter(), classes());
    let closes = (count(), count(), any::<u32>(), prop::option::of(count()), duration(), duration());
    let rate = prop::option::of((count(), 1..=100_u8));
    (opens, stays_open, closes, rate).prop_map(|(opens, stays_open, closes, rate)| {
        let mut config = CircuitConfig::WITHOUT_RULES;
        let (row, in_window, rate_of_failures, slow, minimum, (window, window_time)) = opens;
        let most = window.unwrap_or(u32::MAX);
        config = row.map_or(config, |failures| config.consecutive_failures(failures));
        config = in_window.map_or(config, |failures| config.failures_in_window(failures.min(most)));
        config = rate_of_failures.map_or(config, |percent| config.failure_rate(percent));
        if let Some((percent, after)) = slow {
            config = config
                .slow_rate(percent)
                .slow_after(after.clamp(Duration::from_nanos(1), Duration::from_secs(1 << 32)));
        }
        let has_rate = rate_of_failures.is_some() || slow.is_some();
        if has_rate {
            config = config.minimum_calls(minimum.min(most));
        }
        if has_rate || in_window.is_some() {
            config = window.map_or(config, |calls| config.window(calls));
            config = window_time.map_or(config, |time| config.window_time(time.max(Duration::from_nanos(1))));
        }

        let (open_for, growth, jitter, classes) = stays_open;
        config = config.open_for(open_for).count_as_failure(classes);
        let room = growth.is_some_and(|(_, most)| most > open_for);
        if let Some((growth, most)) = growth.filter(|_| room) {
            config = config.open_growth(growth, most);
        }
        if room || !matches!(jitter, Jitter::Additive(_) | Jitter::Decorrelated) {
            config = config.open_jitter(jitter);
        }

        let (probes, successes, failures, most, lease, ramp) = closes;
        config = config.probes(probes).success_threshold(successes).probe_failures(failures);
        let decisive = successes.saturating_add(failures);
        config = most.map_or(config, |most| config.max_probes(most.max(decisive)));
        config = config.lease(lease.max(Duration::from_nanos(1))).ramp(ramp);
        rate.map_or(config, |(probes, percent)| config.probe_rate(probes, percent))
    })
}

/// Writes a value and reads it again, in both formats.
fn read_back<T>(value: &T) -> [T; 2]
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let (toml, json) = (toml::to_string(value).unwrap(), serde_json::to_string(value).unwrap());
    [
        toml::from_str(&toml).unwrap_or_else(|error| panic!("{error}\n{toml}")),
        serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}\n{json}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_delay_is_from_the_minimum_to_the_cap(
        (policy, minimum, cap) in policy(),
        failed: u32,
        previous in duration(),
        word in word(),
    ) {
        let delay = policy.delay(failed, previous, word);
        prop_assert!(minimum <= delay && delay <= cap, "{minimum:?} <= {delay:?} <= {cap:?}");
    }

    #[test]
    fn a_policy_is_read_as_it_was_written(policy in any_policy()) {
        // A limit of hints has no effect if they are ignored, so it is not written.
        let ignores = policy.settings().hints == Hints::Ignore;
        let policy = if ignores { hints_up_to_max_delay(policy) } else { policy };
        prop_assert_eq!(read_back(&policy), [policy; 2]);
    }

    #[test]
    fn a_circuits_configuration_is_read_as_it_was_written(config in any_circuit()) {
        prop_assert_eq!(read_back(&config), [config; 2]);
    }

    #[test]
    fn ceilings_never_come_down(backoff in backoff(), failed: u32, more: u32) {
        prop_assert!(backoff.ceiling(failed) <= backoff.ceiling(failed.saturating_add(more)));
    }

    #[test]
    fn a_larger_word_does_not_shorten_the_delay(
        (policy, ..) in policy(),
        failed: u32,
        previous in duration(),
        (word, other) in (word(), word()),
    ) {
        let (least, most) = (word.min(other), word.max(other));
        prop_assert!(policy.delay(failed, previous, least) <= policy.delay(failed, previous, most));
    }

    #[test]
    fn exponential_is_within_a_tenth_of_a_ppm(
        base_ms in 1_u64..10_000,
        multiplier in 1.0..10.0_f64,
        failed in 1_u32..=60,
    ) {
        let curve = Backoff::exponential(Duration::from_millis(base_ms)).multiplier(multiplier);
        let exact = base_ms as f64 * 1e6 * multiplier.powi(failed as i32 - 1);
        let ceiling = curve.ceiling(failed).as_nanos() as f64;
        if exact >= u64::MAX as f64 * 0.999_999 {
            prop_assert!(ceiling >= u64::MAX as f64 * 0.999_998);
        } else {
            prop_assert!((ceiling - exact).abs() <= exact * 1e-7 + 0.5, "{ceiling} for {exact}");
        }
    }

    /// A retry is not earlier than the hint, unless the policy clamps or ignores hints. It is within the deadline and the
    /// attempts. And the call ends without a panic, whatever the clock does.
    #[test]
    fn a_call_keeps_to_hints_limits_and_deadline(
        (policy, _, cap) in policy(),
        steps in prop::collection::vec((any::<bool>(), duration(), 0..13_usize, prop::option::of(duration()), word()), 1..40),
        hints in hints(),
        attempts in 1_u32..30,
        (deadline, limit) in (duration(), duration()),
    ) {
        let deadline = deadline.max(Duration::from_nanos(1));
        let policy = policy.hints(hints).max_attempts(attempts).start_within(deadline).max_hint(limit);
        let clock = FakeClock::new();
        let mut call = Call::new(&policy, clock.now());
        let mut slept = Duration::ZERO;
        for (number, (forward, took, class, hint, word)) in steps.into_iter().enumerate() {
            let attempt = call.attempt(clock.now()).unwrap();
            prop_assert!(number < attempts as usize);
            if forward { clock.advance(took) } else { clock.step_back(took) }
            let mut failure = Failure::new(Class::ALL[class]);
            failure.hint = hint;
            match attempt.fail(failure, clock.now(), &mut clock.words(&[word])) {
                Verdict::Retry(delay) => {
                    match (hint, hints) {
                        (Some(hint), Hints::Floor) => prop_assert!(delay >= hint && hint <= limit),
                        (Some(hint), Hints::Exact) => prop_assert!(delay == hint && hint <= limit),
                        (Some(hint), Hints::Clamp) => prop_assert!(delay >= hint.min(limit)),
                        (None, _) | (_, Hints::Ignore) => prop_assert!(delay <= cap),
                    }
                    slept = slept.saturating_add(delay);
                    prop_assert!(slept <= deadline || deadline == LONGEST); // the longest means no deadline
                    clock.advance(delay);
                }
                Verdict::GiveUp(_) => break,
                Verdict::Rejected(_) => prop_assert!(false, "there is no circuit"),
            }
        }
    }
}

/// Pearson's chi-square test over 256 bins. With 255 degrees of freedom, 99.9 % of uniform samples stay below 330.5.
#[test]
fn jitter_is_uniform() {
    const BINS: usize = 256;
    const DRAWS: u32 = 1 << 18;
    let spreads: &[(Jitter, u64, u64)] = &[
        // jitter, and its shortest and longest delay for 1 s, in nanoseconds
        (Jitter::Full, 0, 1_000_000_000),
        (Jitter::Equal, 500_000_000, 1_000_000_000),
        (Jitter::proportional(0.25), 750_000_000, 1_250_000_000),
        (Jitter::additive(0.1), 1_000_000_000, 1_100_000_000),
        (Jitter::Decorrelated, 1_000_000_000, 3_000_000_000),
    ];
    let mut random = rand_pcg::Pcg64Mcg::new(0xcafe_f00d_d15e_a5e5);
    for &(jitter, least, most) in spreads {
        let policy = Policy::exponential(Duration::from_secs(1)).jitter(jitter);
        let mut bins = [0_u32; BINS];
        for _ in 0..DRAWS {
            let delay =
                policy.delay(1, Duration::ZERO, rand_core::Rng::next_u64(&mut random)).as_nanos() as u64;
            assert!((least..=most).contains(&delay), "{jitter:?}: {delay}");
            bins[((delay - least) * BINS as u64 / (most - least + 1)) as usize] += 1;
        }
        let expected = f64::from(DRAWS) / BINS as f64;
        let chi_square: f64 =
            bins.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        assert!(chi_square < 330.5, "{jitter:?}: {chi_square}");
        assert!(chi_square > 190.0, "{jitter:?}: {chi_square} is too even to be random");
    }
}

/// A small ceiling shows a rounding bias that bins would hide: every value from 0 to 9 ns is equally frequent.
#[test]
fn jitter_of_small_ceilings_is_uniform() {
    let policy = Policy::exponential(Duration::from_nanos(9));
    let mut counts = [0_u32; 10];
    let steps = 1_000_000_u64;
    for step in 0..steps {
        let word = (u64::MAX / steps) * step;
        counts[policy.delay(1, Duration::ZERO, word).as_nanos() as usize] += 1;
    }
    assert!(counts.iter().all(|count| count.abs_diff(100_000) <= 1), "{counts:?}");
}
