//! tenacity's stops: conditions on attempts and time, as limits and rules of a policy.

use std::time::Duration;

use retry_core::{
    Backoff, Class, Failure, Policy, Recovery, Rule, Verdict, policy::Hints, testing::FakeClock,
};
use serde_json::Value;

use crate::json::{Fields, Replayed, Secs, Typed, fail};
use crate::machine::{LONGEST, built, call_after, fail_once, policy};
use crate::outcome::Outcome;
use crate::rules;

/// Whether a call stops after its `attempt`th failure.
pub(crate) fn stop(given: &Fields<'_>, expect: &Fields<'_>) -> Replayed {
    let conditions = any_of(given.get("stop")?)?;
    let attempt: u32 = given.get("attempt")?;
    let Secs(elapsed) = given.get("elapsed_s")?;
    let Secs(upcoming) = given.find("upcoming_sleep_s")?.unwrap_or(Secs(Duration::ZERO));
    let theirs: bool = expect.get("stop")?;

    // A deadline that is only one of several conditions holds or not at this attempt; the others are asked without it.
    let end = elapsed.saturating_add(upcoming);
    let conditions: Vec<_> = conditions
        .into_iter()
        .filter(|all| all.is_deadline_alone() || all.before.is_none_or(|before| end >= before))
        .map(|all| if all.is_deadline_alone() { all } else { All { before: None, ..all } })
        .collect();
    let policy = limits(&conditions)?;
    let mut call = call_after(&policy, attempt.saturating_sub(1))?;
    let clock = FakeClock::new();
    clock.advance(elapsed);
    let failure = Failure::new(Class::Transient).retry_after(upcoming);
    let ours = !matches!(fail_once(&mut call, failure, &clock, 0)?, Verdict::Retry(_));

    let at_the_deadline = conditions.iter().any(|all| all.before == Some(elapsed.saturating_add(upcoming)));
    Ok(if theirs && !ours && at_the_deadline {
        Outcome::Declared(rules::LIMIT_INCLUDED)
    } else {
        Outcome::same("stops", ours, theirs)
    })
}

/// Conditions that must all hold.
#[derive(Clone, Copy, Default)]
struct All {
    /// From this attempt on.
    attempt: Option<u32>,
    /// Once the call has taken this long.
    after: Option<Duration>,
    /// Once it will have taken this long when the next delay ends.
    before: Option<Duration>,
}

impl All {
    fn is_deadline_alone(&self) -> bool {
        self.before.is_some() && self.attempt.is_none() && self.after.is_none()
    }

    fn and(self, other: Self) -> Self {
        Self {
            attempt: self.attempt.max(other.attempt),
            after: self.after.max(other.after),
            before: self.before.max(other.before),
        }
    }
}

/// A tree of conditions as alternatives, one of which must hold.
fn any_of(stop: &Value) -> Replayed<Vec<All>> {
    let unknown = || fail(format!("unknown stop: {stop}"));
    if stop == "never" {
        return Ok(Vec::new());
    }
    let Some((key, value)) =
        stop.as_object().filter(|stop| stop.len() == 1).and_then(|stop| stop.iter().next())
    else {
        return unknown();
    };
    let of_all = |all| Ok(vec![all]);
    if let Some(trees) = value.as_array() {
        let trees = trees.iter().map(any_of).collect::<Replayed<Vec<_>>>()?;
        return match &key[..] {
            "any" => Ok(trees.concat()),
            "all" => Ok(trees.into_iter().fold(vec![All::default()], |alternatives, tree| {
                let with = |all: &All| tree.iter().map(|other| all.and(*other)).collect::<Vec<_>>();
                alternatives.iter().flat_map(with).collect()
            })),
            _ => unknown(),
        };
    }
    match (&key[..], u32::typed(value), Secs::typed(value)) {
        ("after_attempt", attempt @ Some(_), _) => of_all(All { attempt, ..All::default() }),
        ("after_delay_s", _, Some(Secs(after))) => of_all(All { after: Some(after), ..All::default() }),
        ("before_delay_s", _, Some(Secs(before))) => of_all(All { before: Some(before), ..All::default() }),
        _ => unknown(),
    }
}

/// The policy that gives up under any of these: a limit where one is enough, else a rule.
fn limits(conditions: &[All]) -> Replayed<Policy> {
    let (mut attempts, mut deadline, mut rules) = (u32::MAX, LONGEST, Vec::new());
    for all in conditions {
        match *all {
            All { attempt: Some(most), after: None, before: None } => attempts = attempts.min(most),
            All { attempt: None, after: None, before: Some(end) } => deadline = deadline.min(end),
            All { attempt, after, before: None } => rules.push(
                Rule::ANY
                    .from_attempt(attempt.unwrap_or(1))
                    .after(after.unwrap_or_default())
                    .recovery(Recovery::Fail),
            ),
            All { before: Some(_), .. } => return fail("a deadline on a condition"),
        }
    }
    let policy = policy(Backoff::fixed(Duration::ZERO), None)?.hints(Hints::Exact).max_hint(LONGEST);
    let policy = built(policy.try_start_within(deadline))?;
    // A policy's rules live for ever: they stand in a `const`, as a rule.
    built(built(policy.try_max_attempts(attempts))?.try_rules(rules.leak()))
}
