//! Envoy's budgets: retries at once, and the throttle of the SRE book as its admission control has it.

use retry_core::{
    Class, Instant,
    budget::{AdaptiveThrottle, Budget, ConcurrencyShare, Request},
};
use serde_json::Value;

use super::{FREE, PRECISION, RESTART, START, Shared, asked, failed, near, probability, same, throttled};
use crate::json::{Fields, Replayed, replay};
use crate::machine::built;
use crate::outcome::Outcome;

pub(crate) fn cases(_: &Value, case: &Value) -> Option<Outcome> {
    let given = &case["given"];
    if given.get("budget_percent").is_some() {
        Some(replay(case, concurrency))
    } else if given.get("accepts").is_some() {
        Some(replay(case, |case| {
            let given = case.fields("given")?;
            let rules = built(AdaptiveThrottle::DEFAULT.try_multiplier(given.get("K")?))?;
            let budget = throttled(rules, given.get("requests")?, given.get("accepts")?)?;
            let expect = case.fields("expect")?;
            let ours = probability(&budget);
            let outcome = near(&expect, "p", PRECISION, || ours)?;
            // The peer draws a whole number of ten thousandths.
            let drawn = given.get::<u64>("random_u64")? % 10_000;
            let request = Request::new(Class::Server, 1, unmixed((drawn << 32).div_ceil(10_000) << 32));
            let refused = budget.withdraw(request, Instant::ORIGIN).is_none();
            Ok(outcome.and(same(&expect, "reject", || refused)?))
        }))
    } else {
        None
    }
}

/// How many retries there are at once, by the rules and in fact.
fn concurrency(case: &Fields<'_>) -> Replayed {
    let given = case.fields("given")?;
    let percent: f64 = given.get("budget_percent")?;
    let active: u32 = given.get("active_plus_pending")?;
    let rules = ConcurrencyShare::DEFAULT.min_retries(given.get("min_retry_concurrency")?);
    let rules = built(rules.try_share(percent / 100.0))?;
    let theirs: u32 = case.fields("expect")?.get("max_concurrent_retries")?;

    // All that are active fail, one after the other, and are made again where that is granted.
    let budget = Shared::with_lock(rules);
    (0..active).for_each(|_| budget.deposit(START, Instant::ORIGIN));
    for _ in 0..active {
        budget.deposit(failed(FREE), Instant::ORIGIN);
        let granted = budget.withdraw(asked(Class::Server), Instant::ORIGIN).is_some();
        budget.deposit(if granted { RESTART } else { START }, Instant::ORIGIN);
    }
    let granted = budget.retries_granted();
    Ok(Outcome::same("most retries", rules.allowed_retries(active), theirs).and(Outcome::same(
        "retries",
        granted,
        theirs.min(active),
    )))
}

/// The word out of which the throttle's mixing, the output function of SplitMix64, makes this one.
fn unmixed(word: u64) -> u64 {
    // Newton's method: each round doubles the number of right bits, of which an odd number has three.
    let inverse = |odd: u64| {
        (0..5).fold(odd, |guess, _| guess.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(guess))))
    };
    let unshifted = |word: u64, by: u32| word ^ (word >> by) ^ word.unbounded_shr(2 * by);
    let word = unshifted(word, 31).wrapping_mul(inverse(0x94d0_49bb_1331_11eb));
    let word = unshifted(word, 27).wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9));
    unshifted(word, 30)
}
