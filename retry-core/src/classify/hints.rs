//! What services send in place of the two forms of `Retry-After` that RFC 9110 allows: fractions, units, lists, Unix
//! times and dates in other spellings.

use core::time::Duration;

use super::retry_after::{MONTHS, parse_http_date};

/// How long to wait by the value of a header that says when to come back, in any form that services are known to send;
/// `None` for a value that says nothing.
///
/// | value | meaning | sent by |
/// |---|---|---|
/// | `120` | seconds | [RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3) |
/// | `120.5`, `2.0` | seconds with a fraction, rounded up to the nanosecond | [Shopify](https://shopify.dev/docs/api/usage/rate-limits), [urllib3#2861](https://github.com/urllib3/urllib3/issues/2861) |
/// | `1m0s`, `20ms`, `2 minutes` | a number with its unit | [urllib3#1822](https://github.com/urllib3/urllib3/issues/1822) |
/// | `1784000008`, `1784000008000` | from 10^9 on, a Unix time: below 10^11 in seconds, else in milliseconds | [go-retryablehttp#248](https://github.com/hashicorp/go-retryablehttp/issues/248) |
/// | an HTTP date in any case, with `UTC` or an offset, or as in RFC 3339 | that time | [RFC 9110, 5.6.7](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7) asks recipients to be robust |
/// | `30, 60` | the longest of a list; what cannot be read is left out | [RFC 9110, 5.3](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.3) |
///
/// A time that has passed is a wait of zero. Numbers saturate. A sign or any other text says nothing.
/// `now_unix_secs` are the seconds since 1970, rounded down, so that a wait is never too short. The time it takes is
/// linear in the length of the value.
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
/// assert_eq!(parse_hint("1784000008", NOW), Some(Duration::from_secs(8)));
/// assert_eq!(parse_hint("tue, 14 jul 2026 03:34:20 utc", NOW), Some(Duration::from_secs(60)));
/// assert_eq!(parse_hint("2026-07-14T03:34:20Z", NOW), Some(Duration::from_secs(60)));
/// assert_eq!(parse_hint("-1", NOW), None);
/// ```
pub fn parse_hint(value: &str, now_unix_secs: u64) -> Option<Duration> {
    Hint::read(value).map(|hint| hint.wait(|| now_unix_secs))
}

/// A hint before a clock was read, because most need none.
#[derive(Clone, Copy)]
pub(super) enum Hint<'a> {
    Wait(Duration),
    /// The time since 1970.
    Until(Duration),
    /// A list, or a date: at least one part is readable.
    Text(&'a str),
}

impl<'a> Hint<'a> {
    pub(super) fn read(value: &'a str) -> Option<Self> {
        let value = value.trim_matches([' ', '\t']);
        number(value).or_else(|| {
            longest(value, 0)?;
            Some(Self::Text(value))
        })
    }

    pub(super) fn wait(self, now_unix_secs: impl FnOnce() -> u64) -> Duration {
        match self {
            Self::Wait(wait) => wait,
            Self::Until(time) => time.saturating_sub(Duration::from_secs(now_unix_secs())),
            Self::Text(value) => longest(value, now_unix_secs()).unwrap_or_default(),
        }
    }
}

/// The longest wait of the parts of a list. A date has a comma of its own.
fn longest(value: &str, now: u64) -> Option<Duration> {
    let mut longest = None;
    let mut rest = Some(value);
    while let Some(list) = rest {
        let (part, after) = split(list);
        let dated = after.and_then(|after| {
            let (day, rest) = split(after);
            let whole = list[..part.len() + 1 + day.len()].trim_matches([' ', '\t']);
            Some((date(whole, now)?, rest))
        });
        let (wait, after) = match dated {
            Some((wait, after)) => (Some(wait), after),
            None => {
                let part = part.trim_matches([' ', '\t']);
                let wait = number(part).map(|hint| hint.wait(|| now)).or_else(|| date(part, now));
                (wait, after)
            }
        };
        longest = longest.max(wait);
        rest = after;
    }
    longest
}

/// What is before the first comma, and what is after it.
fn split(list: &str) -> (&str, Option<&str>) {
    match list.split_once(',') {
        Some((part, after)) => (part, Some(after)),
        None => (list, None),
    }
}

/// A number of seconds, a Unix time, or numbers with units.
fn number(value: &str) -> Option<Hint<'static>> {
    let (seconds, rest) = decimal(value)?;
    if rest.is_empty() {
        let time = match seconds.as_secs() {
            FIRST_UNIX_TIME..FIRST_UNIX_MILLIS => seconds,
            FIRST_UNIX_MILLIS..FIRST_TOO_LONG => times(seconds, 1, 1_000),
            _ => return Some(Hint::Wait(seconds)),
        };
        return Some(Hint::Until(time));
    }
    let mut sum = Duration::ZERO;
    let mut rest = value;
    while !rest.is_empty() {
        let (number, after) = decimal(rest)?;
        let after = after.trim_start_matches(' ');
        let unit = after.len() - after.trim_start_matches(|c: char| c.is_alphabetic()).len();
        let (_, by, per) = UNITS
            .iter()
            .find(|(names, ..)| names.iter().any(|name| name.eq_ignore_ascii_case(&after[..unit])))?;
        sum = sum.saturating_add(times(number, *by, *per));
        rest = after[unit..].trim_start_matches(' ');
    }
    Some(Hint::Wait(sum))
}

/// A decimal number at the start, as seconds, and what follows it. More than nine places are rounded up.
fn decimal(value: &str) -> Option<(Duration, &str)> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (whole, rest) = value.split_at(digits(value));
    if whole.is_empty() {
        return None;
    }
    let secs = whole
        .bytes()
        .fold(0_u64, |secs, byte| secs.saturating_mul(10).saturating_add(u64::from(byte - b'0')));
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some((Duration::from_secs(secs), rest));
    };
    let (fraction, rest) = fraction.split_at(digits(fraction));
    let (places, beyond) = fraction.split_at(fraction.len().min(9));
    let nanos = places.bytes().fold(0_u32, |nanos, byte| nanos * 10 + u32::from(byte - b'0'));
    let nanos = (places.len()..9).fold(nanos, |nanos, _| nanos * 10);
    let up = u32::from(beyond.bytes().any(|byte| byte != b'0'));
    let part = Duration::from_nanos(u64::from(nanos + up));
    Some((Duration::from_secs(secs).saturating_add(part), rest))
}

/// `by / per` of a duration, rounded up to the nanosecond; saturates.
fn times(duration: Duration, by: u32, per: u32) -> Duration {
    let nanos = duration.as_nanos().saturating_mul(u128::from(by)).div_ceil(u128::from(per));
    let (secs, nanos) = (nanos / NANOS_PER_SEC, nanos % NANOS_PER_SEC);
    #[allow(clippy::cast_possible_truncation)] // below 10^9
    Duration::new(u64::try_from(secs).unwrap_or(u64::MAX), nanos as u32)
}

/// How long it is until a date, in whole seconds.
fn date(value: &str, now: u64) -> Option<Duration> {
    let secs = parse_http_date(value, now).or_else(|| {
        let mut spelled = Spelled::default();
        let later = spelled.spell(value)?;
        let local = parse_http_date(core::str::from_utf8(&spelled.text[..spelled.len]).ok()?, now)?;
        Some(local.saturating_add(later))
    })?;
    Some(Duration::from_secs(u64::try_from(secs).unwrap_or(0).saturating_sub(now)))
}

/// A date in the spelling of RFC 9110, `Sun, 06 Nov 1994 08:49:37 GMT`. The name of the day means nothing.
#[derive(Default)]
struct Spelled {
    text: [u8; 29],
    len: usize,
}

impl Spelled {
    /// Spells a date and returns how many seconds its time zone is to be corrected by.
    fn spell(&mut self, value: &str) -> Option<i64> {
        if value.len() > 64 || !value.is_ascii() {
            return None;
        }
        let (date, month, year, time, zone);
        let mut parts = value.split([' ', '\t', ',', '-']).filter(|part| !part.is_empty());
        if value.as_bytes().first()?.is_ascii_digit() && value.as_bytes().get(4) == Some(&b'-') {
            // RFC 3339: 1994-11-06T08:49:37Z
            (year, date) = (&value[..4], value.get(8..10)?);
            month = MONTHS.get(value.get(5..7)?.parse::<usize>().ok()?.checked_sub(1)?)?;
            if value.as_bytes()[7] != b'-' || !matches!(value.as_bytes().get(10)?, b'T' | b't' | b' ') {
                return None;
            }
            let rest = value.get(11..)?;
            let end = rest.find(|c: char| !matches!(c, '0'..='9' | ':' | '.')).unwrap_or(rest.len());
            (time, zone) = (&rest[..end], rest[end..].trim());
        } else {
            let first = parts.next()?;
            let named = first.bytes().all(|byte| byte.is_ascii_alphabetic());
            date = if named { parts.next()? } else { first };
            let name = parts.next()?;
            month = MONTHS.iter().find(|month| month.eq_ignore_ascii_case(name))?;
            (year, time) = (parts.next()?, parts.next()?);
            let start = time.as_ptr() as usize - value.as_ptr() as usize + time.len();
            zone = value[start..].trim();
        }
        let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
        let up = i64::from(fraction.bytes().any(|byte| byte != b'0'));
        self.push("Sun, ")?;
        self.push(if date.len() == 1 { "0" } else { "" })?;
        for text in [date, " ", month, " ", year, " ", time, " GMT"] {
            self.push(text)?;
        }
        Some(up - offset(zone)?)
    }

    fn push(&mut self, text: &str) -> Option<()> {
        let end = self.len + text.len();
        self.text.get_mut(self.len..end)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Some(())
    }
}

/// The seconds by which a time zone is ahead of UTC: `GMT`, `UTC`, `Z`, `+0200`, `-05:30`.
fn offset(zone: &str) -> Option<i64> {
    if ["GMT", "UTC", "UT", "Z"].iter().any(|utc| utc.eq_ignore_ascii_case(zone)) {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let part = |at: core::ops::Range<usize>| {
        let digits = zone.get(at)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let minutes = match zone.len() {
        5 => part(3..5)?,
        6 if zone.as_bytes()[3] == b':' => part(4..6)?,
        _ => return None,
    };
    Some(sign * (part(1..3)? * 3_600 + minutes * 60))
}

/// The names of a unit, and the seconds in it as a fraction.
const UNITS: &[(&[&str], u32, u32)] = &[
    (&["ns"], 1, 1_000_000_000),
    (&["us", "\u{b5}s", "\u{3bc}s"], 1, 1_000_000),
    (&["ms", "msec", "msecs", "millisecond", "milliseconds"], 1, 1_000),
    (&["s", "sec", "secs", "second", "seconds"], 1, 1),
    (&["m", "min", "mins", "minute", "minutes"], 60, 1),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600, 1),
    (&["d", "day", "days"], 86_400, 1),
];

/// In seconds: in the year 2001. As a wait, it would be 31 years.
const FIRST_UNIX_TIME: u64 = 1_000_000_000;
/// In milliseconds: in the year 1973.
const FIRST_UNIX_MILLIS: u64 = 100_000_000_000;
/// More than any Unix time in milliseconds up to the year 5138.
const FIRST_TOO_LONG: u64 = 100_000_000_000_000;
const NANOS_PER_SEC: u128 = 1_000_000_000;
