//! The summary table at the end of the output.

use core::time::Duration;

use retry_core::circuit::Phase;

use crate::claims::Run;

/// Returns the table's lines.
pub(crate) fn table(run: &Run) -> Vec<String> {
    let (tally, history) = (&run.tally, &run.history);
    let share = |count: u32| percent(f64::from(count) / f64::from(tally.calls.max(1)));
    let time = |phase: Phase| {
        let time = history.time_in(phase);
        (seconds(time), percent(time.as_secs_f64() / history.end().as_secs_f64()))
    };
    let counted = |name: &'static str, count: u32| (name, (count.to_string(), share(count)));
    let rows = [
        ("calls", (tally.calls.to_string(), String::new())),
        counted("  succeeded", tally.succeeded),
        counted("  gave up", tally.gave_up),
        counted("  rejected", tally.rejected),
        ("attempts", (history.attempts.to_string(), String::new())),
        ("mean delay", (mean_delay(run), String::new())),
        ("time", (seconds(history.end()), String::new())),
        ("  closed", time(Phase::Closed)),
        ("  open", time(Phase::Open)),
        ("  half-open", time(Phase::HalfOpen)),
    ];
    rows.into_iter()
        .map(|(name, (value, share))| format!("{name:12}  {value:>8}  {share:>5}").trim_end().into())
        .collect()
}

fn mean_delay(run: &Run) -> String {
    let delays = &run.history.delays;
    match u32::try_from(delays.len()) {
        Ok(count @ 1..) => {
            let total: Duration = delays.iter().map(|delay| delay.planned).sum();
            format!("{} ms", (total / count).as_millis())
        }
        _ => "none".into(),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}
