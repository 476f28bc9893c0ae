//! Events as lines of a log that is put together on another machine.

use core::time::Duration;

use super::event::{Event, EventKind, Observer};
use crate::circuit::Phase;
use crate::time::nanos;
use crate::verdict::Verdict;

/// Writes each event to [`defmt`]'s log, a line each.
///
/// | level | event |
/// |---|---|
/// | `warn` | a call gave up or was rejected, a circuit opened, an error of class `Unknown`, a dead letter was lost |
/// | `info` | any other change of a circuit's phase |
/// | `debug` | a retry, a call that succeeded after one or was cancelled, a dead letter |
/// | `trace` | an attempt started, a call succeeded at once |
///
/// Levels below that of `DEFMT_LOG` are left out when the program is compiled.
///
/// ```
/// use retry_core::{DefmtLog, FakeClock, Policy, Retry};
///
/// let clock = FakeClock::new();
/// let uplink = Retry::new(&Policy::DEFAULT, &clock).named("uplink.send").observe(&DefmtLog);
/// # let _ = uplink;
/// ```
#[derive(Clone, Copy, Debug, Default, defmt::Format)]
pub struct DefmtLog;

impl Observer for DefmtLog {
    fn observe(&self, event: &Event) {
        let (call, attempt) = (Name(event), event.attempt);
        match event.kind {
            EventKind::Started => defmt::trace!("{}: attempt {=u32} starts", call, attempt),
            EventKind::Succeeded if attempt == 1 => defmt::trace!("{}: succeeded at once", call),
            EventKind::Succeeded => defmt::debug!("{}: attempt {=u32} succeeded", call, attempt),
            EventKind::Cancelled => defmt::debug!("{}: attempt {=u32} cancelled", call, attempt),
            EventKind::Rejected(rejected) => {
                defmt::warn!(
                    "{}: rejected, {} for another {=u64:us} s",
                    call,
                    rejected.phase(),
                    micros(rejected.wait())
                );
            }
            EventKind::Failed { failure, verdict, .. } => {
                let class = failure.class;
                match verdict {
                    Verdict::Retry(delay) if event.kind.is_caution() => defmt::warn!(
                        "{}: attempt {=u32} failed ({}), retry in {=u64:us} s",
                        call,
                        attempt,
                        class,
                        micros(delay)
                    ),
                    Verdict::Retry(delay) => defmt::debug!(
                        "{}: attempt {=u32} failed ({}), retry in {=u64:us} s",
                        call,
                        attempt,
                        class,
                        micros(delay)
                    ),
                    Verdict::GiveUp(reason) => {
                        defmt::warn!(
                            "{}: gave up after attempt {=u32} ({}): {}",
                            call,
                            attempt,
                            class,
                            reason
                        );
                    }
                    Verdict::Rejected(rejected) => defmt::warn!(
                        "{}: rejected after attempt {=u32} ({}), {} for another {=u64:us} s",
                        call,
                        attempt,
                        class,
                        rejected.phase(),
                        micros(rejected.wait())
                    ),
                }
            }
            EventKind::PhaseChanged(change) if change.to == Phase::Open => {
                defmt::warn!("{}: circuit from {} to {}: {}", call, change.from, change.to, change.cause);
            }
            EventKind::PhaseChanged(change) => {
                defmt::info!("{}: circuit from {} to {}: {}", call, change.from, change.to, change.cause);
            }
            EventKind::DeadLettered { kept: true } => defmt::debug!("{}: dead letter", call),
            EventKind::DeadLettered { kept: false } => defmt::warn!("{}: dead letter lost", call),
            // Told by the verdict, and by the attempt's own end.
            EventKind::BudgetEmpty | EventKind::Ended { .. } => {}
        }
    }
}

/// The operation's name and key.
struct Name<'a>(&'a Event);

impl defmt::Format for Name<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let Event { operation, key, .. } = self.0;
        if key.is_none() {
            defmt::write!(f, "{=str}", operation);
        } else {
            defmt::write!(f, "{=str}[{}]", operation, key);
        }
    }
}

const fn micros(duration: Duration) -> u64 {
    nanos(duration) / 1_000
}
