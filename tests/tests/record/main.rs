//! A log of decisions: a replay gives every verdict again, it finds the first difference of a changed policy, and it
//! handles damaged logs.

mod calls;
mod damage;
mod runs;
mod sizes;
mod world;

use std::time::Duration;

use retry_core::{
    Backoff, Class, ClassSet, Jitter, Policy, Recovery, Rule, Verdict,
    policy::Hints,
    record::{Replay, ReplayError},
};
use sizes::Sizes;
use world::{Entry, RULES, play};

const DECISIONS: usize = 100_000;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

const RULE: [Rule; 5] = [
    Rule::class(Class::RateLimit).backoff(Backoff::linear(SECOND, SECOND)).max_attempts(8),
    Rule::class(Class::Timeout).from_attempt(2).recovery(Recovery::Fail),
    Rule::class(Class::Server).after(Duration::from_secs(20)).recovery(Recovery::RetryWithDelay(SECOND)),
    Rule::class(Class::NotFound).recovery(Recovery::Ignore),
    Rule::class(Class::Unknown).recovery(Recovery::WaitAndRetry(Duration::from_secs(4))),
];

const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
    .max_delay(Duration::from_secs(5))
    .min_delay(Duration::from_millis(7))
    .max_attempts(6)
    .start_within(Duration::from_secs(60))
    .max_hint(Duration::from_secs(20))
    .rules(&RULE);

/// Policies that together use every input of a verdict.
const POLICIES: [Policy; 5] = [
    POLICY,
    POLICY.jitter(Jitter::Decorrelated).hints(Hints::Exact),
    POLICY.jitter(Jitter::Equal).hints(Hints::Clamp).max_attempts(20),
    Policy::backoff(Backoff::fibonacci(Duration::from_millis(10))).max_attempts(u32::MAX),
    POLICY.attempt_timeout(SECOND).total_timeout(Duration::from_secs(3)),
];

#[test]
fn a_hundred_thousand_decisions_are_replayed() {
    let mut bytes = vec![0; DECISIONS * 40];
    let plays = [
        (&POLICIES[0], 1),
        (&POLICIES[0], 60),
        (&POLICIES[1], 60),
        (&POLICIES[2], 60),
        (&POLICIES[3], 60),
        (&POLICIES[4], 60),
    ];
    for (seed, (policy, together)) in (1..).zip(plays) {
        let (length, entries) = play(policy, seed, DECISIONS, together, &mut bytes);
        let log = &bytes[..length];
        let mut count = 0;
        for (step, entry) in Replay::new(policy, log).unwrap().rules(&RULES).zip(&entries) {
            assert_eq!(step.unwrap().replayed.map_or(Entry::Refused, Entry::Decided), *entry);
            count += 1;
        }
        assert_eq!(count, DECISIONS);
        let sizes = Sizes::of(log);
        println!("{sizes}");
        assert!(sizes.most <= 18 && sizes.over * 10_000 < sizes.records);
    }
    // The same calls give the same log, byte for byte.
    let (length, _) = play(&POLICY, 1, DECISIONS, 60, &mut bytes);
    let mut again = vec![0; length];
    play(&POLICY, 1, DECISIONS, 60, &mut again);
    assert!(again == bytes[..length]);
}

/// Returns policies that differ from `POLICY` in one setting.
#[rustfmt::skip]
fn changes() -> Vec<(&'static str, Policy)> {
    const fn rule<const N: usize>(rule: Rule) -> [Rule; 5] {
        let mut rules = RULE;
        rules[N] = rule;
        rules
    }
    const SLOWER: [Rule; 5] = rule::<0>(RULE[0].backoff(Backoff::linear(SECOND, Duration::from_millis(1_001))));
    const FEWER: [Rule; 5] = rule::<0>(RULE[0].max_attempts(7));
    const SPREAD: [Rule; 5] = rule::<0>(RULE[0].jitter(Jitter::None));
    const LATER: [Rule; 5] = rule::<1>(RULE[1].from_attempt(3));
    const SOONER: [Rule; 5] = rule::<2>(RULE[2].after(Duration::from_millis(19_500)));
    const LONGER: [Rule; 5] = rule::<2>(RULE[2].recovery(Recovery::RetryWithDelay(Duration::from_millis(1_001))));
    const REPORTED: [Rule; 5] = rule::<3>(RULE[3].recovery(Recovery::Fail));
    const UNREADY: [Rule; 5] = rule::<4>(RULE[4].recovery(Recovery::RetryWithDelay(Duration::from_secs(4))));
    vec![
        ("base", Policy::exponential(Duration::from_micros(100_001)).max_delay(5 * SECOND).min_delay(7 * MS).max_attempts(6)
            .start_within(60 * SECOND).max_hint(20 * SECOND).rules(&RULE)),
        ("curve", Policy::backoff(Backoff::fibonacci(100 * MS)).max_delay(5 * SECOND).min_delay(7 * MS).max_attempts(6)
            .start_within(60 * SECOND).max_hint(20 * SECOND).rules(&RULE)),
        ("multiplier", POLICY.multiplier(2.000_001)),
        ("jitter", POLICY.jitter(Jitter::Equal)),
        ("cap, longer", POLICY.max_delay(5 * SECOND + NANO)),
        ("cap, shorter", POLICY.max_delay(5 * SECOND - NANO)),
        ("minimum, longer", POLICY.min_delay(7 * MS + NANO)),
        ("minimum, shorter", POLICY.min_delay(7 * MS - NANO)),
        ("attempts, more", POLICY.max_attempts(7)),
        ("attempts, fewer", POLICY.max_attempts(5)),
        ("deadline, later", POLICY.start_within(61 * SECOND)),
        ("deadline, sooner", POLICY.start_within(59 * SECOND)),
        ("no deadline", POLICY.start_within(Duration::MAX)),
        ("a total timeout", POLICY.total_timeout(30 * SECOND)),
        ("hints", POLICY.hints(Hints::Exact)),
        ("hints that are too long", POLICY.hints(Hints::Clamp)),
        ("hint limit", POLICY.max_hint(19 * SECOND)),
        ("a class less", POLICY.retry_on(ClassSet::RETRYABLE.without(Class::Transient))),
        ("a class more", POLICY.retry_on(ClassSet::RETRYABLE.with(Class::Client))),
        ("no rules", POLICY.rules(&[])),
        ("a rule's backoff", POLICY.rules(&SLOWER)),
        ("a rule's attempts", POLICY.rules(&FEWER)),
        ("a rule's jitter", POLICY.rules(&SPREAD)),
        ("a rule's first attempt", POLICY.rules(&LATER)),
        ("a rule's time", POLICY.rules(&SOONER)),
        ("a rule's delay", POLICY.rules(&LONGER)),
        ("a rule's recovery", POLICY.rules(&REPORTED)),
        ("a rule's wait", POLICY.rules(&UNREADY)),
    ]
}

#[test]
fn every_change_of_a_policy_is_found_at_its_first_difference() {
    let mut bytes = vec![0; DECISIONS * 40];
    let mut others = vec![0; DECISIONS * 40];
    let (length, entries) = play(&POLICY, 7, DECISIONS, 60, &mut bytes);
    for (what, changed) in changes() {
        // Until the first difference, both policies decide the same. So the machine shows where the difference is.
        let mut otherwise = Vec::new();
        let first = [DECISIONS / 100, DECISIONS].into_iter().find_map(|decisions| {
            otherwise = play(&changed, 7, decisions, 60, &mut others).1;
            entries.iter().zip(&otherwise).position(|(then, now)| then != now)
        });
        let replayed = Replay::new(&changed, &bytes[..length]).unwrap().rules(&RULES).run();
        match (first, replayed) {
            (Some(first), Err(ReplayError::Difference(found))) => {
                println!("{what}: {found}");
                assert_eq!(found.number, first as u64 + 1, "{what}");
                assert_eq!(Entry::Decided(found.recorded), entries[first], "{what}");
                // If the recorded decision is not a retry, the log has no random word. Then the delay of a replayed
                // retry is unknown.
                if let Entry::Decided(Verdict::Retry(_)) = entries[first] {
                    assert_eq!(Entry::Decided(found.replayed), otherwise[first], "{what}");
                }
            }
            (first, replayed) => panic!("{what}: first differs at {first:?}, replayed {replayed:?}"),
        }
    }
}
