//! The error of a call.

#[cfg(feature = "std")]
mod boxed;
mod cause;
mod context;

use core::fmt;
use core::time::Duration;

use crate::circuit::Rejected;
use crate::class::Class;
use crate::error_text::ErrorText;
use crate::time::Spoken;
use crate::verdict::{GiveUp, Reason};

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use boxed::BoxError;
pub use cause::Cause;
pub(crate) use context::{Context, LastHint};
pub use context::{ErrorContext, LetterOutcome};

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
/// [`source`](core::error::Error::source), which programs print after the error. `{error:#}` prints the same line.
/// [`report`](Self::report) is the line with the whole chain of causes, for a log:
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
/// let line = "log.write: gave up after attempt 1 of 3, 0 ms (Permanent): errors like this are not retried";
/// assert_eq!(error.to_string(), line);
/// assert_eq!(error.report().to_string(), format!("{line}: no storage space"));
/// assert_eq!(error.source().unwrap().to_string(), "no storage space");
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
    context: Context,
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

impl<E> Error<E> {
    pub(crate) const fn new(kind: ErrorKind, cause: Option<Cause<E>>, context: Context) -> Self {
        Self { kind, cause, context }
    }

    /// Returns how the call ended.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) const fn context_ref(&self) -> &Context {
        &self.context
    }

    /// Returns the call that this error is about, and how far it came.
    pub fn context(&self) -> ErrorContext {
        self.context.whole()
    }

    /// Returns the name of the operation, or an empty text.
    pub fn operation(&self) -> &str {
        self.context.operation.as_str()
    }

    /// Returns how many attempts were made. A retry that a limit of time ended before it ran does not count. After a reset
    /// by [`Policy::reset_after`](crate::Policy::reset_after), attempts are counted from it on.
    pub const fn attempts(&self) -> u32 {
        self.context.attempt
    }

    /// Returns the class of the last attempt's failure; `None` before the end of the first attempt.
    pub const fn class(&self) -> Option<Class> {
        self.context.class
    }

    /// Returns the hint of the last attempt's failure, such as HTTP's `Retry-After`: how long the server asked to wait from
    /// the end of that attempt. Returns `None` if the failure had no hint, or if the policy [ignores](crate::policy::Hints) hints.
    /// A service can pass it on to its own callers. It is rounded up to whole milliseconds, and at most 49 days.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, Failure, Policy, Retry, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let busy = Failure::new(Class::Server).retry_after(Duration::from_secs(120));
    /// let error = Retry::new(&Policy::DEFAULT, &clock).run_blocking(|| Err::<(), _>(busy)).unwrap_err();
    /// assert_eq!(error.hint(), Some(Duration::from_secs(120))); // longer than the policy waits
    /// ```
    #[doc(alias = "retry-after")]
    pub fn hint(&self) -> Option<Duration> {
        self.context.hint.known()
    }

    /// Returns how long the call took, delays included; `None` if that is unknown: see [`ErrorContext::elapsed`].
    pub fn elapsed(&self) -> Option<Duration> {
        self.context.elapsed()
    }

    /// Returns the wall-clock time at which the call ended; `None` if the runtime has
    /// [none](crate::runtime::Clock::unix_time). The runtimes of `std`, tokio and async-std have one.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use retry_core::{Class, Policy};
    ///
    /// let start = SystemTime::now();
    /// let error = retry_core::retry(Policy::DEFAULT).run_blocking(|| Err::<(), _>(Class::Validation)).unwrap_err();
    /// assert!(error.at().unwrap() >= start);
    /// ```
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn at(&self) -> Option<std::time::SystemTime> {
        std::time::UNIX_EPOCH.checked_add(self.context.unix_time()?)
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
        let Self { kind, cause, context } = self;
        Error { kind, cause: cause.map(|cause| cause.map(f)), context }
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
        self.context.is_neutral
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
        self.context.letter
    }

    pub(crate) const fn mark_letter(&mut self, outcome: LetterOutcome) {
        self.context.letter = Some(outcome);
    }

    const fn gave_up_for(&self, reason: GiveUp) -> bool {
        matches!(self.kind, ErrorKind::GaveUp(gave_up) if gave_up as u8 == reason as u8)
    }
}

impl<E: Source> Error<E> {
    /// Returns the line of the error with the chain of its causes, for a log. The causes are shown as [`ErrorText`] shows
    /// them: at most 256 bytes, on one line, and without the secrets of URLs.
    ///
    /// If `E` has only `Display`, print the [`cause`](Self::cause) instead: `format!("{error}: {cause}")`.
    pub fn report(&self) -> Report<'_, E> {
        Report(self)
    }
}

/// An [`Error`] and its causes in one line: see [`Error::report`].
#[derive(Debug)]
pub struct Report<'a, E>(&'a Error<E>);

impl<E: Source> fmt::Display for Report<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(f, "{error}")?;
        match &error.cause {
            Some(Cause::Failed(cause)) => write!(f, ": {}", ErrorText::chain(cause.source())),
            Some(Cause::TimedOut(limit)) => write!(f, ": timed out after {}", Spoken(*limit)),
            Some(Cause::Unacceptable(_)) | None => Ok(()), // shown by the error
        }
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, context) = (&self.kind, self.context.whole());
        context.key.fmt_after(&context.operation, f)?;
        match kind {
            ErrorKind::GaveUp(reason) => write!(f, "gave up {context}: {reason}")?,
            ErrorKind::Rejected(rejected) => write!(f, "rejected {context}: {rejected}")?,
            ErrorKind::Cancelled => write!(f, "cancelled {context}")?,
            ErrorKind::Ignored => write!(f, "ignored an error {context}")?,
        }
        // An unacceptable value is no `source`, so its detail belongs here.
        match &self.cause {
            Some(Cause::Unacceptable(Some(detail))) => write!(f, ": {detail}"),
            _ => Ok(()),
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
