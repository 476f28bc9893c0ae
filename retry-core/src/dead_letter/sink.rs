//! Sinks: what takes dead letters.

use core::cell::Cell;
use core::fmt;
use core::ops::Deref;

use super::letter::DeadLetter;
use super::rejected_limit::LetterAdmission;
use crate::clean::Pairs;
use crate::error::Error;
use crate::observe::{Event, EventKind, Observer};
use crate::panics::caught;

/// A sink takes dead letters: a queue, a file, a channel, a handler, or an `Arc` of a sink.
///
/// A *handler* is a closure of a [`DeadLetter`] and its [`LetterContext`], which holds the error and the metadata.
/// Queues and channels keep the letter without its context.
///
/// The call waits for its sink, so work that may take long belongs behind a channel. A sink never changes how the call
/// ends. If it cannot keep a letter, it returns it, and [`OrElse`] hands it to the next sink.
///
/// ```
/// use retry_core::{
///     dead_letter::{DeadLetter, FixedDeadLetterQueue, LetterContext, WhenFull}, runtime::LocalLock,
///     testing::FakeClock, Class, Policy, Retry,
/// };
///
/// let clock = FakeClock::new();
/// let uplink = Retry::new(&Policy::DEFAULT, &clock).named("uplink.send");
/// let spool = FixedDeadLetterQueue::<u16, 8, LocalLock>::with_lock(WhenFull::DropOldest);
///
/// for sample in [210, 215, 219] {
///     let _ = uplink.dead_letters(&spool).payload(|| sample).run_blocking(|| Err::<(), _>(Class::Network));
/// }
/// assert_eq!(spool.len(), 3);
///
/// let log = |letter: &DeadLetter<()>, context: &LetterContext<'_, Class>| {
///     assert_eq!((letter.attempts, context.error.is_exhausted()), (3, true));
/// };
/// let _ = uplink.on_dead_letter(&log).run_blocking(|| Err::<(), _>(Class::Timeout));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot take dead letters with a payload of type `{T}` and an error of type `{E}`",
    note = "`.payload(..)` sets the payload of a letter; without it, the payload is `()`",
    note = "a handler is a closure `|letter: &DeadLetter<_>, context: &LetterContext<'_, _>|`",
    note = "for a `JsonLinesSink`, the payload is `serde::Serialize` and the error has a `Display`"
)]
pub trait DeadLetterSink<T, E> {
    /// Takes a letter.
    ///
    /// # Errors
    /// Returns an error if the letter cannot be kept. The error is the letter.
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>>;

    /// Returns whether the sink takes the letter of a call, before the payload is made. A sink that limits the letters
    /// of refused calls leaves some out. The default takes every letter.
    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        let _ = context;
        LetterAdmission::Take
    }

    /// Takes a letter that another sink has returned. It asks [`admit`](Self::admit) first, because only the other sink
    /// was asked before the payload was made.
    ///
    /// A sink that hands returned letters on, as [`OrElse`] does, calls this method of the next one.
    ///
    /// # Errors
    /// Returns an error if the letter is left out, which the [context](LetterContext::left_out) is told, or if it cannot
    /// be kept. The error is the letter.
    fn accept_returned(
        &self,
        letter: DeadLetter<T>,
        context: &LetterContext<'_, E>,
    ) -> Result<(), DeadLetter<T>> {
        match self.admit(context) {
            LetterAdmission::Take => self.accept(letter, context),
            LetterAdmission::LeaveOut { first } => {
                context.left_out(first);
                Err(letter)
            }
        }
    }
}

/// What a sink is told about a letter in addition: the error of its call, and the metadata.
#[non_exhaustive]
pub struct LetterContext<'a, E> {
    /// The error that the call ended with.
    pub error: &'a Error<E>,
    /// The metadata of the call, in pairs of name and value.
    pub metadata: &'a [(&'a str, &'a str)],
    observer: Option<&'a dyn Observer>,
    left_out: Option<&'a LeftOut>,
}

/// Whether the letter of a call was left out, and if so, whether it was the first one after a calm time.
pub(super) type LeftOut = Cell<Option<bool>>;

impl<'a, E> LetterContext<'a, E> {
    /// Makes the context of a call that ended with this error, without metadata.
    pub const fn new(error: &'a Error<E>) -> Self {
        Self { error, metadata: &[], observer: None, left_out: None }
    }

    pub(super) fn of_call<O: Observer>(
        error: &'a Error<E>,
        metadata: &'a [(&'a str, &'a str)],
        observer: &'a O,
        left_out: &'a LeftOut,
    ) -> Self {
        Self { error, metadata, observer: Some(observer), left_out: Some(left_out) }
    }

    /// Sets the observer of the call.
    #[must_use]
    pub const fn observer(self, observer: &'a dyn Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Tells the call's observer that the sink has dropped a letter that it had kept, such as the oldest one, to make
    /// room. The event names the call of the dropped letter.
    pub fn dropped<T>(&self, letter: &DeadLetter<T>) {
        if let Some(observer) = self.observer.filter(|observer| observer.is_enabled()) {
            let kind = EventKind::DeadLettered { kept: false };
            let at = self.error.context_ref().when;
            observer.observe(&Event::of_letter(
                letter.operation.as_str(),
                letter.key,
                letter.attempts,
                at,
                kind,
            ));
        }
    }

    /// Tells the call that its letter was left out, because more calls were refused than a [`RejectedLimit`] allows;
    /// `first` as in [`LetterAdmission::LeaveOut`]. If no sink keeps the letter, it then counts as left out, and not as
    /// lost.
    ///
    /// [`RejectedLimit`]: super::RejectedLimit
    pub fn left_out(&self, first: bool) {
        if let Some(left_out) = self.left_out {
            left_out.set(Some(first || left_out.get() == Some(true)));
        }
    }

    /// Returns whether a sink has [left out](Self::left_out) the letter.
    fn is_left_out(&self) -> bool {
        self.left_out.is_some_and(|left_out| left_out.get().is_some())
    }

    /// Sets the metadata.
    #[must_use]
    pub const fn metadata(self, metadata: &'a [(&'a str, &'a str)]) -> Self {
        Self { metadata, ..self }
    }
}

impl<E> Clone for LetterContext<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for LetterContext<'_, E> {}

impl<E: fmt::Debug> fmt::Debug for LetterContext<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { error, metadata, .. } = self;
        f.debug_struct("LetterContext")
            .field("error", error)
            .field("metadata", &Pairs(metadata))
            .finish_non_exhaustive()
    }
}

/// The result of a handler: `()`, or a `bool` or a `Result` that says whether the letter was kept.
pub trait HandlerResult {
    /// Returns whether the letter was kept.
    fn is_kept(&self) -> bool;
}

impl HandlerResult for () {
    fn is_kept(&self) -> bool {
        true
    }
}

impl HandlerResult for bool {
    fn is_kept(&self) -> bool {
        *self
    }
}

impl<T, E> HandlerResult for Result<T, E> {
    fn is_kept(&self) -> bool {
        self.is_ok()
    }
}

/// A handler only borrows the letter. So if it panics, the next sink gets the letter, with the feature `std`.
#[diagnostic::do_not_recommend] // otherwise, a queue of other payloads would be reported as "not a closure"
impl<T, E, H: HandlerResult, F: Fn(&DeadLetter<T>, &LetterContext<'_, E>) -> H> DeadLetterSink<T, E> for F {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        match caught(|| self(&letter, context).is_kept()) {
            Some(true) => Ok(()),
            Some(false) | None => Err(letter),
        }
    }
}

/// A sink that returns every letter.
impl<T, E> DeadLetterSink<T, E> for () {
    fn accept(&self, letter: DeadLetter<T>, _: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        Err(letter)
    }
}

/// Two sinks, of which the second one gets the letters that the first one returns. Each is a reference or an `Arc`.
///
/// ```
/// use retry_core::{
///     dead_letter::{FixedDeadLetterQueue, OrElse, WhenFull}, runtime::LocalLock, testing::FakeClock, Class,
///     Policy, Retry,
/// };
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock);
/// let near = FixedDeadLetterQueue::<(), 1, LocalLock>::with_lock(WhenFull::Refuse);
/// let far = FixedDeadLetterQueue::<(), 8, LocalLock>::with_lock(WhenFull::Refuse);
/// let both = OrElse::new(&near, &far);
/// for _ in 0..3 {
///     let _ = retry.dead_letters(&both).run_blocking(|| Err::<(), _>(Class::Network));
/// }
/// assert_eq!((near.len(), near.refused(), far.len()), (1, 2, 2));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OrElse<A, B> {
    first: A,
    then: B,
}

impl<A: Deref, B: Deref> OrElse<A, B> {
    /// Makes a sink that asks `first`, and then `then`. Each may be an `OrElse` itself.
    pub const fn new(first: A, then: B) -> Self {
        Self { first, then }
    }
}

impl<T, E, A, B> DeadLetterSink<T, E> for OrElse<A, B>
where
    A: Deref<Target: DeadLetterSink<T, E>>,
    B: Deref<Target: DeadLetterSink<T, E>>,
{
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        self.first.accept(letter, context).or_else(|letter| match context.is_left_out() {
            true => Err(letter),
            false => self.then.accept_returned(letter, context),
        })
    }

    /// Asks the first sink. A letter that it leaves out does not go to the second one. The second sink is asked when it
    /// gets a letter.
    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        self.first.admit(context)
    }
}

/// Makes a sink of a closure that takes each letter, or returns it, such as the sending end of any channel.
///
/// If the closure panics, its letter is lost, which is reported with the feature `std`. A handler only borrows the
/// letter, so a letter survives a panic there.
///
/// ```
/// use retry_core::{dead_letter::{DeadLetter, sink_fn}, testing::FakeClock, Class, Policy, Retry};
///
/// let (send, letters) = std::sync::mpsc::channel::<DeadLetter<()>>();
/// let channel = sink_fn(|letter| send.send(letter).map_err(|returned| returned.0));
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.read");
/// let _ = retry.dead_letters(&channel).run_blocking(|| Err::<(), _>(Class::Network));
/// assert_eq!(letters.recv().unwrap().operation.to_string(), "stock.read");
/// ```
pub const fn sink_fn<T, F>(f: F) -> SinkFn<F>
where
    F: Fn(DeadLetter<T>) -> Result<(), DeadLetter<T>>,
{
    SinkFn(f)
}

/// A sink that hands letters to a closure: see [`sink_fn`].
#[derive(Clone, Copy)]
pub struct SinkFn<F>(F);

impl<T, E, F: Fn(DeadLetter<T>) -> Result<(), DeadLetter<T>>> DeadLetterSink<T, E> for SinkFn<F> {
    fn accept(&self, letter: DeadLetter<T>, _: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        (self.0)(letter)
    }
}

impl<F> fmt::Debug for SinkFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SinkFn(..)")
    }
}
