//! The script: what the server does, and for how long.

use core::time::Duration;

use retry_core::runtime::Sleep;
use retry_core::{SharedCircuit, circuit::Phase};

/// How long a healthy server takes to answer.
pub const ANSWERS_AFTER: Duration = Duration::from_millis(25);
/// How long a slow server takes to answer: longer than an attempt may take.
pub const SLOW_ANSWERS_AFTER: Duration = Duration::from_millis(700);
/// How long a step waits at most for the circuit to settle.
const SETTLE_LIMIT: Duration = Duration::from_secs(3);

/// How the server treats a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Answers after 25 ms.
    #[default]
    Healthy,
    /// Answers 503 with a `Retry-After`.
    Unavailable,
    /// Does not listen.
    Refusing,
    /// Answers after 700 ms, when the attempt has timed out.
    Slow,
}

/// One step of the script.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name in the plot.
    pub name: &'static str,
    /// What the server does, as a sentence.
    pub description: &'static str,
    /// How the server treats requests.
    pub mode: Mode,
    /// The shortest duration. The step ends when the circuit has also settled.
    pub lasts: Duration,
}

impl Step {
    /// Returns the phase that the circuit settles into during this step.
    pub fn settles_in(&self) -> Phase {
        match self.mode {
            Mode::Healthy => Phase::Closed,
            Mode::Unavailable | Mode::Refusing | Mode::Slow => Phase::Open,
        }
    }

    /// Waits until the step is over.
    pub async fn wait(&self, circuit: &SharedCircuit, runtime: impl Sleep) {
        let begun = runtime.now();
        runtime.sleep(self.lasts).await;
        while circuit.phase() != self.settles_in() && runtime.now().since(begun) < self.lasts + SETTLE_LIMIT {
            runtime.sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The run: three outages, and a recovery after each.
pub const SCRIPT: [Step; 7] = [
    healthy("healthy", 900),
    step("503", "the server answers 503 with Retry-After", Mode::Unavailable, 2_000),
    healthy("healthy", 1_500),
    step("refused", "the server closes its listener", Mode::Refusing, 1_500),
    healthy("healthy", 1_500),
    step("slow", "the server takes 700 ms to answer", Mode::Slow, 1_700),
    healthy("recovered", 1_500),
];

/// Returns how long the script takes, unless the circuit settles later.
pub fn script_time() -> Duration {
    SCRIPT.iter().map(|step| step.lasts).sum()
}

/// Returns how many steps are outages.
pub fn outages() -> usize {
    SCRIPT.iter().filter(|step| step.mode != Mode::Healthy).count()
}

/// Returns the `Retry-After` of the `n`th 503, from 1. Every second one is longer than the policy accepts.
pub fn retry_after(n: u32) -> Duration {
    Duration::from_secs(if n.is_multiple_of(2) { 30 } else { 1 })
}

/// Returns how many of an article the server has in stock.
pub fn in_stock(sku: &str) -> Option<u32> {
    match sku {
        "apple" => Some(12),
        "pear" => Some(7),
        "quince" => Some(3),
        _ => None,
    }
}

const fn healthy(name: &'static str, millis: u64) -> Step {
    step(name, "the server answers", Mode::Healthy, millis)
}

const fn step(name: &'static str, description: &'static str, mode: Mode, millis: u64) -> Step {
    Step { name, description, mode, lasts: Duration::from_millis(millis) }
}
