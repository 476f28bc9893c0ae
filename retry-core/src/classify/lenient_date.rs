//! Dates in the spellings that servers send beside the three of RFC 9110.

use super::retry_after::{Date, year_of_two_digits};

/// A date with a time of day and a time zone.
///
/// The parts may come in any order, as in the algorithm of
/// [RFC 6265, 5.1.1](https://www.rfc-editor.org/rfc/rfc6265.html#section-5.1.1) for dates in cookies. Beyond that
/// algorithm, it takes time zones, fractions of a second and the form of RFC 3339, and it refuses words that have no
/// meaning in a date.
pub(super) struct LenientDate {
    date: Date,
    has_two_digits: bool,
    /// What UTC is later than the time shown, in seconds.
    later: i64,
}

impl LenientDate {
    /// Parses a date. Text in parentheses at the end is a comment.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let comment = value.ends_with(')').then(|| value.split_once('(')).flatten();
        let value = comment.map_or(value, |(date, _)| date).trim();
        if value.len() > LONGEST || !value.is_ascii() {
            return None;
        }
        Self::of_rfc3339(value).or_else(|| Self::of_words(value)).filter(|it| it.date.exists())
    }

    /// Returns the seconds since 1970. Only a year of two digits needs the present time.
    pub(super) fn unix_secs(&self, now_unix_secs: impl FnOnce() -> u64) -> i64 {
        let date = match self.has_two_digits {
            true => Date { year: year_of_two_digits(self.date, now_unix_secs()), ..self.date },
            false => self.date,
        };
        date.unix_secs() + self.later
    }

    /// Reads `1994-11-06T08:49:37Z` of RFC 3339, and the forms of ISO 8601 without separators, seconds or a zone.
    fn of_rfc3339(value: &str) -> Option<Self> {
        let (day, time) = value.split_once(['T', 't', ' '])?;
        let (year, month, day) = match (day.len(), day.as_bytes()) {
            (10, [_, _, _, _, b'-', _, _, b'-', ..]) => (&day[..4], &day[5..7], &day[8..]),
            (8, _) => (&day[..4], &day[4..6], &day[6..]),
            _ => return None,
        };
        let (time, zone) = time.split_at(prefix(time, |byte| matches!(byte, b'0'..=b'9' | b':' | b'.')));
        let time = Time::read(time)?;
        let later = match zone.trim() {
            "" => 0,
            zone => -offset(zone)?,
        };
        let month = usize::try_from(number(month)?).ok()?.checked_sub(1).filter(|month| *month < 12)?;
        Some(Self::at(time, number(year)?, month, number(day)?, later))
    }

    fn of_words(value: &str) -> Option<Self> {
        let (mut time, mut month, mut zone, mut day, mut year) = (None, None, None, None, None);
        for word in value.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
            if let b'+' | b'-' = word.as_bytes()[0] {
                // The zone of a zone is in `+0000 UTC`.
                time.is_some().then_some(())?;
                zone = Some(offset(word)?);
            } else if word.contains(':') && word.as_bytes()[0].is_ascii_digit() {
                set(&mut time, Time::read(word)?)?;
            } else {
                // `06-Nov-1994` is three words, and `GMT-0500` is one.
                let pattern: &[char] = if word.as_bytes()[0].is_ascii_digit() { &['-'] } else { &[] };
                for word in word.split(pattern) {
                    if let Some(index) = named(FULL_MONTHS, word) {
                        set(&mut month, index)?;
                    } else if let Some(number) = number(word) {
                        match word.len() {
                            1 | 2 if day.is_none() => day = Some(number),
                            2 | 4 => set(&mut year, (number, word.len() == 2))?,
                            _ => return None,
                        }
                    } else if named(FULL_DAYS, word).is_none() {
                        let offset = offset(word)?;
                        zone = zone.or(Some(offset));
                    }
                }
            }
        }
        let (year, has_two_digits) = year?;
        let date = Self::at(time?, year, month?, day?, -zone.unwrap_or(0));
        Some(Self { has_two_digits, ..date })
    }

    fn at(time: Time, year: u32, month: usize, day: u32, later: i64) -> Self {
        let Time { hour, minute, second, up } = time;
        let date = Date { year, month, day, hour, minute, second };
        Self { date, has_two_digits: false, later: later + i64::from(up) }
    }
}

/// A time of day. A fraction of a second is rounded up.
struct Time {
    hour: u32,
    minute: u32,
    second: u32,
    up: bool,
}

impl Time {
    /// Reads `08:49:37`, `8:49`, `08:49:37.5` or `084937`.
    fn read(time: &str) -> Option<Self> {
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let mut parts = time.split(':');
        let (hour, minute, second) = match (time.len(), parts.next()?) {
            (6, whole) if whole.len() == 6 => (&whole[..2], &whole[2..4], &whole[4..]),
            (_, hour) => (hour, parts.next()?, parts.next().unwrap_or("00")),
        };
        if parts.next().is_some() || fraction.bytes().any(|byte| !byte.is_ascii_digit()) {
            return None;
        }
        let part = |text: &str| number(text).filter(|_| text.len() <= 2);
        let up = fraction.bytes().any(|byte| byte != b'0');
        Some(Self { hour: part(hour)?, minute: part(minute)?, second: part(second)?, up })
    }
}

/// Returns the seconds by which a time zone is ahead of UTC: `GMT`, `UTC`, `Z`, `EST`, `+02`, `+0200`, `-05:30`,
/// `GMT+0100`. The names are those of [RFC 5322, 4.3](https://www.rfc-editor.org/rfc/rfc5322.html#section-4.3).
fn offset(zone: &str) -> Option<i64> {
    let (name, digits) = zone.split_at(zone.find(['+', '-']).unwrap_or(zone.len()));
    let (_, hours) = ZONES.iter().find(|(zone, _)| zone.eq_ignore_ascii_case(name))?;
    let of_name = hours * 3_600;
    let Some(sign) = digits.as_bytes().first() else {
        return (!name.is_empty()).then_some(of_name);
    };
    let digits = &digits[1..];
    let (hours, minutes) = match (digits.len(), digits.split_once(':')) {
        (2, None) => (digits, "00"),
        (4, None) => digits.split_at(2),
        (5, Some((hours, minutes))) if hours.len() == 2 => (hours, minutes),
        _ => return None,
    };
    let secs = i64::from(number(hours)? * 60 + number(minutes)?) * 60;
    Some(of_name + if *sign == b'-' { -secs } else { secs })
}

/// Parses up to four digits.
fn number(text: &str) -> Option<u32> {
    let is_it = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_it.then(|| text.parse().ok())?
}

/// Finds a name by itself or by its first three letters or more, in any case.
fn named(names: &[&str], word: &str) -> Option<usize> {
    let is_it = |name: &&str| name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    names.iter().position(is_it).filter(|_| word.len() >= 3)
}

/// Sets what is not set yet; `None` if it is.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.is_none().then(|| *place = Some(value))
}

/// The length of the bytes at the start that meet a condition.
fn prefix(text: &str, condition: impl Fn(u8) -> bool) -> usize {
    text.bytes().position(|byte| !condition(byte)).unwrap_or(text.len())
}

/// The most bytes of a date without a comment.
const LONGEST: usize = 64;

const FULL_MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const FULL_DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
/// The names of time zones, and how many hours they are ahead of UTC.
const ZONES: &[(&str, i64)] = &[
    ("", 0),
    ("GMT", 0),
    ("UTC", 0),
    ("UT", 0),
    ("Z", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];
