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
/// | `warn` | a call gave up or was rejected, a circuit opened, an error of class `Unknown` |
/// | `info` | any other change of a circuit's phase |
/// | `debug` | a retry, a call that succeeded after one or was cancelled |
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
            EventKind::BudgetEmpty => defmt::warn!("{}: the budget of retries is empty", call),
            EventKind::Ended { end, elapsed } => {
                let elapsed = elapsed.map_or(0, micros);
                defmt::trace!("{}: {} after {=u64:us} s", call, end, elapsed);
            }
            EventKind::DeadLettered { kept: true } => defmt::info!("{}: dead letter", call),
            EventKind::DeadLettered { kept: false } => defmt::error!("{}: dead letter lost", call),
            EventKind::PhaseChanged(change) if change.to == Phase::Open => {
                defmt::warn!("{}: circuit from {} to {}: {}", call, change.from, change.to, change.cause);
            }
            EventKind::PhaseChanged(change) => {
                defmt::info!("{}: circuit from {} to {}: {}", call, change.from, change.to, change.cause);
            }
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

#[cfg(test)]
mod tests {
    use crate::*;

    fn has_format<T: defmt::Format>() {}

    /// All that a small machine has. What is missing here is a compile error.
    #[test]
    fn every_type_has_a_format() {
        type W = CountWindow<8>;
        type L = LocalLock;
        type C = SharedCircuit<W, L>;
        type B = SharedBudget<TokenBucket, L>;

        struct Config;
        impl ConstConfig for Config {
            const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES;
        }

        has_format::<(
            AdaptiveThrottle,
            ConcurrencyShare,
            RequestShare,
            RetryThrottle,
            TokenBucket,
            SlidingSum<4>,
        )>();
        has_format::<(Concern, Deposit, NoBudget, Price, Request, B)>();
        has_format::<(Attempt<'_, '_, C, B>, Call<'_, C, B>, Retry<'_, FakeClock, C, B>, Progress)>();
        has_format::<(Admission<Ticket>, Breaker<W>, Change, ChangeCause, CircuitConfig, NoCircuit)>();
        has_format::<(C, ConstCircuit<Config, W, L>, HealthCheck<'_, W, L, FakeClock>, Snapshot<W>)>();
        has_format::<(Mode, Outcome, Phase, Settled, SlowCalls<W>, Span, Ticket, TimeWindow<4>)>();
        has_format::<(Class, ClassSet, Recovery, Severity, Failure, Key, ConfigError)>();
        has_format::<(ByClosure<()>, ByTrait, Messages, Unacceptable<ByTrait, ()>, When<ByTrait, ()>)>();
        has_format::<(FakeClock, FakeSleep<'_>, Words<'_>, LocalLock, Interrupted, Instant)>();
        has_format::<(Backoff, Deviation, Jitter, Hints, Policy, Preset, Rule)>();
        has_format::<(Cause<u8>, Error<u8>, ErrorContext, GiveUp, Rejected, Verdict)>();
        has_format::<(DeadLetter<u8>, DeadLetters<u8, 4>, ImageError, Reason, WhenFull)>();
        has_format::<(NoPayload, ReasonSet, SharedDeadLetters<u8, 4, L>)>();
        has_format::<(LogBuffer<'_>, LogError, Record, RecordedStep, Recorder<'_, LogBuffer<'_>, L>)>();
        has_format::<(DefmtLog, Event, EventKind)>();
        has_format::<(FixedCircuit<'_, 4, W, L>, FixedCircuitPool<4, W, L>)>();
        has_format::<(Operation<W, L>, Operations<1, W, L>)>();
        #[cfg(feature = "critical-section")]
        has_format::<CriticalSectionLock>();
    }
}
