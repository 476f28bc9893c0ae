//! What a file says in words: durations, percentages, and values by name.

use core::fmt;
use core::time::Duration;
use std::string::String;
use std::vec::Vec;
use std::{format, vec};

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::class::Class;
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
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self(Duration::MAX));
        }
        HumanDuration::deserialize(de::value::StrDeserializer::new(&text)).map(|duration| Self(duration.0))
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
    /// `RateLimit` is `rate_limit`.
    fn names() -> Vec<(String, Self)> {
        let snake_case = |class: Class| {
            let mut name = String::new();
            for letter in class.name().chars() {
                if letter.is_ascii_uppercase() && !name.is_empty() {
                    name.push('_');
                }
                name.push(letter.to_ascii_lowercase());
            }
            (name, class)
        };
        Self::ALL.map(snake_case).into()
    }
}

pub(super) struct PresetName(pub(super) Preset);

impl Named for PresetName {
    fn names() -> Vec<(String, Self)> {
        Preset::ALL.map(|preset| (preset.name.into(), Self(preset))).into()
    }
}
