//! The error of a call.

use core::fmt;
use core::time::Duration;

use crate::circuit::Rejected;
use crate::class::{Class, Severity};
use crate::key::Key;
use crate::name::Name;
use crate::time::{Instant, Spoken};
use crate::verdict::{GiveUp, Reason};

/// The error of a call: how the call ended, after how many attempts, and the last attempt's error.
///
/// Shown, it is one line: the operation, what happened, and after what. [`kind`](Self::kind) tells the ways to end
/// apart, [`cause`](Self::cause) and [`inner`](Self::inner) give what the last attempt ended with, and
/// [`source`](core::error::Error::source) is the operation's own error.
///
/// To a retry around it, this error is [`Exhausted`](Class::Exhausted) or [`CircuitOpen`](Class::CircuitOpen), or has the
/// class that the call gave up for. None of them is retried by default: see its
/// [`Classify`](#impl-Classify-for-Error%3CE%3E).
///
/// ```
/// use retry_core::{Class, ErrorKind, GiveUp, Policy, Retry, testing::FakeClock};
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.read").keyed("eu-west-1");
/// let error = retry.run_blocking(|| Err::<(), _>(Class::Timeout)).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "stock.read[eu-west-1]: gave up after attempt 3 of 3, 300 ms (Timeout): no attempts left",
/// );
/// assert_eq!(error.kind(), ErrorKind::GaveUp(GiveUp::Attempts));
/// assert_eq!((error.attempts(), error.inner()), (3, Some(&Class::Timeout)));
/// ```
///
/// # Printing
///
/// `{error}` is one line about the call. It leaves out the text of the operation's error, because that is the
/// [`source`](core::error::Error::source). `{error:#}` prints the same line. To print the whole chain, follow the
/// sources:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::{error::Error as _, io};
/// use retry_core::{Policy, Retry, testing::FakeClock};
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).named("log.write");
/// let full = || Err::<(), _>(io::Error::from(io::ErrorKind::StorageFull));
/// let error = retry.run_blocking(full).unwrap_err();
///
/// let mut line = error.to_string();
/// assert_eq!(line, "log.write: gave up after attempt 1 of 3, 0 ms (Permanent): errors like this are not retried");
/// let mut source = error.source();
/// while let Some(cause) = source {
///     line += &format!(": {cause}");
///     source = cause.source();
/// }
/// assert!(line.ends_with("errors like this are not retried: no storage space"));
/// # }
/// ```
///
/// An `anyhow::Error` made of it prints the chain by `{:#}`. If `E` has only `Display`, print [`cause`](Self::cause)
/// after the error: `format!("{error}: {cause}")`.
///
/// # `?` with `anyhow` and boxed errors
///
/// `Error<E>` is a [`core::error::Error`] if `E` is one. `anyhow::Error` and `Box<dyn Error + Send + Sync>` lack that
/// trait. For these, write `call.map_err(Error::boxed)?`.
///
/// # A retry around a retry
///
/// For an outer retry, [how the call ended](Error#impl-Classify-for-Error%3CE%3E) gives this error its class: that of the
/// operation's error, [`Exhausted`](Class::Exhausted), or [`CircuitOpen`](Class::CircuitOpen) if the circuit refused an
/// attempt. None of them is retried by default, so that attempts do not multiply. An outer circuit takes the error as
/// [neutral](crate::Failure::neutral) if the inner call was cancelled, ignored, or refused before its first attempt, or
/// if its last failure was neutral.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Error<E> {
    kind: ErrorKind,
    cause: Option<Cause<E>>,
    context: ErrorContext,
    marks: Marks,
}

/// Whether the last failure was neutral, and what became of the letter: 1 if it was neutral, plus twice the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Marks(u8);

/// What became of the dead letter of a call: see [`Error::letter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LetterOutcome {
    /// A sink kept it.
    Kept = 1,
    /// It is lost: every sink failed or refused it.
    Lost = 2,
    /// It was left out and counted, because the circuit refused more calls than the sink's
    /// [`RejectedLimit`](crate::dead_letter::RejectedLimit) allows.
    LeftOut = 3,
}

/// How a failed call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The policy or the budget allowed no further attempt.
    GaveUp(GiveUp),
    /// The circuit refused an attempt.
    Rejected(Rejected),
    /// The call was stopped, such as by [`until`](crate::Retry::until) or a `CancelToken`.
    Cancelled,
    /// The policy ignores errors of this class, so the caller may go on without a value. See
    /// [`Error::none_if_ignored`].
    Ignored,
}

/// Why an attempt failed: an error, a timeout, or an unacceptable value.
///
/// Its `Display` writes the operation's own error, or a line of its own in the other cases.
///
/// ```
/// use core::time::Duration;
/// use retry_core::Cause;
///
/// assert_eq!(Cause::Failed("connection refused").to_string(), "connection refused");
/// assert_eq!(Cause::<&str>::TimedOut(Duration::from_secs(2)).to_string(), "timed out after 2.0 s");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Cause<E> {
    /// The operation's own error.
    Failed(E),
    /// The attempt exceeded its time limit. The duration is the attempt timeout, or the total timeout if that ended the
    /// call.
    TimedOut(Duration),
    /// [`Retry::classify_ok`](crate::Retry::classify_ok) marked the value as a failure.
    Unacceptable,
}

impl<E> Cause<E> {
    /// Returns the operation's own error; `None` after a timeout or an unacceptable value.
    pub const fn error(&self) -> Option<&E> {
        match self {
            Self::Failed(error) => Some(error),
            Self::TimedOut(_) | Self::Unacceptable => None,
        }
    }

    /// Converts the operation's own error.
    pub(crate) fn map<F>(self, f: impl FnOnce(E) -> F) -> Cause<F> {
        match self {
            Self::Failed(error) => Cause::Failed(f(error)),
            Self::TimedOut(limit) => Cause::TimedOut(limit),
            Self::Unacceptable => Cause::Unacceptable,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Cause<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::TimedOut(limit) => write!(f, "timed out after {}", Spoken(*limit)),
            Self::Unacceptable => f.write_str("the value is not acceptable"),
        }
    }
}

/// The call that an error is about, and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ErrorContext {
    /// The name of the operation, or an empty one.
    pub operation: Name,
    /// The key, such as a host, or [`Key::NONE`].
    pub key: Key,
    /// The number of the last attempt, counted from 1; 0 before the first attempt.
    pub attempt: u32,
    /// The largest number of attempts that the policy or its rule allows; `u32::MAX` for unlimited attempts.
    pub max_attempts: u32,
    /// How long the call took, delays included; `None` unless the call measures its time.
    ///
    /// A call measures its time if the policy, an observer or [`Retry::when`](crate::Retry::when) needs it.
    pub elapsed: Option<Duration>,
    /// The instant at which the call ended, on the runtime's clock.
    pub when: Instant,
    /// The class of the last attempt's failure; `None` before the end of the first attempt.
    pub class: Option<Class>,
}

impl ErrorContext {
    /// Returns the severity of the last attempt's failure; `None` before the end of the first attempt.
    pub fn severity(&self) -> Option<Severity> {
        self.class.map(Class::severity)
    }
}

impl<E> Error<E> {
    pub(crate) const fn new(
        kind: ErrorKind,
        cause: Option<Cause<E>>,
        context: ErrorContext,
        is_neutral: bool,
    ) -> Self {
        Self { kind, cause, context, marks: Marks(is_neutral as u8) }
    }

    /// Returns how the call ended.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) const fn context_ref(&self) -> &ErrorContext {
        &self.context
    }

    /// Returns the call that this error is about, and how far it came.
    pub fn context(&self) -> ErrorContext {
        self.context.clone()
    }

    /// Returns the name of the operation, or an empty text.
    pub fn operation(&self) -> &str {
        self.context.operation.as_str()
    }

    /// Returns how many attempts were made.
    pub const fn attempts(&self) -> u32 {
        self.context.attempt
    }

    /// Returns the class of the last attempt's failure; `None` before the end of the first attempt.
    pub const fn class(&self) -> Option<Class> {
        self.context.class
    }

    /// Returns how long the call took, delays included; `None` unless the call measures its time: see
    /// [`ErrorContext::elapsed`].
    pub const fn elapsed(&self) -> Option<Duration> {
        self.context.elapsed
    }

    /// Returns why the last attempt failed; `None` before the end of the first attempt.
    pub const fn cause(&self) -> Option<&Cause<E>> {
        self.cause.as_ref()
    }

    /// Returns why the last attempt failed, by value; `None` before the end of the first attempt.
    pub fn into_cause(self) -> Option<Cause<E>> {
        self.cause
    }

    /// Returns the operation's own error, if the last attempt ended with one.
    pub const fn inner(&self) -> Option<&E> {
        match &self.cause {
            Some(cause) => cause.error(),
            None => None,
        }
    }

    /// Returns the operation's own error by value, if the last attempt ended with one.
    pub fn into_inner(self) -> Option<E> {
        match self.cause {
            Some(Cause::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// Converts the operation's own error: `error.map(std::io::Error::other)`. Everything else stays.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Error<F> {
        let Self { kind, cause, context, marks } = self;
        Error { kind, cause: cause.map(|cause| cause.map(f)), context, marks }
    }

    /// Returns `Ok(None)` if the policy ignored the error. With it, a call for which a missing value is fine returns an
    /// `Option`.
    ///
    /// ```
    /// use retry_core::{Class, Error, Policy, Recovery, Retry, Rule, testing::FakeClock};
    ///
    /// const POLICY: Policy = Policy::DEFAULT.rules(&[Rule::class(Class::NotFound).recovery(Recovery::Ignore)]);
    ///
    /// let clock = FakeClock::new();
    /// let call = Retry::new(&POLICY, &clock).run_blocking(|| Err::<u32, _>(Class::NotFound));
    /// let cached: Option<u32> = call.map(Some).or_else(Error::none_if_ignored)?;
    /// assert_eq!(cached, None);
    /// # Ok::<(), Error<Class>>(())
    /// ```
    ///
    /// # Errors
    /// Returns the error itself if it was not ignored.
    pub fn none_if_ignored<T>(self) -> Result<Option<T>, Self> {
        if self.is_ignored() { Ok(None) } else { Err(self) }
    }

    /// Returns why the call ended, in one enum of all reasons.
    pub const fn reason(&self) -> Reason {
        match self.kind {
            ErrorKind::GaveUp(reason) => Reason::GaveUp(reason),
            ErrorKind::Ignored => Reason::GaveUp(GiveUp::Ignored),
            ErrorKind::Rejected(_) => Reason::Rejected,
            ErrorKind::Cancelled => Reason::Cancelled,
        }
    }

    /// Returns `true` if the circuit refused an attempt.
    pub const fn is_circuit_open(&self) -> bool {
        matches!(self.kind, ErrorKind::Rejected(_))
    }

    /// Returns `true` if the call gave up because all attempts were made.
    pub const fn is_exhausted(&self) -> bool {
        self.gave_up_for(GiveUp::Attempts)
    }

    /// Returns `true` if the call gave up because the next attempt would have started too late: see
    /// [`Policy::start_within`](crate::Policy::start_within).
    pub const fn is_start_within(&self) -> bool {
        self.gave_up_for(GiveUp::StartWithin)
    }

    /// Returns `true` if the call gave up because of its total timeout.
    pub const fn is_total_timeout(&self) -> bool {
        self.gave_up_for(GiveUp::TotalTimeout)
    }

    /// Returns `true` if the call gave up because the retry budget was empty.
    pub const fn is_budget_empty(&self) -> bool {
        self.gave_up_for(GiveUp::Budget)
    }

    /// Returns `true` if the call was stopped, such as by [`until`](crate::Retry::until) or a `CancelToken`.
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.kind, ErrorKind::Cancelled)
    }

    /// Returns `true` if the policy ignored the error.
    pub const fn is_ignored(&self) -> bool {
        matches!(self.kind, ErrorKind::Ignored)
    }

    /// Returns `true` if the last attempt's failure has the class [`Timeout`](Class::Timeout).
    pub fn is_timeout(&self) -> bool {
        self.context.class == Some(Class::Timeout)
    }

    /// Returns `true` if the last attempt's failure was [neutral](crate::Failure::neutral): it says nothing about the
    /// dependency.
    pub const fn is_neutral(&self) -> bool {
        self.marks.0 & 1 != 0
    }

    /// Returns what became of the call's dead letter; `None` if the call left none.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use retry_core::{
    ///     Class, Policy, Retry, dead_letter::{DeadLetterQueue, LetterOutcome, WhenFull}, testing::FakeClock,
    /// };
    ///
    /// let (clock, letters) = (FakeClock::new(), DeadLetterQueue::new(1, WhenFull::Refuse));
    /// let stock = Retry::new(&Policy::DEFAULT, &clock);
    /// let write = || stock.dead_letters(&letters).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    /// assert_eq!(write().letter(), Some(LetterOutcome::Kept));
    /// assert_eq!(write().letter(), Some(LetterOutcome::Lost)); // the caller can tell its own caller
    /// # }
    /// ```
    pub const fn letter(&self) -> Option<LetterOutcome> {
        match self.marks.0 >> 1 {
            1 => Some(LetterOutcome::Kept),
            2 => Some(LetterOutcome::Lost),
            3 => Some(LetterOutcome::LeftOut),
            _ => None,
        }
    }

    pub(crate) const fn mark_letter(&mut self, outcome: LetterOutcome) {
        self.marks.0 = self.marks.0 & 1 | (outcome as u8) << 1;
    }

    const fn gave_up_for(&self, reason: GiveUp) -> bool {
        matches!(self.kind, ErrorKind::GaveUp(gave_up) if gave_up as u8 == reason as u8)
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, context, .. } = self;
        context.key.fmt_after(&context.operation, f)?;
        match kind {
            ErrorKind::GaveUp(reason) => write!(f, "gave up {context}: {reason}"),
            ErrorKind::Rejected(rejected) => write!(f, "rejected {context}: {rejected}"),
            ErrorKind::Cancelled => write!(f, "cancelled {context}"),
            ErrorKind::Ignored => write!(f, "ignored an error {context}"),
        }
    }
}

/// Writes the attempts, the time and the class, such as `after attempt 2 of 5, 27.1 s (Timeout)`.
impl fmt::Display for ErrorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.attempt, self.max_attempts) {
            (0, _) => f.write_str("before the first attempt")?,
            (attempt, u32::MAX) => write!(f, "after attempt {attempt}")?,
            (attempt, most) => write!(f, "after attempt {attempt} of {most}")?,
        }
        if let Some(elapsed) = self.elapsed {
            write!(f, ", {}", Spoken(elapsed))?;
        }
        match self.class {
            Some(class) => write!(f, " ({class})"),
            None => Ok(()),
        }
    }
}

/// An error that can be the [`source`](core::error::Error::source) of an [`Error`]: every [`core::error::Error`], and
/// a [`BoxError`].
#[diagnostic::on_unimplemented(
    message = "`retry_core::Error<{Self}>` is not a `std::error::Error`, because `{Self}` is not",
    // `?` shows the label, and no note.
    label = "`{Self}` is not a `std::error::Error`: write `.map_err(retry_core::Error::boxed)?`",
    note = "`boxed` is for `anyhow::Error`, `Box<dyn Error + Send + Sync>` and text; it needs the `Send + Sync`"
)]
pub trait Source: fmt::Debug {
    /// Returns the error itself.
    fn source(&self) -> &(dyn core::error::Error + 'static);
}

#[diagnostic::do_not_recommend]
impl<E: core::error::Error + 'static> Source for E {
    fn source(&self) -> &(dyn core::error::Error + 'static) {
        self
    }
}

impl<E: Source> core::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.inner().map(Source::source)
    }
}

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use boxed::BoxError;

#[cfg(feature = "std")]
mod boxed {
    use core::fmt;
    use core::ops::Deref;
    use std::boxed::Box;

    use super::{Error, Source};

    /// A boxed error of any type. [`Error::boxed`] makes it from an `anyhow::Error`, a boxed error or text.
    ///
    /// It does not implement [`core::error::Error`], so that the error in the box is the source of an
    /// [`Error<BoxError>`], and can be downcast there.
    pub struct BoxError(Box<dyn core::error::Error + Send + Sync>);

    impl BoxError {
        /// Returns the error in the box.
        #[must_use]
        pub fn into_inner(self) -> Box<dyn core::error::Error + Send + Sync> {
            self.0
        }
    }

    impl<E: Into<Box<dyn core::error::Error + Send + Sync>>> From<E> for BoxError {
        fn from(error: E) -> Self {
            Self(error.into())
        }
    }

    impl Deref for BoxError {
        type Target = dyn core::error::Error + Send + Sync + 'static;

        fn deref(&self) -> &Self::Target {
            &*self.0
        }
    }

    impl Source for BoxError {
        fn source(&self) -> &(dyn core::error::Error + 'static) {
            &*self.0
        }
    }

    impl fmt::Display for BoxError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl fmt::Debug for BoxError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl<E: Into<Box<dyn core::error::Error + Send + Sync>>> Error<E> {
        /// Boxes the operation's own error, so that this error is a [`core::error::Error`] and works with `?`.
        ///
        /// ```
        /// use std::error::Error as StdError;
        /// use retry_core::{Class, Error, Policy, retry};
        ///
        /// fn stock() -> Result<u32, Box<dyn StdError + Send + Sync>> {
        ///     let read = retry(&Policy::DEFAULT).classify(|_: &Box<dyn StdError + Send + Sync>| Class::Validation);
        ///     let count = read.run_blocking(|| Ok("7".parse::<u32>()?)).map_err(Error::boxed)?;
        ///     Ok(count)
        /// }
        /// assert_eq!(stock().unwrap(), 7);
        /// ```
        pub fn boxed(self) -> Error<BoxError> {
            self.map(BoxError::from)
        }
    }
}
