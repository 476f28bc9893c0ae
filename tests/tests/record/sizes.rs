//! The size of a decision in a log.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use retry_core::{
    Backoff, Call, Class, Failure, Instant, Jitter, Policy, Retry, Rule, Verdict,
    policy::Hints,
    record::{LogBuffer, LogWriter, Record, RecordedStep, Recorder, Records, Replay},
    runtime::LocalLock,
    testing::FakeClock,
};

const SECOND: Duration = Duration::from_secs(1);

/// The sizes of the records of a log.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) records: u32,
    pub(crate) most: usize,
    /// How many take more than 16 bytes.
    pub(crate) over: u32,
    sum: u32,
}

impl Sizes {
    /// Returns the sizes, and checks that each record has exactly the documented size.
    pub(crate) fn of(log: &[u8]) -> Self {
        let mut sizes = Self::default();
        let mut records = Records::new(log).unwrap();
        let mut due = HashMap::new();
        let mut before = records.at();
        while let Some(record) = records.next() {
            let (record, size) = (record.unwrap(), records.at() - before);
            before = records.at();
            assert_eq!(size, documented(&record, &mut due), "{record:?}");
            sizes.records += 1;
            sizes.sum += u32::try_from(size).unwrap();
            sizes.most = sizes.most.max(size);
            sizes.over += u32::from(size > 16);
        }
        sizes
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { records, most, over, sum } = self;
        let mean = f64::from(*sum) / f64::from(*records);
        write!(f, "{records} records: {mean:.2} bytes each, at most {most}; {over} over 16")
    }
}

/// Returns the size by the documentation of `Records`. It does not support words of other generators and dropped
/// attempts.
fn documented(record: &Record, due: &mut HashMap<u16, u128>) -> usize {
    let due = due.entry(record.call).or_default();
    if record.first {
        *due = 0;
    }
    let mut size = 4 + if record.call < 128 { 1 } else { 2 };
    let (mut time, mut later) = (0, true);
    if let Some(elapsed) = record.elapsed {
        (time, later) = (elapsed.as_nanos().abs_diff(*due), elapsed.as_nanos() >= *due);
        size += bytes(time);
        *due = elapsed.as_nanos();
    }
    let (span, hint) = match record.step {
        RecordedStep::Decided { hint, rule, is_last, verdict, .. } => {
            size += usize::from(is_last || rule.is_some_and(|rule| rule > 1));
            let span = match verdict {
                Verdict::Retry(delay) => delay,
                Verdict::GiveUp(_) => Duration::ZERO,
                Verdict::Rejected(rejected) => rejected.wait(),
            };
            if let Verdict::Retry(delay) = verdict {
                *due += delay.as_nanos();
            }
            (span, hint)
        }
        RecordedStep::Refused(rejected) => (rejected.wait(), None),
        _ => unreachable!("there are two kinds of steps"),
    };
    let ends = |time: &Duration| time.as_nanos() < u64::MAX.into();
    if hint != Some(span) && ends(&span) {
        let span = span.as_nanos();
        size += bytes(span);
        if later && bytes(time) == 5 && bytes(span) == 5 && (time | span) < 1 << 36 {
            size -= 1; // half a byte of each is not needed
        }
    }
    size + hint.filter(ends).map_or(0, of_hint)
}

fn bytes(number: u128) -> usize {
    (u128::BITS - number.leading_zeros()).div_ceil(8) as usize
}

fn of_hint(hint: Duration) -> usize {
    let of = |number: u128, within: &[usize]| {
        within.iter().copied().find(|length| bytes(number) <= *length).unwrap_or(8)
    };
    let nanos = hint.as_nanos();
    let mut shortest = of(nanos, &[3, 4, 5]);
    if nanos.is_multiple_of(1_000_000) {
        shortest = shortest.min(of(nanos / 1_000_000, &[1, 2, 3, 4]));
    }
    if nanos.is_multiple_of(1_000_000_000) {
        shortest = shortest.min(of(nanos / 1_000_000_000, &[0, 1, 2, 3, 4]));
    }
    shortest
}

/// A call that retries for a day needs no more bytes per decision, however many attempts it makes.
#[test]
fn a_day_of_retries_takes_at_most_16_bytes_per_decision() {
    const ENDLESS: Policy = Policy::exponential(Duration::from_millis(100))
        .max_delay(SECOND.saturating_mul(60))
        .max_attempts(u32::MAX);
    let clock = FakeClock::new();
    let log = Recorder::new(LogWriter(Vec::new()), 42);
    let call = log.call();
    let mut attempts = 0;
    let retry = Retry::new(&ENDLESS, log.entropy(&clock)).observe(&call);
    let end = retry.run_blocking(|| {
        attempts += 1;
        clock.advance(Duration::from_nanos(1_234_567_891));
        if clock.now() < Instant::from_nanos(86_400_000_000_000) { Err(Class::Network) } else { Ok(()) }
    });
    assert!(end.is_ok() && attempts > 2_000);
    let log = log.into_sink().0;
    let sizes = Sizes::of(&log);
    println!("{sizes}");
    assert_eq!((sizes.most, sizes.over), (14, 0));
    assert_eq!(Replay::new(&ENDLESS, &log).unwrap().run().unwrap().decisions, attempts - 1);
}

const FIRST: &Rule = &Rule::ANY.backoff(Backoff::fixed(Duration::from_secs(1_000)));
const SECOND_RULE: &Rule = &Rule::ANY.backoff(Backoff::fixed(Duration::from_secs(2_000)));
const RULES: [&Rule; 2] = [FIRST, SECOND_RULE];

/// Makes one failed attempt under this policy, with this duration and failure. Returns the size of its decision.
fn one(policy: &Policy, took: Duration, failure: Failure) -> usize {
    let mut bytes = [0; 100];
    let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(&mut bytes), 7).rules(&RULES);
    let observer = log.call();
    let mut call = Call::new(policy, Instant::ORIGIN).observe(&observer);
    let attempt = call.attempt(Instant::ORIGIN).unwrap();
    let end = Instant::from_nanos(u64::try_from(took.as_nanos()).unwrap());
    assert!(matches!(attempt.fail(failure, end, &mut log.rng()), Verdict::Retry(_)));
    drop(call);
    let log = log.into_sink();
    assert_eq!(Sizes::of(log.bytes()).records, 1);
    assert_eq!(Replay::new(policy, log.bytes()).unwrap().rules(&RULES).run().unwrap().decisions, 1);
    log.bytes().len() - 16
}

#[test]
fn decisions_that_fit_into_16_bytes_and_some_that_do_not() {
    const LONG: Policy = Policy::fixed(SECOND.saturating_mul(1_000)).jitter(Jitter::None);
    const MINUTE: Policy =
        Policy::fixed(SECOND.saturating_mul(68)).max_delay(SECOND.saturating_mul(68)).jitter(Jitter::None);
    const SHORT: Policy =
        Policy::fixed(SECOND.saturating_mul(4)).max_delay(SECOND.saturating_mul(4)).jitter(Jitter::None);
    const EXACT: Policy = LONG.hints(Hints::Exact);
    let (seconds, minute, minutes) = (4 * SECOND, 68 * SECOND, 1_080 * SECOND);
    let plain = Failure::new(Class::Network);
    let (after_s, after_ms) =
        (plain.retry_after(3 * SECOND), plain.retry_after(Duration::from_millis(2_900)));
    #[rustfmt::skip]
    let table = [
        // policy, took, failure, bytes: 5, time, span, hint, rule
        (&LONG,   Duration::ZERO, plain,                       5 + 5),
        (&LONG,   minutes,        plain,                       5 + 5 + 5),
        (&LONG,   minutes,        plain.under(FIRST),          5 + 5 + 5),
        (&LONG,   minutes,        plain.under(SECOND_RULE),    5 + 5 + 5 + 1),
        (&LONG,   minutes,        after_s.under(FIRST),        5 + 5 + 5 + 1),
        (&LONG,   seconds,        after_ms.under(FIRST),       5 + 4 + 5 + 2),
        (&LONG,   seconds,        after_s.under(SECOND_RULE),  5 + 4 + 5 + 1 + 1),
        (&MINUTE, minute,         plain,                       5 + 9),
        (&MINUTE, minute,         after_ms.under(FIRST),       5 + 9 + 2),
        (&MINUTE, minute,         after_s.under(SECOND_RULE),  5 + 9 + 1 + 1),
        (&SHORT,  minutes,        after_s.under(SECOND_RULE),  5 + 5 + 4 + 1 + 1),
        (&SHORT,  seconds,        after_ms.under(SECOND_RULE), 5 + 4 + 4 + 2 + 1),
        (&EXACT,  minutes,        after_ms.under(SECOND_RULE), 5 + 5 + 2 + 1), // the delay is the hint
        // These do not fit.
        (&LONG,   minutes,        after_s.under(SECOND_RULE),  5 + 5 + 5 + 1 + 1),
        (&LONG,   minutes,        after_ms,                    5 + 5 + 5 + 2),
        (&MINUTE, minute,         after_ms.under(SECOND_RULE), 5 + 9 + 2 + 1),
        (&LONG,   20 * minutes,   after_ms.under(SECOND_RULE), 5 + 6 + 5 + 2 + 1),
    ];
    for (policy, took, failure, bytes) in table {
        assert_eq!(one(policy, took, failure), bytes, "{took:?} {failure:?}");
    }
}
