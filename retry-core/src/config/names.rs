//! Values with names: curves, jitters, classes and presets.

use core::fmt;
use core::time::Duration;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::read::Read;
use super::suggest;
use super::value::{Raw, Value};
use crate::class::{Class, ClassSet, Recovery, SnakeCase};
use crate::log_level::LogLevel;
use crate::policy::{Hints, Preset};

/// One of a few values, by its name.
#[derive(Clone, Copy)]
pub(super) struct Name<T>(pub(super) T);

/// A type of values that have names in a file.
pub(super) trait Named: Copy + 'static {
    const ALL: &'static [Self];
    /// Names elsewhere, in lower case and without marks between words, each with the name here.
    const ELSEWHERE: &'static [(&'static str, &'static str)];

    fn name(self) -> String;
}

impl<T: Named> Value for Name<T> {
    fn from_raw(raw: &Raw) -> Result<Self, String> {
        if let Raw::Text(text) = raw
            && let Some(value) = T::ALL.iter().find(|value| value.name() == *text)
        {
            return Ok(Self(*value));
        }
        let names: Vec<_> = T::ALL.iter().map(|value| value.name()).collect();
        let word = match raw {
            Raw::Whole(number) => Some(number.to_string()),
            raw => raw.word(),
        };
        let meant = word.and_then(|word| suggest::name(&word, &names, T::ELSEWHERE));
        let list = names.join(", ");
        Err(match meant {
            Some(name) => format!("did you mean \"{name}\"? It must be one of {list}"),
            None => format!("must be one of {list}"),
        })
    }
}

impl<T: Named> Serialize for Name<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.name())
    }
}

/// A list of classes, or a single one.
#[derive(Clone, Copy)]
pub(super) struct Classes(pub(super) ClassSet);

impl<'de> Read<'de> for Classes {
    fn read<D: Deserializer<'de>>(deserializer: D, path: &str) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClassesAt(path))
    }
}

struct ClassesAt<'p>(&'p str);

impl ClassesAt<'_> {
    fn class<E: de::Error>(&self, raw: &Raw) -> Result<ClassSet, E> {
        match Name::<Class>::from_raw(raw) {
            Ok(class) => Ok(ClassSet::NONE.with(class.0)),
            Err(rule) => Err(E::custom(format!("{} = {raw}: {rule}", self.0))),
        }
    }

    fn wrong<E: de::Error>(&self, raw: &Raw) -> E {
        E::custom(format!("{} = {raw}: must be a list of classes such as [\"timeout\"]", self.0))
    }
}

impl<'de> Visitor<'de> for ClassesAt<'_> {
    type Value = Classes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of classes as {}", self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Classes, E> {
        self.class(&Raw::Text(text.into())).map(Classes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Classes, A::Error> {
        let mut classes = ClassSet::NONE;
        while let Some(raw) = list.next_element::<Raw>()? {
            let class: ClassSet = self.class(&raw)?;
            classes = class.iter().fold(classes, ClassSet::with);
        }
        Ok(Classes(classes))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Classes, E> {
        Err(self.wrong(&Raw::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Classes, E> {
        Err(self.wrong(&Raw::Whole(number.into())))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Classes, E> {
        Err(self.wrong(&Raw::Whole(number.into())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Classes, E> {
        Err(self.wrong(&Raw::Float(number)))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Classes, E> {
        Err(self.wrong(&Raw::Nothing))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, _: A) -> Result<Classes, A::Error> {
        Err(self.wrong(&Raw::Table))
    }
}

impl Serialize for Classes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Name))
    }
}

/// Makes an `enum` of names without values.
macro_rules! names {
    ($name:ident: $($variant:ident = $text:literal),+; elsewhere $($other:literal = $here:literal),* $(,)?) => {
        #[derive(Clone, Copy, PartialEq)]
        pub(super) enum $name { $($variant,)+ }

        impl Named for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];
            const ELSEWHERE: &'static [(&'static str, &'static str)] = &[$(($other, $here),)*];

            fn name(self) -> String {
                let name = match self { $(Self::$variant => $text,)+ };
                name.into()
            }
        }
    };
}

names! {
    CurveName: Fixed = "fixed", Linear = "linear", Exponential = "exponential", Fibonacci = "fibonacci",
    Polynomial = "polynomial"; elsewhere
    "constant" = "fixed", "const" = "fixed", "static" = "fixed", "simple" = "fixed", "flat" = "fixed",
    "exp" = "exponential", "expo" = "exponential", "exponentialbackoff" = "exponential",
    "exponentialrandom" = "exponential", "geometric" = "exponential", "double" = "exponential",
    "incremental" = "linear", "arithmetic" = "linear", "increasing" = "linear", "lineal" = "linear",
    "fib" = "fibonacci", "fibo" = "fibonacci", "power" = "polynomial", "quadratic" = "polynomial",
    "cubic" = "polynomial", "poly" = "polynomial",
}

names! {
    JitterName: None = "none", Full = "full", Equal = "equal", Decorrelated = "decorrelated",
    Proportional = "proportional", Additive = "additive"; elsewhere
    "false" = "none", "off" = "none", "no" = "none", "disabled" = "none", "null" = "none",
    "true" = "full", "on" = "full", "yes" = "full", "random" = "full", "uniform" = "full", "fulljitter" = "full",
    "equaljitter" = "equal", "half" = "equal", "decorr" = "decorrelated", "decorrelatedjitter" = "decorrelated",
    "decorrelatedjitterv2" = "decorrelated", "plusminus" = "proportional", "percent" = "proportional",
    "factor" = "proportional", "deviation" = "proportional", "added" = "additive", "bounded" = "additive",
}

names! {
    RecoveryName: Fail = "fail", Ignore = "ignore", RetryWithBackoff = "retry_with_backoff",
    RetryWithDelay = "retry_with_delay", Circuit = "circuit", WaitAndRetry = "wait_and_retry"; elsewhere
    "giveup" = "fail", "abort" = "fail", "stop" = "fail", "permanent" = "fail", "skip" = "ignore",
    "retry" = "retry_with_backoff", "backoff" = "retry_with_backoff", "delay" = "retry_with_delay",
    "wait" = "wait_and_retry", "breaker" = "circuit", "circuitbreaker" = "circuit",
}

names! {
    BudgetName: TokenBucket = "token_bucket", Aws = "aws", RetryThrottle = "retry_throttle", Grpc = "grpc",
    RequestShare = "request_share", ConcurrencyShare = "concurrency_share",
    AdaptiveThrottle = "adaptive_throttle"; elsewhere
    "bucket" = "token_bucket", "quota" = "token_bucket", "tokens" = "token_bucket", "standard" = "aws",
    "awsstandard" = "aws", "throttle" = "retry_throttle", "retrythrottling" = "retry_throttle",
    "finagle" = "request_share", "tower" = "request_share", "tpsbudget" = "request_share", "retrybudget" = "request_share",
    "envoy" = "concurrency_share", "failsafe" = "concurrency_share", "sre" = "adaptive_throttle",
    "adaptive" = "adaptive_throttle",
}

impl RecoveryName {
    pub(super) fn takes_delay(self) -> bool {
        matches!(self, Self::RetryWithDelay | Self::WaitAndRetry)
    }

    pub(super) fn with_delay(self, delay: Duration) -> Recovery {
        match self {
            Self::Fail => Recovery::Fail,
            Self::Ignore => Recovery::Ignore,
            Self::RetryWithBackoff => Recovery::RetryWithBackoff,
            Self::RetryWithDelay => Recovery::RetryWithDelay(delay),
            Self::Circuit => Recovery::Circuit,
            Self::WaitAndRetry => Recovery::WaitAndRetry(delay),
        }
    }

    pub(super) fn of(recovery: Recovery) -> (Self, Option<Duration>) {
        match recovery {
            Recovery::Fail => (Self::Fail, None),
            Recovery::Ignore => (Self::Ignore, None),
            Recovery::RetryWithBackoff => (Self::RetryWithBackoff, None),
            Recovery::RetryWithDelay(delay) => (Self::RetryWithDelay, Some(delay)),
            Recovery::Circuit => (Self::Circuit, None),
            Recovery::WaitAndRetry(delay) => (Self::WaitAndRetry, Some(delay)),
        }
    }
}

impl Named for Hints {
    const ALL: &'static [Self] = &[Self::Floor, Self::Exact, Self::Clamp, Self::Ignore];
    const ELSEWHERE: &'static [(&'static str, &'static str)] = &[
        ("minimum", "floor"),
        ("min", "floor"),
        ("atleast", "floor"),
        ("true", "floor"),
        ("on", "floor"),
        ("max", "clamp"),
        ("cap", "clamp"),
        ("capped", "clamp"),
        ("limit", "clamp"),
        ("exactly", "exact"),
        ("false", "ignore"),
        ("off", "ignore"),
        ("none", "ignore"),
        ("never", "ignore"),
        ("disabled", "ignore"),
    ];

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
    const ELSEWHERE: &'static [(&'static str, &'static str)] = &[
        ("timedout", "timeout"),
        ("deadline", "timeout"),
        ("deadlineexceeded", "timeout"),
        ("gatewaytimeout", "timeout"),
        ("408", "timeout"),
        ("504", "timeout"),
        ("throttle", "rate_limit"),
        ("throttled", "rate_limit"),
        ("throttling", "rate_limit"),
        ("toomanyrequests", "rate_limit"),
        ("resourceexhausted", "rate_limit"),
        ("429", "rate_limit"),
        ("connection", "network"),
        ("connect", "network"),
        ("connectfailure", "network"),
        ("connectionerror", "network"),
        ("reset", "network"),
        ("dns", "network"),
        ("io", "network"),
        ("5xx", "server"),
        ("servererror", "server"),
        ("internal", "server"),
        ("internalerror", "server"),
        ("unavailable", "server"),
        ("serviceunavailable", "server"),
        ("badgateway", "server"),
        ("500", "server"),
        ("502", "server"),
        ("503", "server"),
        ("4xx", "client"),
        ("clienterror", "client"),
        ("badrequest", "client"),
        ("400", "client"),
        ("404", "not_found"),
        ("missing", "not_found"),
        ("invalid", "validation"),
        ("invalidargument", "validation"),
        ("422", "validation"),
        ("parse", "serialization"),
        ("decode", "serialization"),
        ("fatal", "permanent"),
        ("temporary", "transient"),
        ("retryable", "transient"),
        ("other", "unknown"),
        ("brokencircuit", "circuit_open"),
        ("breakeropen", "circuit_open"),
    ];

    fn name(self) -> String {
        SnakeCase(self).to_string()
    }
}

impl Named for Preset {
    const ALL: &'static [Self] = &Self::ALL;
    const ELSEWHERE: &'static [(&'static str, &'static str)] = &[
        ("db", "database"),
        ("sql", "database"),
        ("postgres", "database"),
        ("postgresql", "database"),
        ("mysql", "database"),
        ("https", "http"),
        ("rest", "http"),
        ("web", "http"),
        ("api", "http"),
        ("redis", "cache"),
        ("memcached", "cache"),
        ("aws", "s3"),
        ("objectstore", "s3"),
        ("storage", "s3"),
        ("blob", "s3"),
        ("standard", "default"),
        ("safe", "conservative"),
        ("quick", "fast"),
    ];

    fn name(self) -> String {
        self.name.into()
    }
}

impl Named for LogLevel {
    const ALL: &'static [Self] = &Self::ALL;
    const ELSEWHERE: &'static [(&'static str, &'static str)] = &[
        ("warning", "warn"),
        ("err", "error"),
        ("critical", "error"),
        ("fatal", "error"),
        ("information", "info"),
        ("notice", "info"),
        ("verbose", "trace"),
        ("all", "trace"),
        ("none", "off"),
        ("false", "off"),
        ("null", "off"),
        ("silent", "off"),
        ("disabled", "off"),
    ];

    fn name(self) -> String {
        LogLevel::name(self).into()
    }
}
