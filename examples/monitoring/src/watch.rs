//! Who watches the calls: three observers as one.

use core::fmt::Write;

use retry_core::{Guarded, LogFacade, Metrics, MetricsFacade, Phase};

use crate::letters::DeadLetters;

/// What is counted: for Prometheus by a recorder, which is code of others, and for the program itself.
///
/// The tag names the circuit, which both operations share.
pub(crate) static COUNTERS: (Guarded<MetricsFacade>, Metrics) =
    (Guarded::new(MetricsFacade::new().tags(&[("circuit", "stock")])), Metrics::new());

/// All who watch.
pub(crate) static OBSERVER: (&Guarded<MetricsFacade>, &Metrics, Guarded<LogFacade>, DeadLetters) =
    (&COUNTERS.0, &COUNTERS.1, Guarded::new(LogFacade), DeadLetters);

/// How it goes, in a few lines.
pub(crate) fn summary() -> String {
    let (guarded, metrics) = &COUNTERS;
    let mut text = String::new();
    for operation in metrics.operations() {
        // A String takes everything.
        let _ = writeln!(text, "{}: {}", operation.operation(), operation.snapshot());
    }
    let all = metrics.snapshot();
    let (opened, panics) = (all.changes_to(Phase::Open), guarded.panics());
    let _ = writeln!(text, "the circuit opened {opened} times; observers panicked {panics} times");
    let letters = (all.dead_letters_kept(), all.dead_letters_lost());
    let _ = writeln!(text, "dead letters: {} kept, {} lost", letters.0, letters.1);
    text
}
