//! Events as lines of a `defmt` log.

use core::time::Duration;

use super::event::{CallEnd, Event, EventKind, Observer};
use super::level::{Level, level_table};
use crate::clean::{clean, cut};
use crate::time::nanos;
use crate::verdict::{GiveUp, Verdict};

/// Writes each event to [`defmt`]'s log, one line per event.
///
#[doc = level_table!()]
///
/// Lines below the level in `DEFMT_LOG` are left out at compile time. In names, U+FFFD replaces each control character.
/// An operation's name is cut to 128 bytes.
///
/// ```
/// use retry_core::{observe::DefmtLog, testing::FakeClock, Policy, Retry};
///
/// let clock = FakeClock::new();
/// let uplink = Retry::new(&Policy::DEFAULT, &clock).named("uplink.send").observe(DefmtLog);
/// # let _ = uplink;
/// ```
#[derive(Clone, Copy, Debug, Default, defmt::Format)]
pub struct DefmtLog;

impl Observer for DefmtLog {
    /// It is one function instead of a copy at each event, because formatting a line takes much code.
    #[inline(never)]
    fn observe(&self, event: &Event<'_>) {
        match Level::of(event) {
            Level::Error => defmt::error!("{}", Line(event)),
            Level::Warn => defmt::warn!("{}", Line(event)),
            Level::Info => defmt::info!("{}", Line(event)),
            Level::Debug => defmt::debug!("{}", Line(event)),
            Level::Trace => defmt::trace!("{}", Line(event)),
        }
    }
}

struct Line<'a>(&'a Event<'a>);

impl defmt::Format for Line<'_> {
    #[inline(never)]
    fn format(&self, f: defmt::Formatter<'_>) {
        let Event { operation, operation_type, key, attempt, kind, tags, .. } = self.0;
        let (name, rest) = cut(operation);
        write_clean(f, name);
        if rest {
            defmt::write!(f, "..");
        }
        if !key.is_none() {
            defmt::write!(f, "[");
            write_clean(f, key.as_str());
            key.format_digest(f);
            defmt::write!(f, "]");
        }
        if !operation_type.is_empty() && operation_type != operation {
            defmt::write!(f, " (");
            write_clean(f, cut(operation_type).0);
            defmt::write!(f, ")");
        }
        let mut before = " {";
        for (name, value) in tags.iter() {
            defmt::write!(f, "{=str}{=str}=", before, name);
            write_clean(f, value);
            before = ", ";
        }
        if !tags.is_empty() {
            defmt::write!(f, "}}");
        }
        match *kind {
            EventKind::Started => defmt::write!(f, ": attempt {=u32}", attempt),
            EventKind::Succeeded => defmt::write!(f, ": attempt {=u32} succeeded", attempt),
            EventKind::Cancelled => defmt::write!(f, ": attempt {=u32} cancelled", attempt),
            EventKind::Rejected(rejected) => {
                let wait = micros(rejected.wait());
                defmt::write!(f, ": rejected, {} for another {=u64:us} s", rejected.phase(), wait);
            }
            EventKind::Failed { failure, verdict, .. } => {
                let (class, neutral) = (failure.class, if failure.is_neutral { ", neutral" } else { "" });
                match verdict {
                    Verdict::Retry(delay) => defmt::write!(
                        f,
                        ": attempt {=u32} failed ({}{=str}), retry in {=u64:us} s",
                        attempt,
                        class,
                        neutral,
                        micros(delay)
                    ),
                    Verdict::GiveUp(reason) => {
                        defmt::write!(
                            f,
                            ": gave up after attempt {=u32} ({}{=str}): {}",
                            attempt,
                            class,
                            neutral,
                            reason
                        );
                    }
                    Verdict::Rejected(rejected) => defmt::write!(
                        f,
                        ": rejected after attempt {=u32} ({}{=str}), {} for another {=u64:us} s",
                        attempt,
                        class,
                        neutral,
                        rejected.phase(),
                        micros(rejected.wait())
                    ),
                }
            }
            EventKind::BudgetEmpty => defmt::write!(f, ": the budget of retries is empty"),
            EventKind::Ended { end, elapsed } => {
                let words = match end {
                    CallEnd::GaveUp(GiveUp::Ignored) => "ignored an error",
                    CallEnd::GaveUp(_) => "gave up",
                    _ => end.name(),
                };
                match attempt {
                    0 => defmt::write!(f, ": {=str} before the first attempt", words),
                    _ => defmt::write!(f, ": {=str} after attempt {=u32}", words, attempt),
                }
                if let Some(elapsed) = elapsed {
                    defmt::write!(f, ", {=u64:us} s", micros(elapsed));
                }
            }
            EventKind::DeadLettered { kept: true } => defmt::write!(f, ": dead letter"),
            EventKind::DeadLettered { kept: false } => defmt::write!(f, ": dead letter lost"),
            EventKind::DeadLetterLeftOut { first: true } => {
                defmt::write!(f, ": too many dead letters of rejected calls: further ones are only counted");
            }
            EventKind::DeadLetterLeftOut { first: false } => defmt::write!(f, ": dead letter left out"),
            EventKind::PhaseChanged(change) => {
                defmt::write!(f, ": circuit from {} to {}: {}", change.from, change.to, change.cause);
            }
        }
    }
}

#[inline(never)]
fn write_clean(f: defmt::Formatter<'_>, text: &str) {
    for (number, part) in clean(text).enumerate() {
        if number > 0 {
            defmt::write!(f, "{=char}", char::REPLACEMENT_CHARACTER);
        }
        defmt::write!(f, "{=str}", part);
    }
}

const fn micros(duration: Duration) -> u64 {
    nanos(duration) / 1_000
}

#[cfg(test)]
mod tests {
    use crate::budget::*;
    use crate::circuit::*;
    use crate::classify::*;
    use crate::dead_letter::*;
    use crate::observe::*;
    use crate::policy::*;
    use crate::pool::*;
    use crate::record::*;
    use crate::runtime::*;
    use crate::testing::*;
    use crate::*;

    fn has_format<T: defmt::Format>() {}

    /// Lists all types for targets without an allocator. A type that lacks the format is a compile error.
    #[test]
    fn every_type_has_a_format() {
        type W = CountWindow<8>;
        type L = LocalLock;
        type C = SharedCircuit<W, L>;
        type B = SharedBudget<TokenBucket, L>;
        type P = &'static Policy;

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
        has_format::<(Attempt<'_, P, C, B>, Call<P, C, B>, Retry<FakeClock, P, C, B>, Progress)>();
        has_format::<(Admission<Ticket>, Breaker<W>, Change, ChangeCause, CircuitConfig, NoCircuit)>();
        has_format::<(C, ConstCircuit<Config, W, L>, HealthCheck<'_, W, L, FakeClock>, Snapshot<W>)>();
        has_format::<(Mode, Outcome, Phase, Settled, SlowCalls<W>, Span, Ticket, TimeWindow<4>)>();
        has_format::<(Class, ClassSet, Recovery, Severity, Failure, Key, ConfigError)>();
        has_format::<(ByClosure<()>, ByOpaque<()>, ByTrait, Messages, ClassifyOk<ByTrait, ()>)>();
        has_format::<(OnError<ByTrait, ()>, When<ByTrait, ()>, WithoutText<ByTrait>)>();
        has_format::<(FakeClock, FakeSleep<&FakeClock>, Words<'_>, LocalLock, Interrupted, Instant)>();
        has_format::<(Backoff, Deviation, Jitter, Hints, Policy, Preset, Rule)>();
        has_format::<(Cause<u8>, Error<u8>, ErrorContext, ErrorKind, GiveUp, Rejected, Verdict)>();
        has_format::<(DeadLetter<u8>, DeadLetterBuffer<u8, 4>, ImageError, Reason, WhenFull)>();
        has_format::<(ReasonSet, FixedDeadLetterQueue<u8, 4, L>, LetterAdmission, LetterId, LetterIds)>();
        has_format::<(LetterOutcome, RejectedLimit, NotAnId)>();
        has_format::<(LogBuffer<'_>, LogError, Record, RecordedStep, Recorder<'_, LogBuffer<'_>, L>)>();
        has_format::<(DefmtLog, ErrorText<'_>, Event<'_>, EventKind, Name, OfType, Tagged<DefmtLog>)>();
        has_format::<(FixedCircuit<'_, 4, W, L>, FixedCircuitPool<4, W, L>)>();
        has_format::<(Operation<W, L>, Operations<1, W, L>)>();
        #[cfg(feature = "critical-section")]
        has_format::<CriticalSectionLock>();
    }
}
