//! What takes dead letters.

use core::fmt;
use core::ops::Deref;

use super::letter::DeadLetter;
use crate::error::Error;
use crate::panics::caught;

/// What takes dead letters: a queue, a file, a channel, an `Arc` around one, or a handler, which is any closure of a letter
/// and its [`LetterContext`].
///
/// The call waits for it, so work that may take long belongs behind a channel. A sink never changes how the call ends. If
/// it cannot keep a letter, it gives it back, and the next sink is asked: see [`OrElse`]. Queues and channels keep the
/// letter, without its context.
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
    message = "`{Self}` takes no dead letters of a `{T}` and an error of type `{E}`",
    note = "what a letter is to carry is said by `.payload(..)`; without that, it carries `()`",
    note = "a handler is a closure `|letter: &DeadLetter<_>, context: &LetterContext<'_, _>|`",
    note = "for a `JsonLinesSink`, the payload is `serde::Serialize` and the error has a `Display`"
)]
pub trait DeadLetterSink<T, E> {
    /// Takes a letter.
    ///
    /// # Errors
    /// The letter, where it cannot be kept.
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>>;
}

/// What else is known about a letter, as long as it is handed over.
#[non_exhaustive]
pub struct LetterContext<'a, E> {
    /// What the call ended with.
    pub error: &'a Error<E>,
    /// What the caller says of it, in pairs of a name and a value.
    pub metadata: &'a [(&'a str, &'a str)],
}

impl<'a, E> LetterContext<'a, E> {
    /// A letter of a call that ended with `error`, without metadata.
    pub const fn new(error: &'a Error<E>) -> Self {
        Self { error, metadata: &[] }
    }

    /// The same with this metadata.
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
        let Self { error, metadata } = self;
        f.debug_struct("LetterContext").field("error", error).field("metadata", metadata).finish()
    }
}

/// What a handler says of a letter: nothing, whether it could keep it, or that with an error of its own.
pub trait HandlerResult {
    /// Whether the letter is kept.
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

/// A handler. With `std`, one that panics has not kept the letter, and does no other harm.
#[diagnostic::do_not_recommend] // of a queue of other letters it is not to be said that it is no closure
impl<T, E, H: HandlerResult, F: Fn(&DeadLetter<T>, &LetterContext<'_, E>) -> H> DeadLetterSink<T, E> for F {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        match caught(|| self(&letter, context).is_kept()) {
            Some(true) => Ok(()),
            Some(false) | None => Err(letter),
        }
    }
}

/// A sink that keeps no letter.
impl<T, E> DeadLetterSink<T, E> for () {
    fn accept(&self, letter: DeadLetter<T>, _: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        Err(letter)
    }
}

/// A sink, and another one for the letters that the first cannot keep. Both are given by reference, or in an `Arc`.
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
    /// Makes a sink that asks `first`, then `then`. Either may be such a pair itself.
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
        self.first.accept(letter, context).or_else(|letter| self.then.accept(letter, context))
    }
}

/// Hands letters to a closure that takes them away, or gives them back: the sending end of a channel, say, of any kind.
///
/// A closure that panics takes its letter along: it goes to nobody else, and with `std` is seen as lost. One that only
/// looks at the letter may panic, and is a sink by itself.
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

/// Hands letters to a closure: see [`sink_fn`].
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
