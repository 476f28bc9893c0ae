//! When a server wants to be asked again: `Retry-After` and its relatives, and the dates of HTTP.

use core::time::Duration;

/// How long to wait by the value of a `Retry-After` header; `None` for one that says nothing.
///
/// The value is a number of seconds or an HTTP date, by
/// [RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3). A number too large for 64 bits
/// is `u64::MAX` seconds; a date gives the whole seconds from `now_unix_secs`, zero where it has passed. Spaces
/// and tabs around the value [are no part of it](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.5).
/// Whatever else is there, a sign, a fraction, a unit, a second value, makes it say nothing.
///
/// `now_unix_secs` are the seconds since 1970, rounded down: then a wait is never too short. A machine whose clock
/// is off does best to take them from the `Date` of the same response, by [`parse_http_date`]; without any clock
/// there is [`parse_delay_seconds`], which knows no dates.
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

/// How long to wait by a header that counts seconds, such as a `Retry-After` that is never a date; `None` for one
/// that is no number.
///
/// Digits only, but for spaces and tabs around them. What is too large for 64 bits is `u64::MAX` seconds.
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

/// How long to wait by a header that counts milliseconds, such as `x-amz-retry-after`, `x-ms-retry-after-ms` or
/// `retry-after-ms`; `None` for one that is no number.
///
/// Digits only, but for spaces and tabs around them. What is too large for 64 bits is `u64::MAX` milliseconds.
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

/// How long to wait by a header that holds a Unix time, such as `x-ratelimit-reset`; `None` for one that is no
/// number or has passed.
///
/// Digits only, but for spaces and tabs around them; seconds since 1970, as `now_unix_secs`. Such a header comes
/// with good answers, too, so unlike a `Retry-After` of the past it does not say "at once" but nothing any more.
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

/// The Unix time, in seconds, of an HTTP date; `None` for what is not exactly one.
///
/// All three forms of [RFC 9110, 5.6.7](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.7), for the years
/// 0 to 9999 of the Gregorian calendar: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`.
///
/// - `now_unix_secs` matters only for a year of two digits: it is the latest such year, up to 9999, in which the
///   date is not more than 50 years after now.
/// - The date must exist. The leap second 23:59:60 does, on any day, and is the first second of the next day.
/// - The day's name must be one, but not that of the date. It adds nothing to a date, and who writes a date by
///   hand gets it wrong; to ignore the date for it would be to come back sooner than asked.
/// - Letters are in the case shown, and there is no space before or after.
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

/// A date and time of day by the Gregorian calendar, possibly none that exists.
#[derive(Clone, Copy)]
struct Date {
    year: u32,
    /// From 0.
    month: usize,
    /// From 1.
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

impl Date {
    fn exists(&self) -> bool {
        let Self { hour, minute, second, .. } = *self;
        let leap_day = u32::from(self.month == FEBRUARY && is_leap(self.year));
        let days = DAYS_OF_MONTHS[self.month] + leap_day;
        (1..=days).contains(&self.day)
            && (hour < 24 && minute < 60 && second < 60 || (hour, minute, second) == (23, 59, 60))
    }

    /// What does not exist counts on: a 29 February is a 1 March.
    fn unix_secs(&self) -> i64 {
        let leap_day = u32::from(self.month > FEBRUARY && is_leap(self.year));
        let before_month: u32 = DAYS_OF_MONTHS[..self.month].iter().sum();
        let days = days_before_year(self.year) + before_month + leap_day + self.day;
        let secs = (self.hour * 60 + self.minute) * 60 + self.second;
        (i64::from(days) - i64::from(FIRST_OF_1970)) * SECS_PER_DAY + i64::from(secs)
    }
}

/// What is still to be read of a date. After a `None`, what is left means nothing.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// `06 Nov 1994 08:49:37 GMT`
    fn fixdate(&mut self) -> Option<Date> {
        let day = self.number::<2>()?;
        let month = self.between(" ", " ")?;
        let year = self.number::<4>()?;
        self.time(year, month, day, " GMT")
    }

    /// `06-Nov-94 08:49:37 GMT`
    fn rfc850(&mut self, now_unix_secs: u64) -> Option<Date> {
        let day = self.number::<2>()?;
        let month = self.between("-", "-")?;
        let year = self.number::<2>()?;
        let date = self.time(year, month, day, " GMT")?;
        Some(Date { year: year_of_two_digits(date, now_unix_secs), ..date })
    }

    /// `Nov  6 08:49:37 1994`
    fn asctime(&mut self) -> Option<Date> {
        let month = self.between("", " ")?;
        let day = if self.skip(" ") { self.number::<1>()? } else { self.number::<2>()? };
        let date = self.time(0, month, day, " ")?;
        Some(Date { year: self.number::<4>()?, ..date })
    }

    /// ` 08:49:37` and what follows it.
    fn time(&mut self, year: u32, month: usize, day: u32, end: &str) -> Option<Date> {
        let mut part = |before| self.skip(before).then(|| self.number::<2>())?;
        let (hour, minute, second) = (part(" ")?, part(":")?, part(":")?);
        self.skip(end).then_some(Date { year, month, day, hour, minute, second })
    }

    /// A month, from 0, with this before and that after it.
    fn between(&mut self, before: &str, after: &str) -> Option<usize> {
        if !self.skip(before) {
            return None;
        }
        let month = self.one_of(MONTHS)?;
        self.skip(after).then_some(month)
    }

    /// Which of these names is next.
    fn one_of(&mut self, names: &[&str]) -> Option<usize> {
        names.iter().position(|name| self.skip(name))
    }

    /// Whether `text` is next, and reads it if so.
    fn skip(&mut self, text: &str) -> bool {
        match self.0.strip_prefix(text.as_bytes()) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// A number of exactly `N` digits, at most 4.
    fn number<const N: usize>(&mut self) -> Option<u32> {
        let (digits, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
        digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
    }
}

/// The year of a date that has only its last two digits.
///
/// Not more than 50 years after now is the same as: 50 years before it, the date was not after now. So now needs
/// no calendar, only an estimate of its year.
fn year_of_two_digits(date: Date, now_unix_secs: u64) -> u32 {
    let now = now_unix_secs.min(END_OF_9999);
    // Wrong by a year at most, and only in days next to a New Year.
    let year_of_now = 1970 + u32::try_from(now / SECS_PER_YEAR).unwrap_or(u32::MAX / 2);
    let latest = (year_of_now + 51).min(LAST_YEAR);
    let year = latest - (latest - date.year) % 100;
    let earlier = Date { year: year - 50, ..date };
    if earlier.unix_secs() > now.cast_signed() { year - 100 } else { year }
}

/// The days from the first of year 0 to the first of this year.
const fn days_before_year(year: u32) -> u32 {
    let leap_years = year.div_ceil(4) - year.div_ceil(100) + year.div_ceil(400);
    year * 365 + leap_years
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// The number that this is, without the white space around it; `u64::MAX` where it is larger.
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
pub(super) const MONTHS: &[&str] =
    &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS_OF_MONTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const FEBRUARY: usize = 1;

const SECS_PER_DAY: i64 = 24 * 60 * 60;
/// On average, over the calendar's 400 years.
const SECS_PER_YEAR: u64 = 146_097 * 24 * 60 * 60 / 400;
/// Of the days that [`Date::unix_secs`] counts, 1 January 1970.
const FIRST_OF_1970: u32 = days_before_year(1970) + 1;
/// The last that can be written.
const LAST_YEAR: u32 = 9999;
const END_OF_9999: u64 = 253_402_300_799;
