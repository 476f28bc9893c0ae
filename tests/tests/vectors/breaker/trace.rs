//! Recorded steps: `[[operation, milliseconds?], result, [state, ...], ["state>state"]]`.

use std::time::Duration;

use serde_json::Value;

use super::plan::State;
use super::rig::Rig;
use crate::json::{Fields, Ms, Replayed, Typed, fail};
use crate::outcome::Outcome;

/// One step of a recording.
pub(super) struct Recorded<'a> {
    pub(super) op: &'a str,
    pub(super) ms: Option<Duration>,
    pub(super) result: &'a Value,
    pub(super) state: State,
    /// What else was observed.
    pub(super) observed: &'a [Value],
    pub(super) changes: Vec<(State, State)>,
}

fn list(value: &Value) -> Replayed<&[Value]> {
    value.as_array().map_or_else(|| fail(format!("{value}: not a list")), |list| Ok(&list[..]))
}

fn text(value: &Value) -> Replayed<&str> {
    value.as_str().map_or_else(|| fail(format!("{value}: not a text")), Ok)
}

impl<'a> Recorded<'a> {
    fn new(step: &'a Value, state: fn(&str) -> Replayed<State>) -> Replayed<Self> {
        let ([did, result, observed, events], mut changes) = (list(step)?, Vec::new()) else {
            return fail("not an operation, a result, an observation and events");
        };
        let (op, ms) = match list(did)? {
            [op] => (text(op)?, None),
            [op, ms] => match Ms::typed(ms) {
                Some(Ms(ms)) => (text(op)?, Some(ms)),
                None => return fail(format!("{ms}: not a number of milliseconds")),
            },
            _ => return fail(format!("{did}: not an operation")),
        };
        let [stands, observed @ ..] = list(observed)? else {
            return fail("nothing was observed");
        };
        for event in list(events)? {
            match text(event)?.split_once('>') {
                Some((from, to)) => changes.push((state(from)?, state(to)?)),
                None => return fail(format!("unknown event: {event}")),
            }
        }
        Ok(Self { op, ms, result, state: state(text(stands)?)?, observed, changes })
    }

    /// Whether the peer admitted the call that asks; nothing where none does.
    pub(super) fn admitted(&self) -> Replayed<Option<bool>> {
        match (self.op, self.result) {
            ("acquire", Value::Bool(admitted)) => Ok(Some(*admitted)),
            ("acquire", other) => fail(format!("{other}: neither admitted nor refused")),
            (_, Value::Null | Value::String(_)) => Ok(None),
            (_, other) => fail(format!("unknown result: {other}")),
        }
    }
}

/// Replays the steps of a recording.
pub(super) fn replay(
    case: &Fields<'_>,
    rig: &mut Rig<'_>,
    state: fn(&str) -> Replayed<State>,
    play: impl Fn(&mut Rig<'_>, &Recorded<'_>) -> Replayed<()>,
) -> Replayed {
    for (i, step) in case.get::<&[Value]>("steps")?.iter().enumerate() {
        let played = Recorded::new(step, state).and_then(|recorded| play(rig, &recorded));
        if let Err(Outcome::Fail(why)) = played {
            return fail(format!("step {i}: {step}: {why}"));
        }
    }
    Ok(rig.outcome())
}
