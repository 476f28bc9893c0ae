//! What services send in place of the two forms of `Retry-After` that RFC 9110 allows: fractions, units, lists, Unix
//! times and dates in other spellings.

use core::time::Duration;

use super::durations::{clock, decimal, iso8601, times, with_units};
use super::lenient_date::LenientDate;

/// Parses the value of a header that says when to come back, in any form that services are known to send. Returns how
/// long to wait, or `None` if the value is invalid.
///
/// | value | meaning | source |
/// |---|---|---|
/// | `120` | seconds | [RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3) |
/// | `120.5`, `2.0` | seconds with a fraction, rounded up to the nanosecond | [Shopify](https://shopify.dev/docs/api/usage/rate-limits), [urllib3#2861](https://github.com/urllib3/urllib3/issues/2861) |
/// | `1m0s`, `20ms`, `2 minutes` | numbers with units, from `ns` to weeks | [urllib3#1822](https://github.com/urllib3/urllib3/issues/1822), [OpenAI](https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers) |
/// | `PT1M30S` | a duration of ISO 8601 | [RFC 3339, appendix A](https://www.rfc-editor.org/rfc/rfc3339.html#appendix-A) |
/// | `00:00:30`, `1.02:03:04` | hours, minutes and seconds, with days before the dot | [.NET's `TimeSpan`](https://learn.microsoft.com/dotnet/standard/base-types/standard-timespan-format-strings) |
/// | `1784000008`, `1784000008000` | from 10^9 on, a Unix time in seconds; from 10^11 on, in milliseconds; from 10^14 on, in microseconds; from 10^17 on, in nanoseconds | [go-retryablehttp#248](https://github.com/hashicorp/go-retryablehttp/issues/248), [Rocket.Chat](https://github.com/RocketChat/docs-old/pull/1358) |
/// | an HTTP date in any case and order of its parts, with any time zone | that time | [RFC 9110, 5.6.7](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7) asks recipients to be robust; [RFC 6265, 5.1.1](https://www.rfc-editor.org/rfc/rfc6265.html#section-5.1.1) |
/// | `2026-07-14T03:34:20Z` | that time | [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339.html#section-5.6), [Anthropic](https://docs.anthropic.com/en/api/rate-limits#response-headers) |
/// | `30, 60` | the longest of a list; invalid parts are left out | [RFC 9110, 5.3](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.3) |
/// | `20;w=60`, `"20"` | 20: parameters and quotes are left out | [RFC 9651, 3.1.2](https://www.rfc-editor.org/rfc/rfc9651.html#section-3.1.2) |
///
/// A time that has passed is a wait of zero, and a time without a zone is in UTC. Numbers saturate. A negative number
/// and any other text are invalid. `now_unix_secs` is the time in seconds since 1970, rounded down, so that a wait is
/// never too short. The work is linear in the length of the value.
///
/// [`parse_retry_after`](super::parse_retry_after) accepts only the forms of the RFC.
///
/// ```
/// use core::time::Duration;
/// use retry_core::classify::parse_hint;
///
/// const NOW: u64 = 1_784_000_000;
/// assert_eq!(parse_hint("120.5", NOW), Some(Duration::from_millis(120_500)));
/// assert_eq!(parse_hint("1m0s", NOW), Some(Duration::from_secs(60)));
/// assert_eq!(parse_hint("PT1M", NOW), Some(Duration::from_secs(60)));
/// assert_eq!(parse_hint("1784000008", NOW), Some(Duration::from_secs(8)));
/// assert_eq!(parse_hint("tue, 14 jul 2026 03:34:20 utc", NOW), Some(Duration::from_secs(60)));
/// assert_eq!(parse_hint("2026-07-14T03:34:20Z", NOW), Some(Duration::from_secs(60)));
/// assert_eq!(parse_hint("-1", NOW), None);
/// ```
pub fn parse_hint(value: &str, now_unix_secs: u64) -> Option<Duration> {
    longest(value, || now_unix_secs)
}

/// Returns the longest wait of the parts of a list. The clock is read only for dates and Unix times.
pub(super) fn longest(value: &str, now: impl Fn() -> u64) -> Option<Duration> {
    let mut longest = None;
    let mut rest = Some(value);
    while let Some(list) = rest {
        let (part, after) = split(list);
        // A date may have a comma of its own, as in `Tue, 14 Jul` and `July 14, 2026`.
        let dated = after.and_then(|after| {
            let (day, rest) = split(after);
            Some((date(trimmed(&list[..part.len() + 1 + day.len()]), &now)?, rest))
        });
        let (wait, after) = match dated {
            Some((wait, after)) => (Some(wait), after),
            None => (one(part, &now), after),
        };
        longest = longest.max(wait);
        rest = after;
    }
    longest
}

/// Returns a wait in milliseconds, the longest of a list, such as that of `retry-after-ms`. Fractions are rounded up to
/// the nanosecond.
#[cfg(feature = "http")]
pub(super) fn longest_in_millis(value: &str) -> Option<Duration> {
    let one = |part| {
        let (number, rest) = decimal(bare(part))?;
        match rest.trim_start_matches(' ') {
            "" => Some(times(number, 1, 1_000)),
            _ => with_units(bare(part)),
        }
    };
    value.split(',').filter_map(one).max()
}

/// Returns whether a number of a list is zero; `None` if it has no number.
#[cfg(feature = "http")]
pub(super) fn has_zero(value: &str) -> Option<bool> {
    let number = |part| decimal(bare(part)).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number);
    value.split(',').filter_map(number).min().map(|least| least.is_zero())
}

/// Returns the part before the first comma, and the rest after it.
fn split(list: &str) -> (&str, Option<&str>) {
    match list.split_once(',') {
        Some((part, after)) => (part, Some(after)),
        None => (list, None),
    }
}

fn one(part: &str, now: &impl Fn() -> u64) -> Option<Duration> {
    let part = bare(part);
    match decimal(part) {
        Some((number, "")) => Some(seconds_or_time(number, now)),
        _ => with_units(part)
            .filter(|_| !part.is_empty())
            .or_else(|| iso8601(part))
            .or_else(|| clock(part))
            .or_else(|| date(part, now)),
    }
}

/// Takes a large number for a Unix time.
fn seconds_or_time(number: Duration, now: &impl Fn() -> u64) -> Duration {
    let time = match number.as_secs() {
        FIRST_UNIX_TIME..FIRST_UNIX_MILLIS => number,
        FIRST_UNIX_MILLIS..FIRST_UNIX_MICROS => times(number, 1, 1_000),
        FIRST_UNIX_MICROS..FIRST_UNIX_NANOS => times(number, 1, 1_000_000),
        FIRST_UNIX_NANOS..FIRST_TOO_LONG => times(number, 1, 1_000_000_000),
        _ => return number,
    };
    time.saturating_sub(Duration::from_secs(now()))
}

/// Returns how long it is until a date, in whole seconds.
fn date(value: &str, now: &impl Fn() -> u64) -> Option<Duration> {
    let date = LenientDate::parse(value)?;
    let now = now();
    let secs = u64::try_from(date.unix_secs(|| now)).unwrap_or(0);
    Some(Duration::from_secs(secs.saturating_sub(now)))
}

/// Strips the parameters, the white space, the quotes and a plus sign of a part.
fn bare(part: &str) -> &str {
    let item = trimmed(part.split(';').next().unwrap_or(part));
    let item = item.strip_prefix('"').and_then(|item| item.strip_suffix('"')).map_or(item, trimmed);
    item.strip_prefix('+').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(item)
}

fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// In seconds: in the year 2001. As a wait, it would be 31 years.
const FIRST_UNIX_TIME: u64 = 1_000_000_000;
/// In milliseconds: in the year 1973.
const FIRST_UNIX_MILLIS: u64 = 100_000_000_000;
/// In microseconds: in the year 1973.
const FIRST_UNIX_MICROS: u64 = 100_000_000_000_000;
/// In nanoseconds: in the year 1973.
const FIRST_UNIX_NANOS: u64 = 100_000_000_000_000_000;
/// In nanoseconds: in the year 2286. A number that was cut to 64 bits is above it.
const FIRST_TOO_LONG: u64 = 10_000_000_000_000_000_000;
