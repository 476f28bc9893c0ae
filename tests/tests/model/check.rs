//! The checks of each step.

use std::fmt;

use retry_core::{
    CircuitConfig, Instant,
    circuit::{Change, Mode, Phase},
};

use super::machine::Machine;
use super::naive::At;
use super::normal::Form;
use super::rules::Rules;
use super::state::{Seen, State};
use super::step::{End, Step};
use super::word;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// A half-open circuit does not admit more probes than allowed. An open circuit admits none before its time.
    Admission,
    /// A ticket of an older era changes only the count of late results.
    Late,
    /// From every state, calls and time lead back to closed. If the circuit is forced open, a reset does.
    Wedge,
    /// From now, it is open for at most its open time, whatever the clock did.
    OpenTime,
    /// The window and the slots match a recount of the calls of the era.
    Counters,
    /// A change of phase begins an era, and each new era is reported.
    Eras,
    /// The phase, the answer, the change and its cause follow the rules.
    Decision,
    /// A shared circuit, with its gate word, gives the same answers.
    Word,
}

impl Check {
    pub(crate) const ALL: &[Self] = &[
        Self::Admission,
        Self::Late,
        Self::Wedge,
        Self::OpenTime,
        Self::Counters,
        Self::Eras,
        Self::Decision,
        Self::Word,
    ];

    /// Checks the step from `before` to `after`. A wedge is found only in the whole graph.
    pub(crate) fn holds<M: Machine>(self, happened: &Happened<'_, M>) -> Result<(), String> {
        match self {
            Self::Admission => happened.admission(),
            Self::Late => happened.late(),
            Self::Wedge => Ok(()),
            Self::OpenTime => happened.open_time(),
            Self::Counters => happened.counters(),
            Self::Eras => happened.eras(),
            Self::Decision => happened.decision(),
            Self::Word => word::is_not_seen(happened),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admission => "1 admission",
            Self::Late => "2 late",
            Self::Wedge => "3 wedge",
            Self::OpenTime => "4 open time",
            Self::Counters => "5 counters",
            Self::Eras => "6 eras",
            Self::Decision => "7 decision",
            Self::Word => "8 word",
        })
    }
}

/// A step, and its results.
pub(crate) struct Happened<'s, M> {
    pub(crate) before: &'s State<M>,
    pub(crate) before_form: &'s Form,
    pub(crate) step: Step,
    pub(crate) seen: &'s Seen<Option<Change>>,
    pub(crate) expected: &'s Seen<Option<Change>>,
    pub(crate) after: &'s State<M>,
    pub(crate) after_form: &'s Form,
    pub(crate) rules: &'s Rules,
    pub(crate) config: &'s CircuitConfig,
    /// The steps to `before`, which began at `start`.
    pub(crate) path: &'s [Step],
    pub(crate) start: Instant,
}

impl<M: Machine> Happened<'_, M> {
    fn admission(&self) -> Result<(), String> {
        let breaker = self.after.machine.breaker();
        if breaker.phase() == Phase::HalfOpen && self.probes() > self.rules.probes {
            return Err(format!("{} probes at once", self.probes()));
        }
        match (&self.seen.admission, &self.expected.admission) {
            (Some(Ok(())), Some(Err(rejected))) => Err(format!("admitted, but the rules say: {rejected:?}")),
            _ => Ok(()),
        }
    }

    fn late(&self) -> Result<(), String> {
        let Step::End(name, End::Succeed | End::Fail | End::Limit | End::Neutral | End::Drop) = self.step
        else {
            return Ok(());
        };
        let (before, after) = (&self.before.machine, &self.after.machine);
        let call = self.before.calls.iter().find(|call| call.name == name).expect("the call was in progress");
        if !call.is_late(before) {
            return Ok(());
        }
        if after.breaker().late() != before.breaker().late() + 1 {
            return Err(format!("late went from {} to {}", before.breaker().late(), after.breaker().late()));
        }
        let is_same = self.before_form.machine() == self.after_form.machine();
        if self.seen.change.is_some() || before.era() != after.era() || !is_same {
            return Err(format!("it changed the machine: {:?}", after.breaker()));
        }
        Ok(())
    }

    fn open_time(&self) -> Result<(), String> {
        let (state, breaker) = (self.after, self.after.machine.breaker());
        if breaker.phase() != Phase::Open || breaker.mode() == Mode::ForcedOpen {
            return Ok(());
        }
        let most = match state.naive.at {
            At::Open { most, .. } => most,
            _ => self.rules.max_open_for,
        };
        let asked = state.machine.clone().admit(self.config, state.now).map(|_| ());
        for answer in [asked, breaker.open_at(state.now, state.now)] {
            match answer {
                Err(rejected) if rejected.wait().as_nanos() > most.into() => {
                    return Err(format!("open for another {:?}", rejected.wait()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn counters(&self) -> Result<(), String> {
        let (state, machine) = (self.after, &self.after.machine);
        if machine.breaker().counts() != state.naive.counts(self.rules)
            && state.naive.phase() == Phase::Closed
        {
            let (shown, recount) = (machine.breaker().counts(), state.naive.counts(self.rules));
            return Err(format!("it counts {shown:?}, a recount gives {recount:?}"));
        }
        match self.after_form.in_flight {
            Some(in_flight) if in_flight != u64::from(self.probes()) => {
                Err(format!("it counts {in_flight} probes, a recount gives {}", self.probes()))
            }
            _ => Ok(()),
        }
    }

    fn eras(&self) -> Result<(), String> {
        let (before, after) = (&self.before.machine, &self.after.machine);
        let phases = (before.breaker().phase(), after.breaker().phase());
        let begun = after.era() != before.era();
        if phases.0 != phases.1 && !begun {
            return Err(format!("from {} to {} in one era", phases.0, phases.1));
        }
        if self.step.is_silent() {
            return if begun { Ok(()) } else { Err("no new era".into()) };
        }
        match self.seen.change {
            None if begun => Err("a new era that was not reported".into()),
            Some(_) if !begun => Err("a change within one era".into()),
            Some(change) if (change.from, change.to) != phases || change.at != self.after.now => {
                Err(format!("{change:?}, but it went from {} to {}", phases.0, phases.1))
            }
            _ => Ok(()),
        }
    }

    fn decision(&self) -> Result<(), String> {
        let shown = |machine: &M| (machine.breaker().phase(), machine.breaker().mode());
        let (machine, naive) =
            (shown(&self.after.machine), (self.after.naive.phase(), self.after.naive.mode));
        if machine != naive {
            return Err(format!("it is {machine:?}, the rules say {naive:?}"));
        }
        let (seen, expected) = (self.seen, self.expected);
        if (&seen.admission, &seen.change) != (&expected.admission, &expected.change) {
            let both = [seen, expected].map(|it| format!("{:?} {:?}", it.admission, it.change));
            return Err(format!("it did {}, the rules say {}", both[0], both[1]));
        }
        Ok(())
    }

    /// Returns the number of probes in progress, including lost ones.
    fn probes(&self) -> u32 {
        let state = self.after;
        let here = state.calls.iter().filter(|call| !call.is_late(&state.machine)).count();
        here as u32 + state.lost
    }
}
