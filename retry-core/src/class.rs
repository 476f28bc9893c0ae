//! What kind of error it was, and who says so.

use core::fmt;
use core::time::Duration;

/// The kind of an error, as far as a retry is concerned.
///
/// A classifier (a closure, or [`Classify`] on the error type) maps errors to classes; policies and circuits
/// only ever see the class.
///
/// ```
/// use retry_core::{Class, Policy};
///
/// assert!(Policy::DEFAULT.retries(Class::Timeout));
/// assert!(!Policy::DEFAULT.retries(Class::Validation));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// What a policy retries unless told otherwise: `Transient`, `Timeout`, `RateLimit`, `Network`, `Server`
    /// and `Unknown`.
    pub const RETRYABLE: Self = Self::of(&[
        Class::Transient,
        Class::Timeout,
        Class::RateLimit,
        Class::Network,
        Class::Server,
        Class::Unknown,
    ]);
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

impl fmt::Debug for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// What a classifier says of one error: its class, and how long the server asked to be left alone.
///
/// A [`Class`] turns into one by itself, so a classifier may return either.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Class, Failure};
///
/// let busy = Failure::new(Class::Server).retry_after(Duration::from_secs(2));
/// assert_eq!(busy.hint, Some(Duration::from_secs(2)));
/// assert_eq!(Failure::from(Class::Timeout).hint, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of error.
    pub class: Class,
    /// The server's hint: no attempt sooner than this from now.
    pub hint: Option<Duration>,
}

impl Failure {
    /// A failure of this class, without a hint.
    pub const fn new(class: Class) -> Self {
        Self { class, hint: None }
    }

    /// The same with a hint, such as HTTP's `Retry-After`: a floor under the next delay.
    #[must_use]
    pub const fn retry_after(self, hint: Duration) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }
}

impl From<Class> for Failure {
    fn from(class: Class) -> Self {
        Self::new(class)
    }
}

/// An error that knows its own class.
///
/// ```
/// use retry_core::{Class, Classify, Failure};
///
/// enum Fetch { Refused, BadSku }
///
/// impl Classify for Fetch {
///     fn classify(&self) -> Failure {
///         match self {
///             Fetch::Refused => Class::Network.into(),
///             Fetch::BadSku => Class::Validation.into(),
///         }
///     }
/// }
/// assert_eq!(Fetch::BadSku.classify().class, Class::Validation);
/// ```
#[diagnostic::on_unimplemented(
    message = "nothing says which class of error `{Self}` is",
    note = "implement `retry_core::Classify` for it, or give the retry a closure: `.classify(|error| Class::..)`"
)]
pub trait Classify {
    /// The class of this error, and the server's hint if there is one.
    fn classify(&self) -> Failure;
}

impl Classify for core::convert::Infallible {
    fn classify(&self) -> Failure {
        match *self {}
    }
}

/// From an error to its [`Failure`]: a closure, or [`ByTrait`].
pub trait Classifier<E> {
    /// The class of `error`, and the server's hint if there is one.
    fn classify(&self, error: &E) -> Failure;
}

impl<E, F, C> Classifier<E> for F
where
    F: Fn(&E) -> C,
    C: Into<Failure>,
{
    fn classify(&self, error: &E) -> Failure {
        self(error).into()
    }
}

/// The classifier that asks the error itself, by its [`Classify`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ByTrait;

impl<E: Classify> Classifier<E> for ByTrait {
    fn classify(&self, error: &E) -> Failure {
        error.classify()
    }
}
