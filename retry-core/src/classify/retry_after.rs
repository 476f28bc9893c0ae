//! Parsers for `Retry-After`, for similar headers, and for HTTP dates.

use core::time::Duration;

/// Parses the value of a `Retry-After` header, and returns how long to wait; `None` if the value is invalid.
///
/// The value is a number of seconds or an HTTP date, by
/// [RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3). A number above 64 bits is `u64::MAX`
/// seconds. A date is the number of seconds from `now_unix_secs`, or zero if it has passed. Spaces and tabs around the
/// value [are ignored](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.5). Anything else makes the value invalid,
/// such as a sign, a fraction, a unit or a second value.
///
/// `now_unix_secs` is the time in seconds since 1970. Round it down, so that the wait is long enough. If the clock of
/// the machine may be wrong, take the `Date` header of the same response, by [`parse_http_date`]. On a machine without a
/// clock, use [`parse_delay_seconds`], which accepts only numbers.
///
/// ```
/// use core::time::Duration;
/// use retry_core::classify::parse_retry_after;
///
/// const NOW: u64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT
/// assert_eq!(parse_retry_after("120", NOW), Some(Duration::from_secs(120)));
/// assert_eq!(
///     parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", NOW),
///     Some(Duration::from_secs(60)),
/// );
/// assert_eq!(parse_retry_after("Sat, 05 Nov 1994 08:49:37 GMT", NOW), Some(Duration::ZERO));
/// assert_eq!(parse_retry_after("2.5", NOW), None);
/// ```
pub fn parse_retry_after(value: &str, now_unix_secs: u64) -> Option<Duration> {
    parse_delay_seconds(value).or_else(|| {
        let date = parse_http_date(trimmed(value), now_unix_secs)?;
        let date = u64::try_from(date).unwrap_or(0);
        Some(Duration::from_secs(date.saturating_sub(now_unix_secs)))
    })
}

/// Parses a header with a number of seconds, such as a `Retry-After`; `None` if the value is not a number.
///
/// The value consists of digits, with optional spaces and tabs around them. A number above 64 bits is `u64::MAX`
/// seconds.
///
/// ```
/// use core::time::Duration;
/// use retry_core::classify::parse_delay_seconds;
///
/// assert_eq!(parse_delay_seconds("0120"), Some(Duration::from_secs(120)));
/// assert_eq!(parse_delay_seconds("-1"), None);
/// ```
pub fn parse_delay_seconds(value: &str) -> Option<Duration> {
    digits(value).map(Duration::from_secs)
}

/// Parses a header with a number of milliseconds, such as `x-amz-retry-after`, `x-ms-retry-after-ms` or
/// `retry-after-ms`; `None` if the value is not a number.
///
/// The value consists of digits, with optional spaces and tabs around them. A number above 64 bits is `u64::MAX`
/// milliseconds.
///
/// ```
/// use core::time::Duration;
/// use retry_core::classify::parse_delay_millis;
///
/// assert_eq!(parse_delay_millis("5000"), Some(Duration::from_secs(5)));
/// assert_eq!(parse_delay_millis("invalid"), None);
/// ```
pub fn parse_delay_millis(value: &str) -> Option<Duration> {
    digits(value).map(Duration::from_millis)
}

/// Parses a header with a Unix time, such as `x-ratelimit-reset`, and returns how long to wait.
///
/// The value consists of digits, with optional spaces and tabs around them. It is in seconds since 1970, like
/// `now_unix_secs`. The result is `None` if the value is not a number, or if the time has passed: good responses also
/// have such headers, so a time in the past is not a hint.
///
/// ```
/// use core::time::Duration;
/// use retry_core::classify::parse_reset_time;
///
/// assert_eq!(parse_reset_time("1000000007", 1_000_000_000), Some(Duration::from_secs(7)));
/// assert_eq!(parse_reset_time("1000000000", 1_000_000_000), Some(Duration::ZERO));
/// assert_eq!(parse_reset_time("999999999", 1_000_000_000), None);
/// ```
pub fn parse_reset_time(value: &str, now_unix_secs: u64) -> Option<Duration> {
    digits(value)?.checked_sub(now_unix_secs).map(Duration::from_secs)
}

/// Parses an HTTP date, and returns it in seconds since 1970; `None` if the value is not an HTTP date.
///
/// It accepts all three forms of [RFC 9110, 5.6.7](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7), for the
/// years 0 to 9999 of the Gregorian calendar: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`.
///
/// - A year of two digits is the latest one, up to 9999, in which the date is at most 50 years after `now_unix_secs`.
///   Other forms leave `now_unix_secs` unused.
/// - The date must exist. The leap second 23:59:60 is accepted on any day, as the first second of the next day.
/// - The name of the day must be valid, but may be that of another day. Such a date is accepted, because ignoring it
///   would mean a retry sooner than the server asked.
/// - Letters must be in the case shown, and spaces before or after the date are invalid.
///
/// ```
/// use retry_core::classify::parse_http_date;
///
/// assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", 0), Some(784_111_777));
/// assert_eq!(parse_http_date("Tue, 29 Feb 2000 00:00:00 GMT", 0), Some(951_782_400));
/// assert_eq!(parse_http_date("Wed, 29 Feb 2023 00:00:00 GMT", 0), None);
///
/// let in_2026 = 1_781_481_600;
/// assert_eq!(parse_http_date("Friday, 01-Jan-99 00:00:00 GMT", in_2026), Some(915_148_800)); // 1999
/// ```
pub fn parse_http_date(value: &str, now_unix_secs: u64) -> Option<i64> {
    let mut rest = Rest(value.as_bytes());
    let day_name = rest.one_of(DAYS)?;
    let date = if rest.skip(", ") {
        rest.fixdate()
    } else if rest.skip(" ") {
        rest.asctime()
    } else if rest.skip(ENDS_OF_DAYS[day_name]) && rest.skip(", ") {
        rest.rfc850(now_unix_secs)
    } else {
        None
    }?;
    (rest.0.is_empty() && date.exists()).then(|| date.unix_secs())
}

/// A date and time of day in the Gregorian calendar. It may be one that does not exist, such as 30 February.
#[derive(Clone, Copy)]
pub(super) struct Date {
    pub(super) year: u32,
    /// From 0 to 11.
    pub(super) month: usize,
    /// From 1.
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
}

impl Date {
    pub(super) fn exists(&self) -> bool {
        let Self { hour, minute, second, .. } = *self;
        let leap_day = u32::from(self.month == FEBRUARY && is_leap(self.year));
        let days = DAYS_OF_MONTHS[self.month] + leap_day;
        (1..=days).contains(&self.day)
            && (hour < 24 && minute < 60 && second < 60 || (hour, minute, second) == (23, 59, 60))
    }

    /// Converts the date to seconds since 1970. If the day does not exist, the result is that of a later day: 29
    /// February 2023 is 1 March 2023.
    pub(super) fn unix_secs(&self) -> i64 {
        let leap_day = u32::from(self.month > FEBRUARY && is_leap(self.year));
        let before_month: u32 = DAYS_OF_MONTHS[..self.month].iter().sum();
        let days = days_before_year(self.year) + before_month + leap_day + self.day;
        let secs = (self.hour * 60 + self.minute) * 60 + self.second;
        (i64::from(days) - i64::from(FIRST_OF_1970)) * SECS_PER_DAY + i64::from(secs)
    }
}

/// The unread rest of a date. After a method has returned `None`, the rest has no meaning.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// Reads `06 Nov 1994 08:49:37 GMT`.
    fn fixdate(&mut self) -> Option<Date> {
        let day = self.number::<2>()?;
        let month = self.between(" ", " ")?;
        let year = self.number::<4>()?;
        self.time(year, month, day, " GMT")
    }

    /// Reads `06-Nov-94 08:49:37 GMT`.
    fn rfc850(&mut self, now_unix_secs: u64) -> Option<Date> {
        let day = self.number::<2>()?;
        let month = self.between("-", "-")?;
        let year = self.number::<2>()?;
        let date = self.time(year, month, day, " GMT")?;
        Some(Date { year: year_of_two_digits(date, now_unix_secs), ..date })
    }

    /// Reads `Nov  6 08:49:37 1994`.
    fn asctime(&mut self) -> Option<Date> {
        let month = self.between("", " ")?;
        let day = if self.skip(" ") { self.number::<1>()? } else { self.number::<2>()? };
        let date = self.time(0, month, day, " ")?;
        Some(Date { year: self.number::<4>()?, ..date })
    }

    /// Reads ` 08:49:37` and the text `end` after it.
    fn time(&mut self, year: u32, month: usize, day: u32, end: &str) -> Option<Date> {
        let mut part = |before| self.skip(before).then(|| self.number::<2>())?;
        let (hour, minute, second) = (part(" ")?, part(":")?, part(":")?);
        self.skip(end).then_some(Date { year, month, day, hour, minute, second })
    }

    /// Reads a month between two texts, and returns it counted from 0.
    fn between(&mut self, before: &str, after: &str) -> Option<usize> {
        if !self.skip(before) {
            return None;
        }
        let month = self.one_of(MONTHS)?;
        self.skip(after).then_some(month)
    }

    /// Reads one of these names, and returns its index.
    fn one_of(&mut self, names: &[&str]) -> Option<usize> {
        names.iter().position(|name| self.skip(name))
    }

    /// Reads `text` if it is next, and returns whether it was.
    fn skip(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text.as_bytes()) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Reads a number of exactly `N` digits. `N` is at most 4.
    fn number<const N: usize>(&mut self) -> Option<u32> {
        let (digits, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
        digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
    }
}

/// Completes a year of two digits.
///
/// A date is at most 50 years after now if the same date 50 years earlier is at or before now. So an estimate of the
/// present year is enough.
pub(super) fn year_of_two_digits(date: Date, now_unix_secs: u64) -> u32 {
    let now = now_unix_secs.min(END_OF_9999);
    // It is wrong by at most one year, and only in the days around a New Year.
    let year_of_now = 1970 + u32::try_from(now / SECS_PER_YEAR).unwrap_or(u32::MAX / 2);
    let latest = (year_of_now + 51).min(LAST_YEAR);
    let year = latest - (latest - date.year) % 100;
    let earlier = Date { year: year - 50, ..date };
    if earlier.unix_secs() > now.cast_signed() { year - 100 } else { year }
}

/// The number of days from 1 January of year 0 to 1 January of this year.
const fn days_before_year(year: u32) -> u32 {
    let leap_years = year.div_ceil(4) - year.div_ceil(100) + year.div_ceil(400);
    year * 365 + leap_years
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Parses a number, with optional white space around it. A larger number is `u64::MAX`.
fn digits(value: &str) -> Option<u64> {
    let value = trimmed(value);
    let number = |number: u64, byte| number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
    (!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| value.bytes().fold(0, number))
}

fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

const DAYS: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const ENDS_OF_DAYS: [&str; 7] = ["day", "sday", "nesday", "rsday", "day", "urday", "day"];
const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS_OF_MONTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const FEBRUARY: usize = 1;

const SECS_PER_DAY: i64 = 24 * 60 * 60;
/// The average over the 400 years of the calendar's cycle.
const SECS_PER_YEAR: u64 = 146_097 * 24 * 60 * 60 / 400;
/// 1 January 1970, in the days that [`Date::unix_secs`] counts.
const FIRST_OF_1970: u32 = days_before_year(1970) + 1;
/// The last year that an HTTP date can have.
const LAST_YEAR: u32 = 9999;
const END_OF_9999: u64 = 253_402_300_799;
