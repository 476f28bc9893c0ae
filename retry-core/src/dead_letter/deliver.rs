//! How a letter reaches its sink: at once, or by a future.

use core::fmt;
use core::future::{Future, Ready, ready};
use core::time::Duration;

use super::letter::DeadLetter;
use super::rejected_limit::LetterAdmission;
use super::sink::{DeadLetterSink, LetterContext};

/// Delivers the letters of asynchronous calls: to a sink, by a closure's future, or by a type of your own, for
/// [`Retry::deliver_dead_letters`](crate::Retry::deliver_dead_letters).
///
/// Unlike a [`DeadLetterSink`], it may wait without blocking a thread, such as until a letter is on disk.
pub trait Deliver<T, E> {
    /// The future of a delivery. Its error is a letter that was not kept.
    type Delivery: Future<Output = Result<(), DeadLetter<T>>>;

    /// Begins to deliver a letter.
    fn deliver(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Self::Delivery;

    /// Returns whether the letter of a call is taken: see [`DeadLetterSink::admit`].
    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        let _ = context;
        LetterAdmission::Take
    }

    /// Returns the longest time that a delivery may take; `None` for no limit.
    fn timeout(&self) -> Option<Duration> {
        None
    }

    /// Takes a letter that a delivery has returned.
    ///
    /// # Errors
    /// Returns an error if the letter is not kept. The error is the letter.
    fn returned(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>>;
}

/// Delivers to a sink, for [`Retry::dead_letters`](crate::Retry::dead_letters).
pub struct BySink<'r, S: ?Sized>(pub(super) &'r S);

impl<T, E, S: DeadLetterSink<T, E> + ?Sized> Deliver<T, E> for BySink<'_, S> {
    type Delivery = Ready<Result<(), DeadLetter<T>>>;

    fn deliver(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Self::Delivery {
        ready(self.0.accept(letter, context))
    }

    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        self.0.admit(context)
    }

    fn returned(&self, letter: DeadLetter<T>, _: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        Err(letter)
    }
}

/// Delivers by a closure's future, and hands a letter that it returns to a sink, for
/// [`Retry::send_dead_letters`](crate::Retry::send_dead_letters).
pub struct ByFuture<'r, F, S: ?Sized> {
    handler: &'r F,
    or: &'r S,
    timeout: Option<Duration>,
}

impl<'r, F, S: ?Sized> ByFuture<'r, F, S> {
    pub(super) const fn new(handler: &'r F, or: &'r S) -> Self {
        Self { handler, or, timeout: None }
    }

    pub(super) const fn within(self, limit: Duration) -> Self {
        Self { timeout: Some(limit), ..self }
    }
}

impl<T, E, F, A, S> Deliver<T, E> for ByFuture<'_, F, S>
where
    F: Fn(DeadLetter<T>, &LetterContext<'_, E>) -> A,
    A: Future<Output = Result<(), DeadLetter<T>>>,
    S: DeadLetterSink<T, E> + ?Sized,
{
    type Delivery = A;

    fn deliver(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> A {
        (self.handler)(letter, context)
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    fn returned(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        self.or.accept_returned(letter, context)
    }
}

impl<S: ?Sized> Clone for BySink<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ?Sized> Copy for BySink<'_, S> {}

impl<F, S: ?Sized> Clone for ByFuture<'_, F, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F, S: ?Sized> Copy for ByFuture<'_, F, S> {}

impl<S: ?Sized> fmt::Debug for BySink<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BySink(..)")
    }
}

impl<F, S: ?Sized> fmt::Debug for ByFuture<'_, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByFuture(..)")
    }
}
