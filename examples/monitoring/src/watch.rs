//! Who watches the calls: three observers as one.

use core::fmt::Write;

use retry_core::{
    circuit::Phase,
    observe::{Guarded, LogFacade, Metrics, MetricsFacade},
};

/// What is counted for Prometheus, by a recorder, which is code of others; what is counted for the program itself; and a
/// log.
pub(crate) type Observers = (Guarded<MetricsFacade>, Metrics, Guarded<LogFacade>);

/// All who watch. The tag names the circuit, which all operations share.
pub(crate) static OBSERVER: Observers = (
    Guarded::new(MetricsFacade::new().tags(&[("circuit", "stock")])),
    Metrics::new(),
    Guarded::new(LogFacade),
);

/// How it goes, in a few lines.
pub(crate) fn summary() -> String {
    let (guarded, metrics, log) = &OBSERVER;
    let mut text = String::new();
    for operation in metrics.operations() {
        // A String takes everything.
        let _ = writeln!(text, "{}: {}", operation.operation(), operation.snapshot());
    }
    let all = metrics.snapshot();
    let (opened, panics) = (all.changes_to(Phase::Open), guarded.panics() + log.panics());
    let _ = writeln!(text, "the circuit opened {opened} times; observers panicked {panics} times");
    let letters = (all.dead_letters_kept(), all.dead_letters_lost());
    let _ = writeln!(text, "dead letters: {} kept, {} lost", letters.0, letters.1);
    text
}
