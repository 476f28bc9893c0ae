//! Durations in the spellings of programming languages and standards: `1m0s`, `PT2S`, `00:00:30`.

use core::time::Duration;

/// Parses one number with its unit, or several of them: `1m0s`, `20ms`, `2 minutes`. The sum saturates.
pub(super) fn with_units(value: &str) -> Option<Duration> {
    sum(value, UNITS)
}

/// Parses a duration of ISO 8601, such as `PT1M30S`. A month is taken for 31 days and a year for 366, so that the wait
/// is never too short.
pub(super) fn iso8601(value: &str) -> Option<Duration> {
    let value = value.strip_prefix(['P', 'p'])?;
    let (days, time) = match value.split_once(['T', 't']) {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (value, ""),
    };
    let part = |text: &str, units| if text.is_empty() { Some(Duration::ZERO) } else { sum(text, units) };
    let both = part(days, ISO_DAYS)?.saturating_add(part(time, ISO_TIME)?);
    (!value.is_empty()).then_some(both)
}

/// Parses hours, minutes and seconds, as .NET writes a `TimeSpan`: `00:00:30`, `1.02:03:04.5`.
pub(super) fn clock(value: &str) -> Option<Duration> {
    let (hours, rest) = value.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let (days, hours) = hours.split_once('.').unwrap_or(("0", hours));
    let whole = |text: &str, by| {
        let (number, rest) = decimal(text)?;
        (rest.is_empty() && !text.contains('.')).then(|| times(number, by, 1))
    };
    let (seconds, rest) = decimal(seconds)?;
    let parts = [whole(days, 86_400)?, whole(hours, 3_600)?, whole(minutes, 60)?, seconds];
    rest.is_empty().then(|| parts.into_iter().fold(Duration::ZERO, Duration::saturating_add))
}

/// Parses a decimal number at the start, as seconds, and returns what follows it. More than nine places are rounded up.
pub(super) fn decimal(value: &str) -> Option<(Duration, &str)> {
    let digits = |text: &str| text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = value.split_at(digits(value));
    let secs = whole
        .bytes()
        .fold(0_u64, |secs, byte| secs.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
    let Some(fraction) = rest.strip_prefix('.') else {
        return (!whole.is_empty()).then_some((Duration::from_secs(secs), rest));
    };
    let (fraction, rest) = fraction.split_at(digits(fraction));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (places, beyond) = fraction.split_at(fraction.len().min(9));
    let nanos = places.bytes().fold(0_u32, |nanos, byte| nanos * 10 + u32::from(byte - b'0'));
    let nanos = (places.len()..9).fold(nanos, |nanos, _| nanos * 10);
    let up = u32::from(beyond.bytes().any(|byte| byte != b'0'));
    let part = Duration::from_nanos(u64::from(nanos + up));
    Some((Duration::from_secs(secs).saturating_add(part), rest))
}

/// Returns `by / per` of a duration, rounded up to the nanosecond. The result saturates.
pub(super) fn times(duration: Duration, by: u32, per: u32) -> Duration {
    let nanos = duration.as_nanos().saturating_mul(u128::from(by)).div_ceil(u128::from(per));
    let (secs, nanos) = (nanos / NANOS_PER_SEC, nanos % NANOS_PER_SEC);
    #[allow(clippy::cast_possible_truncation)] // below 10^9
    let nanos = nanos as u32;
    u64::try_from(secs).map_or(Duration::MAX, |secs| Duration::new(secs, nanos))
}

/// The sum of numbers with units.
fn sum(value: &str, units: &[Unit]) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = value;
    while !rest.is_empty() {
        let (number, after) = decimal(rest)?;
        let after = after.trim_start_matches(' ');
        let unit = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let is_it = |unit: &&Unit, name: &str| unit.0.iter().any(|known| known.eq_ignore_ascii_case(name));
        let (_, by, per) = units.iter().find(|known| is_it(known, &after[..unit]))?;
        sum = sum.saturating_add(times(number, *by, *per));
        rest = after[unit..].trim_start_matches(' ');
    }
    Some(sum)
}

/// The names of a unit, and the seconds in it as a fraction.
type Unit = (&'static [&'static str], u32, u32);

const UNITS: &[Unit] = &[
    (&["ns"], 1, 1_000_000_000),
    (&["us", "\u{b5}s", "\u{3bc}s"], 1, 1_000_000),
    (&["ms", "msec", "msecs", "millis", "millisecond", "milliseconds"], 1, 1_000),
    (&["s", "sec", "secs", "second", "seconds"], 1, 1),
    (&["m", "min", "mins", "minute", "minutes"], 60, 1),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600, 1),
    (&["d", "day", "days"], 86_400, 1),
    (&["w", "week", "weeks"], 7 * 86_400, 1),
];
const ISO_DAYS: &[Unit] =
    &[(&["Y"], 366 * 86_400, 1), (&["M"], 31 * 86_400, 1), (&["W"], 7 * 86_400, 1), (&["D"], 86_400, 1)];
const ISO_TIME: &[Unit] = &[(&["H"], 3_600, 1), (&["M"], 60, 1), (&["S"], 1, 1)];
const NANOS_PER_SEC: u128 = 1_000_000_000;
