//! Durations as text: `"250ms"`, `"1m 30s"`.

use core::fmt;
use core::time::Duration;
use std::format;
use std::string::String;

use serde::ser::{Serialize, Serializer};

use super::value::{Raw, Shown, Value};

/// A duration as text: `"250ms"`, `"1m 30s"`.
#[derive(Clone, Copy)]
pub(super) struct HumanDuration(pub(super) Duration);

/// A duration, or `"none"`.
#[derive(Clone, Copy)]
pub(super) struct Limit(pub(super) Option<Duration>);

/// A duration, or `"max_delay"`.
#[derive(Clone, Copy)]
pub(super) struct HintLimit(pub(super) Option<Duration>);

impl Value for HumanDuration {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        parsed(raw, "must be a duration such as \"250ms\"").map(Self)
    }
}

impl Value for Limit {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw.word().as_deref() {
            Some("none") => return Ok(Self(None)),
            Some(
                "never" | "infinite" | "infinity" | "inf" | "unlimited" | "off" | "no" | "false" | "null"
                | "disabled" | "",
            ) => return Err("write \"none\" for no limit".into()),
            _ => {}
        }
        match raw {
            Raw::Whole(..0) => return Err("must not be negative, write \"none\" for no limit".into()),
            Raw::Float(f64::INFINITY) => return Err("write \"none\" for no limit".into()),
            _ => {}
        }
        parsed(raw, "must be a duration such as \"250ms\", or \"none\"").map(|it| Self(Some(it)))
    }
}

impl Value for HintLimit {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw.word().as_deref() {
            Some("maxdelay") => Ok(Self(None)),
            _ => {
                parsed(raw, "must be a duration such as \"250ms\", or \"max_delay\"").map(|it| Self(Some(it)))
            }
        }
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Written(self.0))
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_duration_or("none", self.0, serializer)
    }
}

impl Serialize for HintLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_duration_or("max_delay", self.0, serializer)
    }
}

fn write_duration_or<S: Serializer>(
    word: &str,
    duration: Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => HumanDuration(duration).serialize(serializer),
        None => serializer.serialize_str(word),
    }
}

/// The units, the longest first, with the name that is written, and the others that are read in upper and lower case.
const UNITS: [(u64, &str, &[&str]); 8] = [
    (7 * 86_400_000_000_000, "w", &["week", "weeks"]),
    (86_400_000_000_000, "d", &["day", "days"]),
    (3_600_000_000_000, "h", &["hr", "hrs", "hour", "hours"]),
    (60_000_000_000, "m", &["min", "mins", "minute", "minutes"]),
    (1_000_000_000, "s", &["sec", "secs", "second", "seconds"]),
    (1_000_000, "ms", &["msec", "msecs", "millis", "millisecond", "milliseconds"]),
    (1_000, "us", &["\u{b5}s", "\u{3bc}s", "usec", "usecs", "micros", "microsecond", "microseconds"]),
    (1, "ns", &["nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"]),
];

/// Shows a duration as the parser reads it: `1h 30m`. Weeks are shown as days.
struct Written(Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_nanos();
        if rest == 0 {
            return f.write_str("0s");
        }
        let mut space = "";
        for (nanos, unit, _) in &UNITS[1..] {
            let (count, nanos) = (rest / u128::from(*nanos), u128::from(*nanos));
            if count > 0 {
                write!(f, "{space}{count}{unit}")?;
                space = " ";
                rest %= nanos;
            }
        }
        Ok(())
    }
}

fn parsed(raw: &Raw, rule: &str) -> Result<Duration, String> {
    match raw {
        Raw::Whole(0) => Ok(Duration::ZERO),
        Raw::Whole(number @ 1..) => Err(format!("has no unit, write \"{number}ms\" or \"{number}s\"")),
        Raw::Float(0.0) => Ok(Duration::ZERO),
        Raw::Float(number) if *number > 0.0 && number.is_finite() => {
            Err(format!("has no unit, write \"{number:?}ms\" or \"{number:?}s\""))
        }
        Raw::Float(number) if !number.is_finite() => Err("must be finite".into()),
        Raw::Whole(_) | Raw::Float(_) => Err("must not be negative".into()),
        Raw::Text(text) => parse(text).map_err(|error| if error.is_empty() { rule.into() } else { error }),
        _ => Err(rule.into()),
    }
}

/// Reads a duration that can mean one thing only. Otherwise the error says how to write what was meant; it is empty if
/// nothing comes near.
fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err("must not be negative".into());
    }
    if let Some(iso) = text.strip_prefix(['P', 'p']) {
        return parse_iso(iso);
    }
    let (mut total, mut rest, mut before) = (0_u64, text, None);
    while !rest.is_empty() {
        let Some((number, after)) = Number::split(rest) else { return Err(String::new()) };
        let after = after.trim_start();
        let end = after.find(|it: char| !it.is_alphabetic()).unwrap_or(after.len());
        let (name, after) = after.split_at(end);
        let nanos = match (name, before) {
            ("", _) if number.is_zero() && text == number.0 => 1,
            ("", _) if !after.is_empty() => return Err(String::new()),
            ("", None) => return Err(format!("has no unit, write \"{0}ms\" or \"{0}s\"", Shown(text))),
            ("", Some(unit)) => return Err(unit_is_missing(text, rest, &number, unit)),
            _ => unit(name, &number)?,
        };
        let nanos_of_number = number.times(nanos)?;
        total = total.checked_add(nanos_of_number).ok_or_else(too_long)?;
        before = Some(nanos);
        rest = after.trim_start();
    }
    if before.is_none() { Err(String::new()) } else { Ok(Duration::from_nanos(total)) }
}

/// Reads what follows the `P` of a duration of ISO 8601, such as `T1M30S`.
fn parse_iso(text: &str) -> Result<Duration, String> {
    let (mut total, mut rest, mut in_time) = (0_u64, text, false);
    if text.is_empty() || text.ends_with(['T', 't']) {
        return Err(String::new());
    }
    while !rest.is_empty() {
        if let (false, Some(time)) = (in_time, rest.strip_prefix(['T', 't'])) {
            (in_time, rest) = (true, time);
            continue;
        }
        let Some((number, after)) = Number::split(rest) else { return Err(String::new()) };
        let name = after.chars().next().ok_or_else(String::new)?;
        let nanos = match (in_time, name.to_ascii_uppercase()) {
            (true, name @ ('H' | 'M' | 'S')) | (false, name @ ('W' | 'D')) => {
                unit(name.to_ascii_lowercase().encode_utf8(&mut [0; 4]), &number)?
            }
            (false, 'M') => return unit("month", &number).and(Err(String::new())),
            (false, 'Y') => return unit("year", &number).and(Err(String::new())),
            _ => return Err(String::new()),
        };
        total = total.checked_add(number.times(nanos)?).ok_or_else(too_long)?;
        rest = after.strip_prefix(name).unwrap_or_default();
    }
    Ok(Duration::from_nanos(total))
}

/// Returns the nanoseconds of a unit.
fn unit(name: &str, number: &Number<'_>) -> Result<u64, String> {
    let number = number.0;
    let lower = name.to_lowercase();
    match lower.as_str() {
        // Elsewhere, `M` is a month.
        _ if name == "M" => return Err(format!("write \"{number}m\" for minutes")),
        "mo" | "mon" | "month" | "months" => {
            return Err("has a month, whose length varies, write days such as \"30d\"".into());
        }
        "y" | "yr" | "yrs" | "year" | "years" => {
            return Err("has a year, whose length varies, write days such as \"365d\"".into());
        }
        _ => {}
    }
    let found = UNITS.iter().find(|(_, short, long)| *short == lower || long.contains(&lower.as_str()));
    match found {
        Some((nanos, ..)) => Ok(*nanos),
        None => Err(format!("\"{}\" is not a unit, expected ns, us, ms, s, m, h, d or w", Shown(name))),
    }
}

fn unit_is_missing(text: &str, rest: &str, number: &Number<'_>, before: u64) -> String {
    let smaller = UNITS.iter().find(|(nanos, ..)| *nanos < before).map_or("ns", |(_, name, _)| name);
    let first = text.strip_suffix(rest).unwrap_or_default().trim_end();
    let number = number.0;
    format!("the {} has no unit, write \"{}{smaller}\"", Shown(number), Shown(&format!("{first} {number}")))
}

fn too_long() -> String {
    "is longer than 584 years".into()
}

/// The digits of a number, with `_` between some, and possibly with a fraction.
struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    fn split(text: &'a str) -> Option<(Self, &'a str)> {
        let end = text.find(|it: char| !(it.is_ascii_digit() || "._".contains(it))).unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let ends_well = number.starts_with(|it: char| it.is_ascii_digit())
            && number.ends_with(|it: char| it.is_ascii_digit())
            && number.matches('.').count() <= 1
            && !["__", "_.", "._"].iter().any(|it| number.contains(it));
        ends_well.then_some((Self(number), rest))
    }

    fn is_zero(&self) -> bool {
        self.0.chars().all(|it| "0._".contains(it))
    }

    /// Returns the product with a unit in nanoseconds. It must be whole.
    fn times(&self, nanos: u64) -> Result<u64, String> {
        let digit = |it: char| it.to_digit(10).map(u64::from);
        let (whole, fraction) = self.0.split_once('.').unwrap_or((self.0, ""));
        let count = whole
            .chars()
            .filter_map(digit)
            .try_fold(0_u64, |count, digit| count.checked_mul(10).and_then(|count| count.checked_add(digit)));
        let mut total = count.and_then(|count| count.checked_mul(nanos)).ok_or_else(too_long)?;
        let (mut scale, mut parts) = (1_u128, 0_u128);
        for digit in fraction.trim_end_matches('0').chars().filter_map(digit) {
            // A week has fewer than 10^15 nanoseconds, so no later digit can be whole.
            if scale > 10_u128.pow(16) {
                return Err("is finer than a nanosecond".into());
            }
            scale *= 10;
            parts = parts * 10 + u128::from(digit);
        }
        let product = parts * u128::from(nanos);
        if !product.is_multiple_of(scale) {
            return Err("is finer than a nanosecond".into());
        }
        let part = u64::try_from(product / scale).map_err(|_| too_long())?;
        total = total.checked_add(part).ok_or_else(too_long)?;
        Ok(total)
    }
}
