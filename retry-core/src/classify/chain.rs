//! The class of an error by its chain of causes.

use core::error::Error as StdError;
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

#[cfg(feature = "std")]
use std::{boxed::Box, io, sync::Arc};

use super::{Classifier, Classify, Progress};
use crate::circuit::Rejected;
use crate::class::Class;
#[cfg(feature = "std")]
use crate::error::{BoxError, Error};
use crate::error_text::ErrorText;
use crate::policy::Failure;

/// Classifies errors of any type, such as boxed ones, by their chain of causes.
///
/// The chain is the error, its [`source`](StdError::source), and so on, as [`causes`] lists it. These decide, in this
/// order:
///
/// 1. The outermost error of a type that the program added, by [`knows`](Self::knows) or [`knows_by`](Self::knows_by).
/// 2. The outermost error of this library, which tells how an inner call ended. It decides before the error that the
///    inner call ended with, so that nested retries do not multiply. With `std`, this crate knows [`Rejected`],
///    [`Error<std::io::Error>`](crate::Error) and [`Error<BoxError>`](crate::Error). Add an `Error` over another type
///    by its name.
/// 3. The outermost error that has a class. With `std`, this crate knows `std::io::Error`. An adapter knows
///    more: `retry_tokio::error_chain()` knows tokio, http, hyper, h2, object_store, redis, reqwest,
///    sqlx, tokio-postgres, tonic and tower.
///
/// If none of them knows the error, its class is [`Unknown`](Class::Unknown). An error of the first kind that is
/// `Unknown`, without a hint or a rule, leaves the decision to the rest of the chain; so does `None` of a closure. If an
/// error of the first kind contains one of the second, the class is that of the first, and the attempt is the
/// [last](Failure::last): it was retried inside. It is [neutral](Failure::neutral) if one of the two is.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::{error::Error as StdError, fmt, io};
/// use retry_core::{Class, Classify, Error, Failure, Policy, classify::ErrorChain, testing::FakeClock};
///
/// #[derive(Debug)]
/// struct Unpaid;
///
/// impl fmt::Display for Unpaid {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("the invoice is unpaid")
///     }
/// }
///
/// impl StdError for Unpaid {}
///
/// impl Classify for Unpaid {
///     fn classify(&self) -> Failure {
///         Class::Client.into()
///     }
/// }
///
/// type AnyError = Box<dyn StdError + Send + Sync>;
///
/// let errors = ErrorChain::new().knows::<Unpaid>().knows::<Error<Unpaid>>();
/// let unpaid: AnyError = io::Error::other(Unpaid).into();
/// assert_eq!(errors.classify(&*unpaid).class, Class::Client);
/// let refused: AnyError = io::Error::from(io::ErrorKind::ConnectionRefused).into();
/// assert_eq!(errors.classify(&*refused).class, Class::Network);
///
/// let clock = FakeClock::new();
/// let retry = retry_core::Retry::new(&Policy::DEFAULT, &clock).classify(|error: &AnyError| errors.classify(&**error));
/// let error = retry.run_blocking(|| Err::<(), AnyError>(io::Error::other(Unpaid).into())).unwrap_err();
/// assert_eq!((error.attempts(), error.class()), (1, Some(Class::Client)));
/// # }
/// ```
///
/// For an error type that implements `Error`, it is a classifier: `retry.classifier(ErrorChain::new())`. A boxed error does
/// not implement `Error`, so it needs a closure, as in the example.
#[derive(Clone, Copy, Default)]
pub struct ErrorChain<B = CoreErrors, A = ()> {
    base: B,
    added: A,
}

impl ErrorChain {
    /// Knows the errors of this library and, with `std`, `std::io::Error`.
    pub const fn new() -> Self {
        Self::over(CoreErrors)
    }
}

impl<B> ErrorChain<B> {
    /// Knows the errors of an adapter.
    pub const fn over(base: B) -> Self {
        Self { base, added: () }
    }
}

impl<B, A> ErrorChain<B, A> {
    /// Adds a type of error that has a class, such as `Error<MyError>`. It is found at any depth, also in an `Arc` or a
    /// `Box` of its own.
    #[must_use]
    pub fn knows<T: Classify + StdError + 'static>(self) -> ErrorChain<B, Known<T, A>> {
        ErrorChain { base: self.base, added: Known { type_of: PhantomData, others: self.added } }
    }

    /// Adds a type of error by a closure. If the closure returns `None`, the rest of the chain decides.
    ///
    /// ```
    /// use core::num::ParseIntError;
    /// use retry_core::{Class, Failure, classify::ErrorChain};
    ///
    /// let errors = ErrorChain::new().knows_by(|_: &ParseIntError| Some(Failure::new(Class::Serialization)));
    /// let error = "seven".parse::<u32>().unwrap_err();
    /// assert_eq!(errors.classify(&error).class, Class::Serialization);
    /// ```
    #[must_use]
    pub fn knows_by<T, F>(self, classify: F) -> ErrorChain<B, KnownBy<T, F, A>>
    where
        T: StdError + 'static,
        F: Fn(&T) -> Option<Failure>,
    {
        ErrorChain { base: self.base, added: KnownBy { type_of: PhantomData, classify, others: self.added } }
    }
}

impl<B: BaseErrors, A: AddedErrors> ErrorChain<B, A> {
    /// Returns the failure that the error and its causes describe.
    pub fn classify(&self, error: &(dyn StdError + 'static)) -> Failure {
        let chain = causes(error);
        let ended = self.base.ended(chain.clone());
        match (chain.clone().find_map(|error| self.added.look(error)), ended) {
            (Some(failure), Some(ended))
                if !matches!(failure.class, Class::Exhausted | Class::CircuitOpen) =>
            {
                // What the inner call could not ask says nothing about the dependency, whatever its class.
                Failure { is_neutral: failure.is_neutral || ended.is_neutral, ..failure.last() }
            }
            (Some(failure), _) | (None, Some(failure)) => failure,
            (None, None) => self.base.find(chain).unwrap_or(Class::Unknown.into()),
        }
    }
}

impl<T, E: AsError, B: BaseErrors, A: AddedErrors> Classifier<T, E> for ErrorChain<B, A> {
    fn failure(&self, error: &E, _: Progress) -> Failure {
        self.classify(error.as_error())
    }

    fn text<'e>(&self, error: &'e E) -> Option<ErrorText<'e>> {
        Some(ErrorText::chain(error.as_error()))
    }
}

impl<B: fmt::Debug, A> fmt::Debug for ErrorChain<B, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorChain({:?}, ..)", self.base)
    }
}

/// Iterates over the error and its causes, from the outside in.
///
/// A cause is the [`source`](StdError::source), with two exceptions that `source` would leave out: the error inside
/// an `io::Error`, and the error inside an `Arc<dyn Error + Send + Sync>`. The list ends after 1,000 errors, because an
/// error may name itself as its source.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::{fmt, io};
/// use retry_core::classify::causes;
///
/// let error = io::Error::other(fmt::Error);
/// assert!(causes(&error).any(|cause| cause.is::<fmt::Error>()));
/// # }
/// ```
pub fn causes<'e>(error: &'e (dyn StdError + 'static)) -> Causes<'e> {
    Causes { next: Some(error), left: 1_000 }
}

/// The iterator of [`causes`].
#[derive(Clone, Debug)]
pub struct Causes<'e> {
    next: Option<&'e (dyn StdError + 'static)>,
    left: u16,
}

impl<'e> Iterator for Causes<'e> {
    type Item = &'e (dyn StdError + 'static);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let error = self.next?;
        self.next = inside(error);
        Some(error)
    }
}

impl FusedIterator for Causes<'_> {}

#[cfg(feature = "std")]
fn inside<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    if let Some(shared) = error.downcast_ref::<Arc<dyn StdError + Send + Sync>>() {
        return Some(&**shared);
    }
    match downcast::<io::Error>(error).and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

#[cfg(not(feature = "std"))]
fn inside<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    error.source()
}

/// Returns the error as one of this type. With `std`, it may also be in a `Box` or an `Arc` of its own, which are error
/// types themselves.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use std::{error::Error, fmt, sync::Arc};
/// use retry_core::classify::downcast;
///
/// let shared: Box<dyn Error> = Box::new(Arc::new(fmt::Error));
/// assert!(shared.downcast_ref::<fmt::Error>().is_none());
/// assert!(downcast::<fmt::Error>(&*shared).is_some());
/// # }
/// ```
pub fn downcast<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    let plain = error.downcast_ref::<T>();
    #[cfg(feature = "std")]
    let plain = plain
        .or_else(|| error.downcast_ref::<Box<T>>().map(|boxed| &**boxed))
        .or_else(|| error.downcast_ref::<Arc<T>>().map(|shared| &**shared));
    plain
}

/// The errors that an [`ErrorChain`] knows by itself, implemented once per adapter.
pub trait BaseErrors {
    /// Returns the failure of the first error of this library in the chain, which tells how an inner call ended. Returns
    /// `None` if there is none.
    fn ended(&self, chain: Causes<'_>) -> Option<Failure>;

    /// Returns the failure of the first error in the chain that has a class, or `None`.
    fn find(&self, chain: Causes<'_>) -> Option<Failure>;
}

/// The errors that an [`ErrorChain`] knows without an adapter: errors of this library and, with `std`,
/// `std::io::Error`.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CoreErrors;

impl BaseErrors for CoreErrors {
    fn ended(&self, mut chain: Causes<'_>) -> Option<Failure> {
        chain.find_map(Self::ended_here)
    }

    #[cfg(feature = "std")]
    fn find(&self, mut chain: Causes<'_>) -> Option<Failure> {
        chain.find_map(|error| said(downcast::<io::Error>(error)?.classify()))
    }

    #[cfg(not(feature = "std"))]
    fn find(&self, _: Causes<'_>) -> Option<Failure> {
        None
    }
}

impl CoreErrors {
    /// Returns the failure of this one error, if it is of this library. An adapter calls it for each error, if the
    /// place of an error in its chain matters.
    pub fn ended_here(error: &(dyn StdError + 'static)) -> Option<Failure> {
        #[cfg(feature = "std")]
        if let Some(failure) = ended_as::<BoxError>(error).or_else(|| ended_as::<io::Error>(error)) {
            return Some(failure);
        }
        downcast::<Rejected>(error).map(Classify::classify)
    }
}

#[cfg(feature = "std")]
fn ended_as<E>(error: &(dyn StdError + 'static)) -> Option<Failure>
where
    Error<E>: StdError + 'static,
{
    downcast::<Error<E>>(error).map(Classify::classify)
}

/// Returns the failure, or `None` for a bare `Unknown`.
fn said(failure: Failure) -> Option<Failure> {
    (failure != Failure::new(Class::Unknown)).then_some(failure)
}

/// The types of errors that a program adds to an [`ErrorChain`].
pub trait AddedErrors {
    /// Returns the failure of this one error; its causes are left out. Returns `None` if its type is another, or if it
    /// has no class.
    fn look(&self, error: &(dyn StdError + 'static)) -> Option<Failure>;
}

impl AddedErrors for () {
    fn look(&self, _: &(dyn StdError + 'static)) -> Option<Failure> {
        None
    }
}

/// A type of error that classifies itself: see [`ErrorChain::knows`].
pub struct Known<T, A> {
    type_of: PhantomData<fn(&T)>,
    others: A,
}

impl<T: Classify + StdError + 'static, A: AddedErrors> AddedErrors for Known<T, A> {
    fn look(&self, error: &(dyn StdError + 'static)) -> Option<Failure> {
        downcast::<T>(error).map(Classify::classify).and_then(said).or_else(|| self.others.look(error))
    }
}

impl<T, A: Clone> Clone for Known<T, A> {
    fn clone(&self) -> Self {
        Self { type_of: PhantomData, others: self.others.clone() }
    }
}

impl<T, A: Copy> Copy for Known<T, A> {}

impl<T, A> fmt::Debug for Known<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known(..)")
    }
}

/// A type of error that a closure classifies: see [`ErrorChain::knows_by`].
pub struct KnownBy<T, F, A> {
    type_of: PhantomData<fn(&T)>,
    classify: F,
    others: A,
}

impl<T, F, A> AddedErrors for KnownBy<T, F, A>
where
    T: StdError + 'static,
    F: Fn(&T) -> Option<Failure>,
    A: AddedErrors,
{
    fn look(&self, error: &(dyn StdError + 'static)) -> Option<Failure> {
        downcast::<T>(error).and_then(&self.classify).or_else(|| self.others.look(error))
    }
}

impl<T, F: Clone, A: Clone> Clone for KnownBy<T, F, A> {
    fn clone(&self) -> Self {
        Self { type_of: PhantomData, classify: self.classify.clone(), others: self.others.clone() }
    }
}

impl<T, F: Copy, A: Copy> Copy for KnownBy<T, F, A> {}

impl<T, F, A> fmt::Debug for KnownBy<T, F, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownBy(..)")
    }
}

/// An error that an [`ErrorChain`] can look into: every [`core::error::Error`], and a `BoxError`.
#[diagnostic::on_unimplemented(
    message = "an `ErrorChain` cannot look into `{Self}`, because it is not a `std::error::Error`",
    note = "for a boxed error, write `.classify(|error: &{Self}| errors.classify(&**error))`"
)]
pub trait AsError {
    /// Returns the error itself.
    fn as_error(&self) -> &(dyn StdError + 'static);
}

#[diagnostic::do_not_recommend]
impl<E: StdError + 'static> AsError for E {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

#[cfg(feature = "std")]
impl AsError for BoxError {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        &**self
    }
}

/// Classifies the error by its chain of causes: see [`ErrorChain`].
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl Classify for BoxError {
    fn classify(&self) -> Failure {
        ErrorChain::new().classify(self.as_error())
    }

    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::chain(self.as_error()))
    }
}
