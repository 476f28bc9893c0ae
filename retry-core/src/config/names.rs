//! What a file says in words: durations, percentages, and values by name.

use core::fmt;
use core::time::Duration;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::class::{Class, ClassSet, SnakeCase};
use crate::delay::Jitter;
use crate::policy::{Hints, Preset};

/// A duration as text: `"250ms"`, `"1m 30s"`.
#[derive(Clone, Copy)]
pub(super) struct HumanDuration(pub(super) Duration);

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = HumanDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"250ms\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HumanDuration, E> {
                match humantime::parse_duration(text) {
                    Ok(duration) => Ok(HumanDuration(duration)),
                    Err(error) => Err(E::custom(format!("\"{text}\" is no duration: {error}"))),
                }
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A duration, or `"none"`.
pub(super) struct Limit(pub(super) Duration);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"250ms\", or \"none\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
                if text == "none" {
                    return Ok(Limit(Duration::MAX));
                }
                HumanDuration::deserialize(de::value::StrDeserializer::new(text)).map(|limit| Limit(limit.0))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A whole number.
#[derive(Clone, Copy)]
pub(super) struct Count(pub(super) u32);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole number from 0 to {}", u32::MAX)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
                let invalid = || E::invalid_value(de::Unexpected::Unsigned(number), &self);
                u32::try_from(number).map(Count).map_err(|_| invalid())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
                let invalid = || E::invalid_value(de::Unexpected::Signed(number), &self);
                u32::try_from(number).map(Count).map_err(|_| invalid())
            }
        }
        deserializer.deserialize_u32(Whole)
    }
}

/// A number, whole or not.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number as f64))
            }
        }
        deserializer.deserialize_f64(Any)
    }
}

/// A whole percentage.
pub(super) struct Percent(pub(super) u8);

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Percent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole percentage from 1 to 100")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Percent, E> {
                let invalid = || E::invalid_value(de::Unexpected::Unsigned(number), &self);
                u8::try_from(number).map(Percent).map_err(|_| invalid())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Percent, E> {
                let invalid = || E::invalid_value(de::Unexpected::Signed(number), &self);
                u8::try_from(number).map(Percent).map_err(|_| invalid())
            }
        }
        deserializer.deserialize_u8(Number)
    }
}

/// One of a few values, by its name.
pub(super) struct Name<T>(pub(super) T);

/// Values that a file calls by name.
pub(super) trait Named: Sized {
    fn names() -> Vec<(String, Self)>;
}

impl<'de, T: Named> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut names = Vec::new();
        for (name, value) in T::names() {
            if name == text {
                return Ok(Self(value));
            }
            names.push(name);
        }
        Err(de::Error::custom(format!("\"{text}\" is none of {}", names.join(", "))))
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
    fn names() -> Vec<(String, Self)> {
        vec![
            ("fixed".into(), Self::Fixed),
            ("linear".into(), Self::Linear),
            ("exponential".into(), Self::Exponential),
            ("fibonacci".into(), Self::Fibonacci),
            ("polynomial".into(), Self::Polynomial),
        ]
    }
}

pub(super) enum JitterName {
    Plain(Jitter),
    Proportional,
    Additive,
}

impl Named for JitterName {
    fn names() -> Vec<(String, Self)> {
        vec![
            ("none".into(), Self::Plain(Jitter::None)),
            ("full".into(), Self::Plain(Jitter::Full)),
            ("equal".into(), Self::Plain(Jitter::Equal)),
            ("decorrelated".into(), Self::Plain(Jitter::Decorrelated)),
            ("proportional".into(), Self::Proportional),
            ("additive".into(), Self::Additive),
        ]
    }
}

impl Named for Hints {
    fn names() -> Vec<(String, Self)> {
        vec![("floor".into(), Self::Floor), ("exact".into(), Self::Exact), ("clamp".into(), Self::Clamp)]
    }
}

impl Named for Class {
    fn names() -> Vec<(String, Self)> {
        Self::ALL.map(|class| (SnakeCase(class).to_string(), class)).into()
    }
}

pub(super) struct PresetName(pub(super) Preset);

impl Named for PresetName {
    fn names() -> Vec<(String, Self)> {
        Preset::ALL.map(|preset| (preset.name.into(), Self(preset))).into()
    }
}

pub(super) fn class_set(classes: &[Name<Class>]) -> ClassSet {
    classes.iter().fold(ClassSet::NONE, |set, class| set.with(class.0))
}
