//! The adaptive throttle: the probability of a refusal.

use retry_core::{
    Class, ClassSet, Instant, SharedBudget,
    budget::{AdaptiveThrottle, Budget, BudgetRules, Request, SlidingSum},
    runtime::LocalLock,
};

use crate::script::play;
use crate::{FREE, NOW, failed, secs};

/// Returns the probability of a refusal, to the nearest millionth.
pub(crate) fn millionths(budget: &SharedBudget<AdaptiveThrottle, LocalLock>, now: Instant) -> u64 {
    (budget.rejection_probability(now) * 1_000_000 + (1 << 31)) >> 32
}

#[test]
fn an_adaptive_throttle_refuses_by_the_share_of_accepted_requests() {
    let rules = AdaptiveThrottle::DEFAULT;
    let script = "
             0 | granted Server, start       |      0
             0 | 2x succeeds, 2x fails Server|      0
             0 | fails Server                | 166667
             0 | 5x fails Timeout            | 545455
             0 | cancelled                   | 545455
             0 | fails Validation            | 416667
             0 | fails CircuitOpen           | 461538
        119000 |                             | 461538
        129000 |                             |      0";
    play(rules, millionths, script);
    let script = "
             0 | fails Server                | 500000
             0 | 99x fails Server            | 800000";
    play(rules.max_rejection(0.8), millionths, script);
    let script = "
             0 | 2x fails Server             |      0
             0 | fails Server                | 750000";
    play(rules.min_attempts(3), millionths, script);
    let script = "
             0 | fails Server                |      0
             0 | fails RateLimit             | 333333";
    let only = rules.count_as_rejection(ClassSet::NONE.with(Class::RateLimit));
    play(only.multiplier(1.0), millionths, script);
    let script = "
             0 | fails Server, refused Server| 666667
         11000 | refused Server              | 750000
         22000 | refused Server              | 666667
         34000 | granted Server              |      0";
    play(rules.window(secs(12)), millionths, script);
}

/// Returns for each of these words whether a retry is refused, always from the same state.
fn refused(rules: AdaptiveThrottle, requests: u32, words: impl Iterator<Item = u64>) -> Vec<bool> {
    let budget = SharedBudget::<_, LocalLock>::with_lock(rules);
    (0..requests).for_each(|_| budget.deposit(failed(Class::Server, FREE), NOW));
    let before: SlidingSum<12> = budget.with_state(|state| *state);
    let answer = |word| {
        let mut state = before;
        let price = rules.withdraw(&mut state, Request::new(Class::Server, 1, word), NOW);
        // A refusal counts as a request that was not accepted.
        assert_eq!(state == before, price.is_some());
        price.is_none()
    };
    words.map(answer).collect()
}

#[test]
fn the_probability_of_a_refusal_is_exact_and_independent_of_the_delay() {
    let rules = AdaptiveThrottle::DEFAULT;
    for (rules, requests, expected) in [
        (rules, 0, 0),
        (rules, 1, 5_000),
        (rules, 3, 7_500),
        (rules, 99, 9_900),
        (rules.max_rejection(0.25), 99, 2_500),
        (rules.max_rejection(0.0), 99, 0),
    ] {
        let small = refused(rules, requests, 0..10_000);
        // In ascending order, so that the first half gives the short delays.
        let spread = refused(rules, requests, (0..20_000).map(|i| i * (u64::MAX / 20_000)));
        for answers in [&small[..], &spread[..10_000], &spread[10_000..]] {
            let refused = answers.iter().filter(|refused| **refused).count();
            assert!(refused.abs_diff(expected) < 150, "{refused} instead of {expected}");
        }
    }
}
