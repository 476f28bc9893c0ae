//! The delays of a run whose attempts all fail at once, for `--dry-run`. The library's own call makes them.

use core::fmt::Write;
use core::time::Duration;

use rand_core::Rng;
use retry_core::runtime::OsRng;
use retry_core::testing::FakeClock;
use retry_core::{Call, Class, GiveUp, Instant, Jitter, Policy, Verdict};

use crate::screen::{Spoken, why};

/// A run in which every attempt fails at once.
pub(crate) struct Plan {
    /// The delay after each attempt but the last.
    pub(crate) delays: Vec<Duration>,
    /// Why the run ends; `None` if it goes on.
    end: Option<Verdict>,
}

impl Plan {
    /// Plays a run with random delays.
    pub(crate) fn random(policy: &Policy) -> Self {
        Self::play(policy, &mut OsRng)
    }

    fn shortest(policy: &Policy) -> Self {
        Self::play(policy, &mut FakeClock::new().words(&[0; MOST]))
    }

    fn longest(policy: &Policy) -> Self {
        Self::play(policy, &mut FakeClock::new().words(&[u64::MAX; MOST]))
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
                end => return Self { delays, end: Some(end) },
            }
        }
        Self { delays, end: None }
    }

    /// Returns how long the run takes.
    fn total(&self) -> Duration {
        self.delays.iter().sum()
    }

    /// Returns the option whose time is over at the end of the run, if one is.
    fn limit(&self) -> Option<&'static str> {
        match self.end {
            Some(Verdict::GiveUp(GiveUp::StartWithin)) => Some("--start-within"),
            Some(Verdict::GiveUp(GiveUp::TotalTimeout)) => Some("--total-timeout"),
            _ => None,
        }
    }
}

/// The delays that are possible.
pub(crate) struct Range {
    /// The shortest and the longest form of each delay that a run may reach.
    pub(crate) delays: Vec<(Duration, Duration)>,
    /// How soon a limit of time ends a run, if it does.
    pub(crate) limit: Option<String>,
    /// The shortest and the longest sum of all delays.
    totals: (Duration, Duration),
}

impl Range {
    pub(crate) fn of(policy: &Policy) -> Self {
        let (shortest, earliest) = (Plan::shortest(policy), Plan::longest(policy));
        // A run with the longest delays may end sooner than others, and say nothing about their later delays.
        let longest = Plan::longest(&without_limits(*policy));
        let says = policy.settings();
        let limit = says.start_within.into_iter().chain(says.total_timeout).min().unwrap_or(Duration::MAX);

        let mut before = Duration::ZERO;
        let mut delays = Vec::new();
        for (least, most) in shortest.delays.iter().zip(&longest.delays) {
            delays.push((*least, *most.min(&limit.saturating_sub(before))));
            before += *least;
        }
        let count = earliest.delays.len();
        Self {
            limit: earliest.limit().map(|option| match (count, count == delays.len()) {
                (0, true) => format!("{option} ends the run after the first attempt."),
                (0, false) => {
                    format!("If the first delay is long, {option} ends the run after the first attempt.")
                }
                (1, true) => format!("{option} ends the run after the first delay."),
                (1, false) => format!("If the delays are long, {option} ends the run after the first one."),
                (_, true) => format!("{option} ends the run after {count} delays."),
                (_, false) => format!("If the delays are long, {option} ends the run after {count} of them."),
            }),
            totals: (before, delays.iter().map(|(_, most)| *most).sum::<Duration>().min(limit)),
            delays,
        }
    }

    /// Returns the delays without jitter, whatever the limits of time.
    pub(crate) fn backoff(policy: &Policy) -> Vec<Duration> {
        Plan::longest(&without_limits(policy.jitter(Jitter::None))).delays
    }
}

fn without_limits(policy: Policy) -> Policy {
    policy.start_within(Duration::MAX).total_timeout(Duration::MAX)
}

/// Returns the table of `--dry-run`.
pub(crate) fn table(policy: &Policy) -> String {
    let (range, random) = (Range::of(policy), Plan::random(policy));
    let mut table = format!("policy: {policy}\n\nIf each attempt fails at once, these are the delays:\n\n");
    let _ = writeln!(table, "before attempt    at least     at most  for example");
    let mut row = |name: &str, least, most, example: Option<Duration>| {
        let [least, most] = [least, most].map(|delay| Spoken(delay).to_string());
        let example = example.map_or("-".into(), |delay| Spoken(delay).to_string());
        let _ = writeln!(table, "{name:>14}  {least:>10}  {most:>10}  {example:>11}");
    };
    for (number, (least, most)) in range.delays.iter().enumerate() {
        row(&(number + 2).to_string(), *least, *most, random.delays.get(number).copied());
    }
    row("sum", range.totals.0, range.totals.1, Some(random.total()));
    let end = match random.end {
        Some(Verdict::GiveUp(reason)) => format!("give up: {}", why(reason)),
        Some(end) => end.to_string(),
        None => format!("the table ends after {MOST} delays, and the run goes on"),
    };
    let _ = writeln!(table, "\nthen: {end}");
    if let Some(limit) = range.limit {
        let _ = writeln!(table, "{limit}");
    }
    table
}

/// The most delays that are shown.
const MOST: usize = 30;
