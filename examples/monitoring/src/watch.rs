//! The observers of the calls: three, combined into one.

use core::fmt::Write;

use retry_core::{
    circuit::Phase,
    observe::{Guarded, LogFacade, Metrics, MetricsFacade},
};

/// Metrics for Prometheus, metrics for the program itself, and a log. [`Guarded`] keeps panics of the recorder and of
/// the logger away from the calls.
pub(crate) type Observers = (Guarded<MetricsFacade>, Metrics, Guarded<LogFacade>);

/// The observers of all calls.
pub(crate) static OBSERVER: Observers =
    (Guarded::new(MetricsFacade::new()), Metrics::new(), Guarded::new(LogFacade));

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
    let (kept, lost, left_out) =
        (all.dead_letters_kept(), all.dead_letters_lost(), all.dead_letters_left_out());
    let _ = writeln!(text, "dead letters: {kept} kept, {lost} lost, {left_out} left out");
    text
}
