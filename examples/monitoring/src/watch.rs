//! The observers of the calls: three, combined into one.

use core::fmt::Write;

use retry_core::{
    circuit::Phase,
    observe::{Guarded, LogFacade, Metrics, MetricsFacade},
};

/// Metrics for Prometheus, metrics for the program itself, and a log. [`Guarded`] keeps panics of the recorder and of
/// the logger away from the calls.
pub(crate) type Observers = (Guarded<MetricsFacade>, Metrics, Guarded<LogFacade>);

/// The observers of all calls. The tag names the circuit, because all operations share it.
pub(crate) static OBSERVER: Observers = (
    Guarded::new(MetricsFacade::new().tags(&[("circuit", "stock")])),
    Metrics::new(),
    Guarded::new(LogFacade),
);

/// Returns a summary in a few lines.
pub(crate) fn summary() -> String {
    let (guarded, metrics, log) = &OBSERVER;
    let mut text = String::new();
    for operation in metrics.operations() {
        // Writing to a String always succeeds.
        let _ = writeln!(text, "{}: {}", operation.operation(), operation.snapshot());
    }
    let all = metrics.snapshot();
    let (opened, panics) = (all.changes_to(Phase::Open), guarded.panics() + log.panics());
    let _ = writeln!(text, "the circuit opened {opened} times; observers panicked {panics} times");
    let letters = (all.dead_letters_kept(), all.dead_letters_lost());
    let _ = writeln!(text, "dead letters: {} kept, {} lost", letters.0, letters.1);
    text
}
