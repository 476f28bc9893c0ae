//! The values in a configuration file: durations, numbers, percentages, and values by name.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::class::{Class, ClassSet, SnakeCase};
use crate::policy::{Hints, Preset};

/// A value that is written as text in a file.
pub(super) trait FromText: Sized {
    const EXPECTED: &'static str;

    fn from_text(text: &str) -> Result<Self, String>;
}

/// A value that is written as a number in a file.
pub(super) trait FromNumber: Sized {
    const EXPECTED: &'static str;

    /// Reads a whole number; `None` if it is out of range.
    fn from_whole(number: i128) -> Option<Self>;

    /// Reads a number with a fraction; `None` if it must be whole.
    fn from_float(_: f64) -> Option<Self> {
        None
    }
}

struct Text<T>(PhantomData<T>);

impl<T: FromText> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }
}

struct Numeric<T>(PhantomData<T>);

impl<T: FromNumber> Visitor<'_> for Numeric<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::from_whole(number.into()).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::from_whole(number.into()).ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        T::from_float(number).ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))
    }
}

/// Asks the format for the expected type. Some formats know only text, and convert it to the type that is asked for.
macro_rules! deserialize {
    ($($ask:ident: $visitor:ident of $($value:ty),+;)+) => {$($(
        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.$ask($visitor(PhantomData))
            }
        }
    )+)+};
}
deserialize! {
    deserialize_str: Text of HumanDuration, Limit, HintLimit;
    deserialize_u32: Numeric of Count;
    deserialize_u8: Numeric of Percent;
    deserialize_f64: Numeric of Number;
}

/// A duration as text: `"250ms"`, `"1m 30s"`.
#[derive(Clone, Copy)]
pub(super) struct HumanDuration(pub(super) Duration);

impl FromText for HumanDuration {
    const EXPECTED: &'static str = "a duration such as \"250ms\"";

    fn from_text(text: &str) -> Result<Self, String> {
        let duration = humantime::parse_duration(text);
        duration.map(Self).map_err(|error| format!("\"{text}\" is not a duration: {error}"))
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

/// A duration, or `"none"`.
#[derive(Clone, Copy)]
pub(super) struct Limit(pub(super) Option<Duration>);

impl FromText for Limit {
    const EXPECTED: &'static str = "a duration such as \"250ms\", or \"none\"";

    fn from_text(text: &str) -> Result<Self, String> {
        duration_or("none", text).map(Self)
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_duration_or("none", self.0, serializer)
    }
}

/// A duration, or `"max_delay"`.
#[derive(Clone, Copy)]
pub(super) struct HintLimit(pub(super) Option<Duration>);

impl FromText for HintLimit {
    const EXPECTED: &'static str = "a duration such as \"250ms\", or \"max_delay\"";

    fn from_text(text: &str) -> Result<Self, String> {
        duration_or("max_delay", text).map(Self)
    }
}

impl Serialize for HintLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_duration_or("max_delay", self.0, serializer)
    }
}

fn duration_or(word: &str, text: &str) -> Result<Option<Duration>, String> {
    if text == word { Ok(None) } else { HumanDuration::from_text(text).map(|duration| Some(duration.0)) }
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

/// A whole number.
#[derive(Clone, Copy)]
pub(super) struct Count(pub(super) u32);

impl FromNumber for Count {
    const EXPECTED: &'static str = "a whole number from 0 to 4294967295";

    fn from_whole(number: i128) -> Option<Self> {
        number.try_into().ok().map(Self)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// A whole percentage.
#[derive(Clone, Copy)]
pub(super) struct Percent(pub(super) u8);

impl FromNumber for Percent {
    const EXPECTED: &'static str = "a whole percentage from 1 to 100";

    fn from_whole(number: i128) -> Option<Self> {
        number.try_into().ok().map(Self)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0)
    }
}

/// A number, whole or with a fraction.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl FromNumber for Number {
    const EXPECTED: &'static str = "a number";

    fn from_whole(number: i128) -> Option<Self> {
        Some(Self(number as f64))
    }

    fn from_float(number: f64) -> Option<Self> {
        Some(Self(number))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

/// One of a few values, by its name.
#[derive(Clone, Copy)]
pub(super) struct Name<T>(pub(super) T);

/// A type of values that have names in a file.
pub(super) trait Named: Copy + 'static {
    const ALL: &'static [Self];

    fn name(self) -> String;
}

impl<'de, T: Named> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match T::ALL.iter().find(|value| value.name() == text) {
            Some(value) => Ok(Self(*value)),
            None => {
                let names: Vec<_> = T::ALL.iter().map(|value| value.name()).collect();
                Err(de::Error::custom(format!("\"{text}\" is not one of {}", names.join(", "))))
            }
        }
    }
}

impl<T: Named> Serialize for Name<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.name())
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum CurveName {
    Fixed,
    Linear,
    Exponential,
    Fibonacci,
    Polynomial,
}

impl Named for CurveName {
    const ALL: &'static [Self] =
        &[Self::Fixed, Self::Linear, Self::Exponential, Self::Fibonacci, Self::Polynomial];

    fn name(self) -> String {
        let name = match self {
            Self::Fixed => "fixed",
            Self::Linear => "linear",
            Self::Exponential => "exponential",
            Self::Fibonacci => "fibonacci",
            Self::Polynomial => "polynomial",
        };
        name.into()
    }
}

#[derive(Clone, Copy)]
pub(super) enum JitterName {
    None,
    Full,
    Equal,
    Decorrelated,
    Proportional,
    Additive,
}

impl Named for JitterName {
    const ALL: &'static [Self] =
        &[Self::None, Self::Full, Self::Equal, Self::Decorrelated, Self::Proportional, Self::Additive];

    fn name(self) -> String {
        let name = match self {
            Self::None => "none",
            Self::Full => "full",
            Self::Equal => "equal",
            Self::Decorrelated => "decorrelated",
            Self::Proportional => "proportional",
            Self::Additive => "additive",
        };
        name.into()
    }
}

impl Named for Hints {
    const ALL: &'static [Self] = &[Self::Floor, Self::Exact, Self::Clamp, Self::Ignore];

    fn name(self) -> String {
        let name = match self {
            Self::Floor => "floor",
            Self::Exact => "exact",
            Self::Clamp => "clamp",
            Self::Ignore => "ignore",
        };
        name.into()
    }
}

impl Named for Class {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> String {
        SnakeCase(self).to_string()
    }
}

impl Named for Preset {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> String {
        self.name.into()
    }
}

pub(super) fn class_set(classes: &[Name<Class>]) -> ClassSet {
    classes.iter().fold(ClassSet::NONE, |set, class| set.with(class.0))
}

pub(super) fn class_names(classes: ClassSet) -> Vec<Name<Class>> {
    classes.iter().map(Name).collect()
}
