//! Resilience4j's circuit breaker, by the scripts of its own tests.

use std::time::Duration;

use serde_json::Value;

use super::kit::Counts;
use super::plan::{Seen, State};
use super::resilience4j::{AFTER, Rates, Settings, operate, plan, same_rate, state, transition};
use super::rig::Rig;
use super::steps::Steps;
use super::{rules, same};
use crate::json::{Fields, Ms, Replayed, Typed, fail, replay};
use crate::outcome::Outcome;

const RATES: [&str; 2] = ["failure_rate", "slow_rate"];
const COUNTS: [&str; 7] =
    ["successful", "buffered", "failed", "slow", "slow_failed", "slow_successful", "not_permitted"];

pub(super) fn state_machine(meta: &Value, case: &Value, steps: &mut Steps) -> Outcome {
    replay(case, |case| {
        let config = case.fields("config")?;
        let settings = Settings { config: &config, defaults: &meta["defaults"] };
        let (plan, rates, refused) = plan(&settings)?;
        let mut script = Script {
            rates,
            max_wait: settings.ms("max_wait_half_open_ms", "max_wait_half_open_s")?,
            timeout_to: config.find("half_open_timeout_to")?.map_or(Ok(State::Open), state)?,
            told: Told::default(),
        };
        let mut rig = Rig::new(plan, steps)?;
        rig.declared = refused;
        if let Some(initial) = config.find("initial_state")? {
            let initial = state(initial)?;
            // There is no other way to half-open there.
            if initial == State::HalfOpen {
                rig.put(State::Open, None);
            }
            rig.put(initial, None);
            rig.observe(None)?;
        }
        for (i, step) in case.list("steps")?.iter().enumerate() {
            match script.step(&mut rig, step) {
                Err(Outcome::Fail(why)) => return fail(format!("step {i}: {why}")),
                other => other?,
            }
        }
        script.told.compare(&mut rig, &case.fields("events")?)?;
        Ok(rig.outcome())
    })
}

/// What a subscriber would have been told.
#[derive(Default)]
struct Told {
    errors: u32,
    successes: u32,
    changes: u32,
    /// Changes after the first call: the peer's test may have subscribed after setting the stage.
    changes_later: u32,
    called: bool,
    /// How often each rate was reached: at once with a change, or for the first time since it only counts.
    reached: [u32; 2],
    counting: [bool; 2],
    /// The changes, until now, that ours said one of the rates brought about.
    named: [u32; 2],
}

impl Told {
    fn operation(&mut self, op: &str) {
        self.errors += u32::from(op == "error");
        self.successes += u32::from(op == "success");
        self.called |= matches!(op, "acquire" | "success" | "error" | "ignored");
    }

    fn seen(&mut self, rig: &Rig<'_>, seen: &Seen, rates: Rates) {
        self.changes += u32::from(seen.change.is_some());
        self.changes_later += u32::from(seen.change.is_some() && self.called);
        let opened = std::mem::replace(&mut self.named, rig.exceeded) != rig.exceeded;
        let counts_only = rig.state == State::CountOnly;
        for (i, reached) in rates.reached_by_window(seen.counts).into_iter().enumerate() {
            let already = self.counting[i] && seen.change.is_none();
            self.counting[i] = counts_only && (reached || already);
            self.reached[i] += u32::from(reached && (opened || counts_only && !already));
        }
    }

    fn compare(&self, rig: &mut Rig<'_>, events: &Fields<'_>) -> Replayed<()> {
        events.comments(&["note"]);
        let theirs = |what: &str, ours: u32| Ok::<u32, Outcome>(events.find(what)?.unwrap_or(ours));
        same("errors", &self.errors, &theirs("errors", self.errors)?)?;
        same("successes", &self.successes, &theirs("successes", self.successes)?)?;
        let changes = theirs("state_transitions", self.changes)?;
        if changes != self.changes_later {
            same("state_transitions", &self.changes, &changes)?;
        }
        for (i, what) in ["failure_rate_exceeded", "slow_call_rate_exceeded"].into_iter().enumerate() {
            if let Some(theirs) = events.find::<u32>(what)? {
                same(what, &self.reached[i], &theirs)?;
                if theirs != rig.exceeded[i] {
                    rig.declare(rules::ONE_CAUSE);
                }
            }
        }
        Ok(())
    }
}

struct Script {
    rates: Rates,
    max_wait: Duration,
    timeout_to: State,
    told: Told,
}

impl Script {
    fn step(&mut self, rig: &mut Rig<'_>, step: &Fields<'_>) -> Replayed<()> {
        let op: &str = step.get("op")?;
        let (ms, to) = match step.find::<&[Value]>("args")?.unwrap_or_default() {
            [] => (None, None),
            [Value::String(to)] => (None, Some(state(to)?)),
            [ms] => match Ms::typed(ms) {
                Some(Ms(ms)) => (Some(ms), None),
                None => return fail(format!("args = {ms}: neither milliseconds nor a state")),
            },
            other => return fail(format!("args = {other:?}: more than one")),
        };
        let expect = step.fields("expect")?;
        let theirs = expect.find("state")?.map(state).transpose()?;
        let admitted = if op == "acquire" { expect.find("result")? } else { None };
        if !operate(rig, op, ms, admitted)? {
            match (op, ms, to) {
                ("read", None, None) => {}
                ("reset", None, None) => rig.put(State::Closed, None),
                ("open_for", Some(ms), _) => rig.put(State::Open, Some(ms + AFTER)),
                ("open_until_offset", Some(ms), _) => {
                    let passed = Duration::from_nanos(rig.now().as_nanos()).saturating_sub(rig.plan.start);
                    rig.put(State::Open, Some(ms.saturating_sub(passed) + AFTER));
                }
                ("transition", _, Some(to)) => transition(rig, to, expect.find("result")?)?,
                // Whatever the peer has scheduled for now is done.
                ("poll", None, None) => {
                    let stood_for = rig.now().since(rig.episode.since);
                    let most = self.max_wait;
                    if rig.state == State::HalfOpen && !most.is_zero() && stood_for >= most {
                        rig.declare(rules::NO_TIMEOUT);
                        rig.put(self.timeout_to, None);
                    }
                }
                other => return fail(format!("unknown operation: {other:?}")),
            }
        }
        self.told.operation(op);
        let Some(seen) = rig.observe(theirs)? else {
            expect.comments(&RATES);
            expect.comments(&COUNTS);
            return Ok(());
        };
        self.told.seen(rig, &seen, self.rates);
        for (what, ours) in RATES.into_iter().zip(self.rates.of(&seen)) {
            expect.find(what)?.map_or(Ok(()), |theirs| same_rate(what, ours, theirs))?;
        }
        let Counts { calls, failed, slow, slow_failed } = seen.counts;
        let ours = [calls - failed, calls, failed, slow, slow_failed, slow - slow_failed, seen.refused];
        for (what, ours) in COUNTS.into_iter().zip(ours) {
            expect.find::<u32>(what)?.map_or(Ok(()), |theirs| same(what, &ours, &theirs))?;
        }
        Ok(())
    }
}
