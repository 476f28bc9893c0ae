//! What the server does, and for how long.

use core::time::Duration;

use retry_core::circuit::Phase;

/// How the server treats a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Answers soon.
    #[default]
    Healthy,
    /// Answers 503 with a `Retry-After`.
    Unavailable,
    /// Does not listen.
    Refusing,
    /// Answers, but later than any caller waits.
    Slow,
}

/// One step of the script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) mode: Mode,
    /// The least it lasts: it ends once the circuit has settled into what it calls for.
    pub(crate) lasts: Duration,
}

impl Step {
    /// The phase that a circuit settles into, given time.
    pub(crate) fn settles_in(&self) -> Phase {
        match self.mode {
            Mode::Healthy => Phase::Closed,
            Mode::Unavailable | Mode::Refusing | Mode::Slow => Phase::Open,
        }
    }
}

/// The run: three outages, and a recovery after each.
pub(crate) const SCRIPT: [Step; 7] = [
    healthy("healthy", 900),
    step("503", "the server answers 503 with Retry-After", Mode::Unavailable, 2_000),
    healthy("healthy", 1_500),
    step("refused", "the server closes its listener", Mode::Refusing, 1_500),
    healthy("healthy", 1_500),
    step("slow", "the server takes 700 ms to answer", Mode::Slow, 1_700),
    healthy("recovered", 1_500),
];

/// How long the whole script takes, unless the circuit needs longer.
pub(crate) fn script_time() -> Duration {
    SCRIPT.iter().map(|step| step.lasts).sum()
}

/// How many steps are outages.
pub(crate) fn outages() -> usize {
    SCRIPT.iter().filter(|step| step.mode != Mode::Healthy).count()
}

const fn healthy(name: &'static str, millis: u64) -> Step {
    step(name, "the server answers", Mode::Healthy, millis)
}

const fn step(name: &'static str, description: &'static str, mode: Mode, millis: u64) -> Step {
    Step { name, description, mode, lasts: Duration::from_millis(millis) }
}
