//! Classes of errors, with their severity and their usual recovery.

use core::fmt::{self, Write as _};
use core::time::Duration;

/// The class of an error: policies decide by it whether to retry, and circuits decide by it whether to count a failure.
///
/// A classifier maps errors to classes. It is a closure, or [`Classify`](crate::Classify) on the error type. These are
/// the defaults of each class:
///
/// | class | retried by a policy | counted by a circuit | severity |
/// |---|---|---|---|
/// | `Transient` | yes | as a failure | low |
/// | `Timeout` | yes | as a failure | medium |
/// | `RateLimit` | yes, after five times the backoff | as a failure | low |
/// | `Network` | yes | as a failure | medium |
/// | `Server`, `Unknown` | yes | as a failure | high |
/// | `Permanent` | no | as a success | high |
/// | `Client`, `Serialization` | no | as a success | medium |
/// | `Validation`, `NotFound` | no | as a success | low |
/// | `CircuitOpen` | no | as a failure; not at all if the refusal came before the first attempt | high |
/// | `Exhausted` | no | as a failure | critical |
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
    /// The error passes by itself, such as a lost race, a held lock or an election of a leader.
    Transient,
    /// The answer did not come in time.
    Timeout,
    /// The dependency asked for fewer requests.
    RateLimit,
    /// The connection failed: it was refused or reset, or the host is unreachable.
    Network,
    /// The dependency failed while it processed the request.
    Server,
    /// The classifier knows nothing about the error.
    Unknown,
    /// The same request would always fail, for every caller.
    Permanent,
    /// The request is in conflict with what the dependency knows: the caller is unauthorised, the request is forbidden, or
    /// the state does not allow it, as for an item that already exists.
    Client,
    /// The request is malformed or breaks a rule.
    Validation,
    /// The requested item does not exist.
    NotFound,
    /// The request or the answer could not be encoded or decoded.
    Serialization,
    /// A circuit inside the operation refused an attempt.
    CircuitOpen,
    /// A retry inside the operation gave up.
    Exhausted,
}

impl Class {
    /// All classes, in order of declaration.
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

    /// Returns how severe an error of this class usually is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Transient | Self::RateLimit | Self::Validation | Self::NotFound => Severity::Low,
            Self::Timeout | Self::Network | Self::Client | Self::Serialization => Severity::Medium,
            Self::Server | Self::Unknown | Self::Permanent | Self::CircuitOpen => Severity::High,
            Self::Exhausted => Severity::Critical,
        }
    }

    /// Returns what a policy does by default after an error of this class. The policy's
    /// [`retry_on`](crate::Policy::retry_on) and its rules can change it.
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

    /// Returns the name, as in the source code.
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

/// The severity of an error, for logs and alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Severity {
    /// Such errors are expected in normal operation.
    Low,
    /// Such errors should be looked at if there are many.
    Medium,
    /// Such an error should be looked at.
    High,
    /// The call failed after all its retries.
    Critical,
}

/// What a policy does after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Recovery {
    /// The call gives up, because another attempt would fail, too.
    Fail,
    /// The call ends with [`ErrorKind::Ignored`](crate::ErrorKind::Ignored), and the caller may go on without a value.
    Ignore,
    /// The call retries after a delay by the backoff.
    RetryWithBackoff,
    /// The call retries after this delay, the same one each time. A jitter applies only if the rule sets one.
    RetryWithDelay(Duration),
    /// The call gives up and leaves the error to the circuit, which counts the failure and decides for all callers.
    Circuit,
    /// The call retries as soon as the readiness check of [`Retry::ready`](crate::Retry::ready) returns `true`, and
    /// after this time at the latest. Without such a check, it retries after this time.
    WaitAndRetry(Duration),
}

/// A set of error classes.
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
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// The set of all classes.
    pub const ALL: Self = Self::of(&Class::ALL);
    /// The classes that a policy retries by default: `Transient`, `Timeout`, `RateLimit`, `Network`, `Server` and
    /// `Unknown`.
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
    /// The classes that a circuit counts as failures by default, because the dependency is at fault: those of
    /// [`RETRYABLE`](Self::RETRYABLE), `CircuitOpen` and `Exhausted`.
    pub const DEPENDENCY: Self = Self::RETRYABLE.with(Class::CircuitOpen).with(Class::Exhausted);

    /// Makes a set of these classes.
    pub const fn of(classes: &[Class]) -> Self {
        let mut set = Self::NONE;
        let mut i = 0;
        while i < classes.len() {
            set = set.with(classes[i]);
            i += 1;
        }
        set
    }

    /// Adds `class` to the set.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// Removes `class` from the set.
    #[must_use]
    pub const fn without(self, class: Class) -> Self {
        Self(self.0 & !(1 << class as u8))
    }

    /// Returns `true` if the set contains `class`.
    pub const fn contains(self, class: Class) -> bool {
        self.0 & 1 << class as u8 != 0
    }

    /// Returns the classes of the set, in order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.contains(*class))
    }
}

/// Writes the classes by their names in configuration files, such as `timeout, rate_limit`. The empty set is `none`.
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
