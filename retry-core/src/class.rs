//! What kind of error it was, how bad that is, and what usually helps.

use core::fmt::{self, Write as _};
use core::time::Duration;

/// The kind of an error, as far as a retry is concerned.
///
/// A classifier (a closure, or [`Classify`](crate::Classify) on the error type) maps errors to classes; policies and circuits
/// only ever see the class.
///
/// ```
/// use retry_core::{Class, Policy};
///
/// assert!(Policy::DEFAULT.retries(Class::Timeout));
/// assert!(!Policy::DEFAULT.retries(Class::Validation));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum Class {
    /// Passing by itself: a lost race, a lock held, a leader being elected.
    Transient,
    /// No answer in time.
    Timeout,
    /// Told to slow down.
    RateLimit,
    /// The connection failed: refused, reset, unreachable.
    Network,
    /// The dependency failed while answering.
    Server,
    /// Nothing is known about it.
    Unknown,
    /// Will never succeed, whoever asks.
    Permanent,
    /// The caller's own mistake: not authorised, not allowed.
    Client,
    /// The request is malformed or breaks a rule.
    Validation,
    /// What was asked for does not exist.
    NotFound,
    /// The answer or the request could not be encoded or decoded.
    Serialization,
    /// Another circuit refused the attempt.
    CircuitOpen,
    /// Another call gave up after retries of its own.
    Exhausted,
}

impl Class {
    /// Every class, in order of declaration.
    pub const ALL: [Self; 13] = [
        Self::Transient,
        Self::Timeout,
        Self::RateLimit,
        Self::Network,
        Self::Server,
        Self::Unknown,
        Self::Permanent,
        Self::Client,
        Self::Validation,
        Self::NotFound,
        Self::Serialization,
        Self::CircuitOpen,
        Self::Exhausted,
    ];

    /// How bad an error of this class is, where nothing else is known of it.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Transient | Self::RateLimit | Self::Validation | Self::NotFound => Severity::Low,
            Self::Timeout | Self::Network | Self::Client | Self::Serialization => Severity::Medium,
            Self::Server | Self::Unknown | Self::Permanent | Self::CircuitOpen => Severity::High,
            Self::Exhausted => Severity::Critical,
        }
    }

    /// What a policy does after an error of this class, where it has no rule of its own for it.
    pub const fn recovery(self) -> Recovery {
        match self {
            Self::Transient
            | Self::Timeout
            | Self::RateLimit
            | Self::Network
            | Self::Server
            | Self::Unknown => Recovery::RetryWithBackoff,
            Self::CircuitOpen => Recovery::Circuit,
            Self::Permanent
            | Self::Client
            | Self::Validation
            | Self::NotFound
            | Self::Serialization
            | Self::Exhausted => Recovery::Fail,
        }
    }

    /// The name, as in the source.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transient => "Transient",
            Self::Timeout => "Timeout",
            Self::RateLimit => "RateLimit",
            Self::Network => "Network",
            Self::Server => "Server",
            Self::Unknown => "Unknown",
            Self::Permanent => "Permanent",
            Self::Client => "Client",
            Self::Validation => "Validation",
            Self::NotFound => "NotFound",
            Self::Serialization => "Serialization",
            Self::CircuitOpen => "CircuitOpen",
            Self::Exhausted => "Exhausted",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How severe an error is, for logs and alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Severity {
    /// Expected in daily work.
    Low,
    /// Worth a look if there are many.
    Medium,
    /// Someone should look.
    High,
    /// Something was lost.
    Critical,
}

/// What is done after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Recovery {
    /// Give up: it would fail again.
    Fail,
    /// Give up, but as [`ErrorKind::Ignored`](crate::ErrorKind::Ignored): reported, and the caller may go on
    /// without a value.
    Ignore,
    /// Try again after a delay by the backoff.
    RetryWithBackoff,
    /// Try again after this delay, whatever the attempt, spread only by a jitter of the rule's own.
    RetryWithDelay(Duration),
    /// Do not try again here: the circuit counts the failure and decides for everyone.
    Circuit,
    /// Wait until a readiness check says go, at most this long, then try again. Without a check, this long.
    WaitAndRetry(Duration),
}

/// A set of classes, one bit each.
///
/// ```
/// use retry_core::{Class, ClassSet};
///
/// const NETWORK: ClassSet = ClassSet::of(&[Class::Timeout, Class::Network]);
/// assert!(NETWORK.contains(Class::Timeout));
/// assert!(!NETWORK.without(Class::Timeout).contains(Class::Timeout));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClassSet(u16);

impl ClassSet {
    /// No class.
    pub const NONE: Self = Self(0);
    /// Every class.
    pub const ALL: Self = Self::of(&Class::ALL);
    /// What a policy retries unless told otherwise: `Transient`, `Timeout`, `RateLimit`, `Network`, `Server`
    /// and `Unknown`.
    pub const RETRYABLE: Self = {
        let (mut set, mut i) = (Self::NONE, 0);
        while i < Class::ALL.len() {
            if let Recovery::RetryWithBackoff = Class::ALL[i].recovery() {
                set = set.with(Class::ALL[i]);
            }
            i += 1;
        }
        set
    };
    /// What a circuit counts as a failure unless told otherwise: all that the dependency caused, which is all
    /// but `Permanent`, `Client`, `Validation`, `NotFound` and `Serialization`.
    pub const DEPENDENCY: Self = Self::RETRYABLE.with(Class::CircuitOpen).with(Class::Exhausted);

    /// The set of exactly these classes.
    pub const fn of(classes: &[Class]) -> Self {
        let mut set = Self::NONE;
        let mut i = 0;
        while i < classes.len() {
            set = set.with(classes[i]);
            i += 1;
        }
        set
    }

    /// This set and `class`.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// This set without `class`.
    #[must_use]
    pub const fn without(self, class: Class) -> Self {
        Self(self.0 & !(1 << class as u8))
    }

    /// Whether `class` is in it.
    pub const fn contains(self, class: Class) -> bool {
        self.0 & 1 << class as u8 != 0
    }

    /// The classes in it, in order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

/// The classes as a configuration file calls them, such as `timeout, rate_limit`; `none` if there is none.
impl fmt::Display for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("none");
        }
        for (place, class) in self.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}", SnakeCase(class))?;
        }
        Ok(())
    }
}

/// The name of a class in a configuration file: `RateLimit` is `rate_limit`.
pub(crate) struct SnakeCase(pub(crate) Class);

impl fmt::Display for SnakeCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, letter) in self.0.name().char_indices() {
            if letter.is_ascii_uppercase() && place > 0 {
                f.write_char('_')?;
            }
            f.write_char(letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ClassSet {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{{");
        for class in self.iter() {
            defmt::write!(f, " {}", class);
        }
        defmt::write!(f, " }}");
    }
}

impl fmt::Debug for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
