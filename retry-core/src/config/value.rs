//! One value of a file, as the format gives it, and the types that are made of it.

use core::fmt::{self, Write as _};
use std::format;
use std::string::String;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::clean::is_unclean;

/// A value before its key gives it a meaning. The format is asked for any type, so that an error can show the value and
/// say what would be right, whatever its type is.
pub(super) enum Raw {
    Nothing,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(String),
    List,
    Table,
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Whole(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Whole(number.into()))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Raw, E> {
        Ok(Raw::Whole(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Raw, E> {
        Ok(Raw::Whole(number.try_into().unwrap_or(i128::MAX)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
        Ok(Raw::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Raw::List)
    }

    /// A JSON parser with arbitrary precision shows a number as a table that contains it as text, under a key with this
    /// beginning.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::Table;
        while let Some(key) = map.next_key::<String>()? {
            if key.starts_with("$serde_json::") {
                raw = Raw::number(&map.next_value::<String>()?).unwrap_or(Raw::Table);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(raw)
    }
}

impl Raw {
    /// Reads a number, in which `_` may separate digits.
    fn number(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_number = text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
            && text.contains(|it: char| it.is_ascii_digit());
        if !is_number || text.ends_with('_') || text.contains("__") {
            return None;
        }
        let digits = text.replace('_', "");
        digits.parse().map(Self::Whole).ok().or_else(|| digits.parse().map(Self::Float).ok())
    }

    /// Returns the number, if it is one. Formats that know only text write it as text.
    fn as_number(&self) -> Option<Self> {
        match self {
            Self::Whole(number) => Some(Self::Whole(*number)),
            Self::Float(number) => Some(Self::Float(*number)),
            Self::Text(text) => Self::number(text),
            _ => None,
        }
    }

    /// Returns the text in lower case, without spaces and without the marks between words.
    pub(super) fn word(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(normal(text)),
            Self::Bool(value) => Some(if *value { "true" } else { "false" }.into()),
            Self::Nothing => Some("null".into()),
            _ => None,
        }
    }
}

/// Shows the value in one line. Text is cut, and its control characters are replaced.
impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => write!(f, "\"{}\"", Shown(text)),
            Self::List => f.write_str("[..]"),
            Self::Table => f.write_str("{..}"),
        }
    }
}

/// Shows at most 40 characters of a text, without those that could end the line or disguise it.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 40;
        let shown = |it: char| if is_unclean(it) { char::REPLACEMENT_CHARACTER } else { it };
        self.0.chars().take(MOST).try_for_each(|it| f.write_char(shown(it)))?;
        if self.0.chars().nth(MOST).is_some() { f.write_str("..") } else { Ok(()) }
    }
}

/// Returns the text in lower case, without spaces and without the marks between words, such as `maxattempts` for
/// `maxAttempts` and `max-attempts`.
pub(super) fn normal(text: &str) -> String {
    text.chars().filter(|it| !" _-.".contains(*it)).flat_map(char::to_lowercase).collect()
}

/// A type of value. The error says what is right, without the key and the value.
pub(super) trait Value: Sized {
    fn from_raw(raw: &Raw) -> Result<Self, String>;
}

/// A whole number.
#[derive(Clone, Copy)]
pub(super) struct Count(pub(super) u32);

impl Value for Count {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let rule = || "must be a whole number from 0 to 4294967295".into();
        match raw.as_number() {
            Some(Raw::Whole(number)) => number.try_into().map(Self).map_err(|_| rule()),
            Some(Raw::Float(number)) => whole(number).map(Self).ok_or_else(rule),
            _ => Err(rule()),
        }
    }
}

/// Returns a float as an integer, if it is one, such as 3.0.
fn whole(number: f64) -> Option<u32> {
    // The text of a whole float has no fraction.
    format!("{number}").parse().ok()
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// A whole percentage.
#[derive(Clone, Copy)]
pub(super) struct Percent(pub(super) u8);

impl Value for Percent {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let rule = || String::from("must be a whole percentage from 1 to 100");
        let percent = |number: Option<u32>| number.and_then(|it| it.try_into().ok()).map(Self);
        if let Raw::Text(text) = raw
            && let Some(share) = share_of(text)
        {
            let shifted: Option<f64> = format!("{}e{}", share.digits, share.exponent + 2).parse().ok();
            return percent(shifted.and_then(whole)).ok_or_else(rule);
        }
        match raw.as_number() {
            Some(Raw::Whole(number)) => percent(number.try_into().ok()).ok_or_else(rule),
            Some(Raw::Float(1.0)) => Err("write 1 for one percent, or 100 for all".into()),
            Some(Raw::Float(number)) if number > 0.0 && number < 1.0 => {
                let percent: f64 = format!("{number}e2").parse().unwrap_or(number);
                match whole(percent) {
                    Some(percent) => Err(format!("is a fraction, write {percent} for {percent} %")),
                    None => Err(rule()),
                }
            }
            Some(Raw::Float(number)) => percent(whole(number)).ok_or_else(rule),
            _ => Err(rule()),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

/// A number, whole or with a fraction. It may be written as a percentage, such as `"10%"` for 0.1.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl Value for Number {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        if let Raw::Text(text) = raw {
            if let Some(share) = share_of(text) {
                let number = format!("{}e{}", share.digits, share.exponent).parse().map(Self);
                return number.map_err(|_| "must be a number".into());
            }
            // The same number with a comma, or with a sign of multiplication.
            let alike = text.trim().trim_end_matches(['x', 'X', '*']).replace(',', ".");
            if alike != *text
                && let Some(number) = Raw::number(&alike)
                && !text.contains('.')
            {
                return Err(format!("must be a number, write {number}"));
            }
        }
        match raw.as_number() {
            Some(Raw::Whole(number)) => Ok(Self(number as f64)),
            Some(Raw::Float(number)) => Ok(Self(number)),
            _ => Err("must be a number".into()),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

/// A part of something, as a [`Number`]. A whole number of several times all of it is more likely a percentage.
#[derive(Clone, Copy)]
pub(super) struct Part(pub(super) f64);

impl Value for Part {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw.as_number() {
            Some(Raw::Whole(number)) if number > 1 => {
                Err(format!("write \"{number}%\" for {number} %, or {number}.0 for {number}00 %"))
            }
            _ => Number::from_raw(raw).map(|number| Self(number.0)),
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

/// A share that was written in percent or per mille: `digits * 10^exponent`.
struct Share {
    digits: String,
    exponent: i8,
}

/// Reads `10%` and `100‰`. Digits and exponent stay apart, so that 14.3% is the float nearest to 0.143.
fn share_of(text: &str) -> Option<Share> {
    let text = text.trim();
    let (digits, exponent) = match text.strip_suffix('%') {
        Some(digits) => (digits, -2),
        None => (text.strip_suffix('\u{2030}')?, -3),
    };
    let digits = digits.trim();
    let is_plain = digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|it| it.is_ascii_digit() || it == '.');
    is_plain.then(|| Share { digits: digits.into(), exponent })
}

impl Value for bool {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Bool(value) => Ok(*value),
            Raw::Text(text) if text == "true" => Ok(true),
            Raw::Text(text) if text == "false" => Ok(false),
            Raw::Whole(1) => Err("must be true or false, write true".into()),
            Raw::Whole(0) => Err("must be true or false, write false".into()),
            _ => match raw.word().as_deref() {
                Some("true" | "yes" | "on" | "enabled") => Err("must be true or false, write true".into()),
                Some("false" | "no" | "off" | "none" | "disabled") => {
                    Err("must be true or false, write false".into())
                }
                _ => Err("must be true or false".into()),
            },
        }
    }
}

/// Reads a value, and puts the key and the value before an error.
pub(super) fn read<'de, T: Value, D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<T, D::Error> {
    let raw = Raw::deserialize(deserializer)?;
    T::from_raw(&raw).map_err(|rule| de::Error::custom(format!("{path} = {raw}: {rule}")))
}
