//! The delays of a run whose attempts all fail at once, for `--dry-run`. The library's own call makes them.

use core::fmt::Write;
use core::time::Duration;

use rand_core::Rng;
use retry_core::runtime::OsRng;
use retry_core::testing::FakeClock;
use retry_core::{Call, Class, Instant, Policy, Verdict};

use crate::screen::Spoken;

/// A run in which every attempt fails at once.
pub(crate) struct Plan {
    /// The delay after each attempt but the last.
    pub(crate) delays: Vec<Duration>,
    /// Why the run ends; `None` if it goes on.
    end: Option<String>,
}

impl Plan {
    /// Plays a run with the shortest delays.
    pub(crate) fn shortest(policy: &Policy) -> Self {
        Self::play(policy, &mut FakeClock::new().words(&[0; MOST]))
    }

    /// Plays a run with the longest delays.
    pub(crate) fn longest(policy: &Policy) -> Self {
        Self::play(policy, &mut FakeClock::new().words(&[u64::MAX; MOST]))
    }

    /// Plays a run with random delays.
    pub(crate) fn random(policy: &Policy) -> Self {
        Self::play(policy, &mut OsRng)
    }

    fn play(policy: &Policy, words: &mut impl Rng) -> Self {
        // What the policy gives up on at once would show no delay.
        let retried = policy.settings().retry_on.iter();
        let class = retried.max_by_key(|class| *class == Class::Unknown).unwrap_or(Class::Unknown);
        let mut now = Instant::ORIGIN;
        let mut call = Call::new(policy, now);
        let mut delays = Vec::new();
        while delays.len() < MOST {
            let Ok(attempt) = call.attempt(now) else { break };
            match attempt.fail(class, now, words) {
                Verdict::Retry(delay) => {
                    now = now.after(delay);
                    delays.push(delay);
                }
                end => return Self { delays, end: Some(end.to_string()) },
            }
        }
        Self { delays, end: None }
    }

    /// Returns how long the run takes.
    fn total(&self) -> Duration {
        self.delays.iter().sum()
    }
}

/// Returns the table of `--dry-run`.
pub(crate) fn table(policy: &Policy) -> String {
    let (shortest, longest, random) = (Plan::shortest(policy), Plan::longest(policy), Plan::random(policy));
    let cell =
        |plan: &Plan, row: usize| plan.delays.get(row).map_or("-".into(), |delay| Spoken(*delay).to_string());
    let mut table = format!("policy: {policy}\n\nIf each attempt fails at once, these are the delays:\n\n");
    let _ = writeln!(table, "before attempt  at least     at most  for example");
    for row in 0..shortest.delays.len().max(longest.delays.len()) {
        let (least, most, example) = (cell(&shortest, row), cell(&longest, row), cell(&random, row));
        let _ = writeln!(table, "{:>14}  {least:>8}  {most:>10}  {example:>11}", row + 2);
    }
    let totals = [&shortest, &longest, &random].map(|plan| Spoken(plan.total()).to_string());
    let _ = writeln!(table, "{:>14}  {:>8}  {:>10}  {:>11}", "sum", totals[0], totals[1], totals[2]);
    let end =
        random.end.unwrap_or_else(|| format!("the table ends after {MOST} delays, and the run goes on"));
    let _ = writeln!(table, "\nthen: {end}");
    table
}

/// The most delays that are shown.
const MOST: usize = 30;
