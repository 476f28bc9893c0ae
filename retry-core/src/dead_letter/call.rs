//! Runs calls, and hands over those that give up.

use core::fmt;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;

use super::deliver::{ByFuture, BySink, Deliver};
use super::letter::DeadLetter;
use super::payload::{NoPayload, Payload, PayloadFn};
use super::reasons::ReasonSet;
use super::sink::{DeadLetterSink, HandlerResult, LetterContext};
use crate::budget::Budget;
use crate::circuit::Gate;
use crate::classify::{Classifier, Progress};
use crate::error::{Cause, Error, ErrorContext};
use crate::observe::{Event, Observer};
use crate::panics::caught;
use crate::policy::Policies;
#[cfg(feature = "std")]
use crate::retry::AttemptFuture;
use crate::retry::{Discard, Keep, KeepLast, Never, OneCall, Retry, Stop};
use crate::runtime::{BlockingSleep, Clock, Entropy, Sleep};

impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O> {
    /// Hands calls that give up to `sink`.
    ///
    /// What it gives is for one call, and says what the call was to deliver, too:
    ///
    /// ```
    /// use retry_core::{
    ///     dead_letter::{FixedDeadLetterQueue, WhenFull}, runtime::LocalLock, testing::FakeClock, Class,
    ///     Policy, Retry,
    /// };
    ///
    /// let clock = FakeClock::new();
    /// let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.write");
    /// let letters = FixedDeadLetterQueue::<String, 100, LocalLock>::with_lock(WhenFull::DropOldest);
    ///
    /// let order = "7 apples";
    /// let write = || Err::<(), _>(Class::Network);
    /// let error = stock.dead_letters(&letters).payload(|| order.to_owned()).run_blocking(write).unwrap_err();
    /// assert!(error.is_exhausted()); // as without a sink
    ///
    /// let letter = letters.pop().unwrap();
    /// assert_eq!((letter.payload.as_str(), letter.attempts), ("7 apples", 3));
    /// ```
    ///
    /// The call does not end before the sink has taken the letter, and ends the same whatever the sink says. The last
    /// event of the call is then [`EventKind::DeadLettered`](crate::observe::EventKind::DeadLettered), which says whether the
    /// letter was kept; with `std`, also where sink or payload panic.
    ///
    /// A future that is dropped before its call ends leaves no letter, and its observer is told
    /// [`CallEnd::Cancelled`](crate::observe::CallEnd). What is to leave one is stopped by
    /// [`until`](OneCall::until) instead, with [`only`](DeadLetterCall::only) of all reasons.
    #[doc(alias = "dead letter queue")]
    #[doc(alias = "DLQ")]
    pub const fn dead_letters<'r, N: ?Sized>(
        &'r self,
        sink: &'r N,
    ) -> DeadLetterCall<'r, Self, BySink<'r, N>> {
        DeadLetterCall::new(self.one_call(), BySink(sink))
    }

    /// [`dead_letters`](Self::dead_letters) for a closure: it finds out its type.
    pub const fn on_dead_letter<'r, T, E, H, F>(
        &'r self,
        handler: &'r F,
    ) -> DeadLetterCall<'r, Self, BySink<'r, F>>
    where
        H: HandlerResult,
        F: Fn(&DeadLetter<T>, &LetterContext<'_, E>) -> H,
    {
        self.dead_letters(handler)
    }

    /// Hands calls that give up to an asynchronous handler, and what that gives back to the sink `or`; `&()` for none.
    ///
    /// The call waits for the handler, until [`delivery_timeout`](DeadLetterCall::delivery_timeout), if one is set. A
    /// future that is dropped meanwhile takes the letter with it, which the observer is told; so does a handler that
    /// panics: `or` is not asked then. The future borrows nothing of what the closure is told.
    ///
    /// ```
    /// use retry_core::{
    ///     dead_letter::{DeadLetter, FixedDeadLetterQueue, LetterContext, WhenFull}, runtime::LocalLock,
    ///     testing::FakeClock, Class, Policy, Retry,
    /// };
    ///
    /// let clock = FakeClock::new();
    /// let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.write");
    /// let later = FixedDeadLetterQueue::<u32, 8, LocalLock>::with_lock(WhenFull::Refuse);
    /// let send = |letter: DeadLetter<u32>, _: &LetterContext<'_, Class>| async move {
    ///     if letter.payload == 7 { Ok(()) } else { Err(letter) } // 8 could not be sent
    /// };
    /// for order in [7, 8] {
    ///     let call = stock.send_dead_letters(&send, &later).payload(|| order).run(|| async { Err::<(), _>(Class::Server) });
    ///     assert!(clock.run(call).unwrap_err().is_exhausted());
    /// }
    /// assert_eq!(later.pop().unwrap().payload, 8);
    /// ```
    pub const fn send_dead_letters<'r, T, E, A, F, N>(
        &'r self,
        handler: &'r F,
        or: &'r N,
    ) -> DeadLetterCall<'r, Self, ByFuture<'r, F, N>>
    where
        F: Fn(DeadLetter<T>, &LetterContext<'_, E>) -> A,
        A: Future<Output = Result<(), DeadLetter<T>>>,
        N: ?Sized,
    {
        DeadLetterCall::new(self.one_call(), ByFuture::new(handler, or))
    }
}

impl<'r, Y, S, V> OneCall<'r, Y, S, V> {
    /// Hands the call to `sink` if it gives up: see [`Retry::dead_letters`].
    pub const fn dead_letters<N: ?Sized>(
        self,
        sink: &'r N,
    ) -> DeadLetterCall<'r, Y, BySink<'r, N>, NoPayload, S, V> {
        DeadLetterCall::new(self, BySink(sink))
    }

    /// Hands the call to the closure `handler` if it gives up: see [`Retry::on_dead_letter`].
    pub const fn on_dead_letter<T, E, H, F>(
        self,
        handler: &'r F,
    ) -> DeadLetterCall<'r, Y, BySink<'r, F>, NoPayload, S, V>
    where
        H: HandlerResult,
        F: Fn(&DeadLetter<T>, &LetterContext<'_, E>) -> H,
    {
        self.dead_letters(handler)
    }

    /// Hands the call to an asynchronous handler if it gives up, and what the handler returns to the sink `or`: see
    /// [`Retry::send_dead_letters`].
    pub const fn send_dead_letters<T, E, A, F, N>(
        self,
        handler: &'r F,
        or: &'r N,
    ) -> DeadLetterCall<'r, Y, ByFuture<'r, F, N>, NoPayload, S, V>
    where
        F: Fn(DeadLetter<T>, &LetterContext<'_, E>) -> A,
        A: Future<Output = Result<(), DeadLetter<T>>>,
        N: ?Sized,
    {
        DeadLetterCall::new(self, ByFuture::new(handler, or))
    }
}

/// One call, and the sink or handler that takes its dead letter: see [`Retry::dead_letters`].
///
/// Its settings may be given in any order:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{dead_letter::{DeadLetterQueue, WhenFull}, testing::FakeClock, Class, Policy, Retry};
///
/// let (clock, letters) = (FakeClock::new(), DeadLetterQueue::new(8, WhenFull::DropOldest));
/// let stock = Retry::new(&Policy::DEFAULT, &clock)
///     .classify(|class: &Class| *class)
///     .classify_ok(|status: &u16| (*status >= 500).then_some(Class::Server));
///
/// let stop = std::future::pending::<()>();
/// let call = stock.dead_letters(&letters).payload(|| "7 apples").return_last().until(stop);
/// assert_eq!(clock.run(call.run(|| async { Ok(503) })), Ok(503));
/// assert_eq!(letters.pop().unwrap().payload, "7 apples");
/// # }
/// ```
#[must_use = "it does nothing until it runs"]
pub struct DeadLetterCall<'r, Y, D, L = NoPayload, S = Never, V = Discard> {
    call: OneCall<'r, Y, S, V>,
    letter: Letter<'r, D, L>,
}

/// What is to become of the letter.
struct Letter<'r, D, L> {
    deliver: D,
    reasons: ReasonSet,
    metadata: &'r [(&'r str, &'r str)],
    payload: L,
}

impl<'r, Y, D, S, V> DeadLetterCall<'r, Y, D, NoPayload, S, V> {
    const fn new(call: OneCall<'r, Y, S, V>, deliver: D) -> Self {
        let letter = Letter { deliver, reasons: ReasonSet::DEFAULT, metadata: &[], payload: NoPayload };
        Self { call, letter }
    }

    /// Sets what the call was to deliver. The closure runs only if the call leaves a letter. Without it, the payload is
    /// `()`.
    pub fn payload<T, F: FnOnce() -> T>(self, payload: F) -> DeadLetterCall<'r, Y, D, PayloadFn<F>, S, V> {
        let Letter { deliver, reasons, metadata, payload: NoPayload } = self.letter;
        let letter = Letter { deliver, reasons, metadata, payload: PayloadFn(payload) };
        DeadLetterCall { call: self.call, letter }
    }
}

impl<'r, Y, D, L, S, V> DeadLetterCall<'r, Y, D, L, S, V> {
    /// Sets which ends leave a letter. The default is [`ReasonSet::DEFAULT`].
    pub fn only(mut self, reasons: ReasonSet) -> Self {
        self.letter.reasons = reasons;
        self
    }

    /// Sets what else a letter tells, in pairs of name and value.
    pub fn metadata(mut self, metadata: &'r [(&'r str, &'r str)]) -> Self {
        self.letter.metadata = metadata;
        self
    }
}

impl<'r, Y, D, L, V> DeadLetterCall<'r, Y, D, L, Never, V> {
    /// Stops the call when `stop` ends: see [`Retry::until`].
    ///
    /// A stopped call leaves a letter only if [`only`](Self::only) says so. `stop` does not end the delivery of a letter.
    pub fn until<S: Stop>(self, stop: S) -> DeadLetterCall<'r, Y, D, L, S, V> {
        DeadLetterCall { call: self.call.until(stop), letter: self.letter }
    }
}

impl<'r, Y, D, L, S> DeadLetterCall<'r, Y, D, L, S> {
    /// Returns the last value of a call that gives up on it, and leaves a letter all the same: see
    /// [`Retry::return_last`].
    pub fn return_last(self) -> DeadLetterCall<'r, Y, D, L, S, KeepLast> {
        DeadLetterCall { call: self.call.return_last(), letter: self.letter }
    }
}

impl<Y, F, N: ?Sized, L, S, V> DeadLetterCall<'_, Y, ByFuture<'_, F, N>, L, S, V> {
    /// Waits for the handler no longer than this; without it, as long as that takes. What is not delivered
    /// by then is dropped, and the letter with it: the observer is told that it is lost, and the call ends as it would
    /// have.
    ///
    /// ```
    /// use std::time::Duration;
    /// use retry_core::{
    ///     dead_letter::{DeadLetter, LetterContext}, runtime::Sleep, testing::FakeClock, Class, Policy, Retry,
    /// };
    ///
    /// let clock = FakeClock::new();
    /// let stock = Retry::new(&Policy::DEFAULT, &clock);
    /// let hangs = |_: DeadLetter<()>, _: &LetterContext<'_, Class>| async {
    ///     (&clock).sleep(Duration::MAX).await;
    ///     Ok(())
    /// };
    /// let call = stock.send_dead_letters(&hangs, &()).delivery_timeout(Duration::from_secs(5));
    /// let error = clock.run(call.run(|| async { Err::<(), _>(Class::Network) })).unwrap_err();
    /// assert!(error.is_exhausted());
    /// assert_eq!(clock.now().as_millis(), 300 + 5_000);
    /// ```
    pub fn delivery_timeout(mut self, limit: Duration) -> Self {
        self.letter.deliver = self.letter.deliver.within(limit);
        self
    }
}

impl<R, P, G, B, K, O, D, L, S, V> DeadLetterCall<'_, Retry<R, P, G, B, K, O>, D, L, S, V>
where
    R: Clock + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    O: Observer,
    S: Stop,
{
    /// Runs `operation` as [`Retry::run`] does.
    ///
    /// # Errors
    /// As [`Retry::run`].
    pub fn run<T, E, F, A>(self, mut operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
        L: Payload,
        D: Deliver<L::Of, E>,
        V: Keep<T>,
    {
        self.run_with(move |_, _| operation())
    }

    /// Runs `operation` as [`Retry::run_with`] does.
    ///
    /// # Errors
    /// As [`Retry::run`].
    #[allow(clippy::manual_async_fn)] // whose arguments would be stored twice
    pub fn run_with<T, E, F, A>(self, operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
        L: Payload,
        D: Deliver<L::Of, E>,
        V: Keep<T>,
    {
        async move {
            let retry = self.call.retry;
            let ended = match self.call.run_as(operation).await {
                Ok(value) => return Ok(value),
                Err(ended) => ended,
            };
            end::<_, _, V, _, _, _, _, _, _, _, _>(retry, self.letter, ended).await
        }
    }

    /// Runs `operation` as [`Retry::run_mut`] does.
    ///
    /// # Errors
    /// As [`Retry::run`].
    pub async fn run_mut<T, E, F>(self, operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: AsyncFnMut() -> Result<T, E>,
        L: Payload,
        D: Deliver<L::Of, E>,
        V: Keep<T>,
    {
        let retry = self.call.retry;
        let ended = match self.call.run_mut_as(operation).await {
            Ok(value) => return Ok(value),
            Err(ended) => ended,
        };
        end::<_, _, V, _, _, _, _, _, _, _, _>(retry, self.letter, ended).await
    }

    /// Runs `operation` as [`Retry::run_mut_send`] does.
    ///
    /// # Errors
    /// As [`Retry::run`].
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub async fn run_mut_send<M, T, E, F>(self, state: &mut M, operation: F) -> Result<T, Error<E>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: for<'s> FnMut(&'s mut M) -> AttemptFuture<'s, T, E>,
        L: Payload,
        D: Deliver<L::Of, E>,
        V: Keep<T>,
    {
        let retry = self.call.retry;
        let ended = match self.call.run_mut_send_as(state, operation).await {
            Ok(value) => return Ok(value),
            Err(ended) => ended,
        };
        end::<_, _, V, _, _, _, _, _, _, _, _>(retry, self.letter, ended).await
    }
}

/// Ends a call that did not succeed: hands over its letter, and returns its last value if it kept one.
#[cold]
#[allow(clippy::manual_async_fn)] // whose arguments would be stored twice
fn end<'r, T, E, V, R, P, G, B, K, O, D, L>(
    retry: &'r Retry<R, P, G, B, K, O>,
    letter: Letter<'r, D, L>,
    (error, mut kept): (Error<E>, V::Slot),
) -> impl Future<Output = Result<T, Error<E>>>
where
    R: Sleep,
    O: Observer,
    L: Payload,
    D: Deliver<L::Of, E>,
    V: Keep<T>,
{
    async move {
        let error = match letter.reasons.contains(error.reason()) {
            true => hand_over(retry, letter, error).await,
            false => error,
        };
        V::take(&mut kept).ok_or(error)
    }
}

/// Hands over the letter of a call that ended with `error`.
#[cold]
#[allow(clippy::manual_async_fn)] // whose arguments would be stored twice
fn hand_over<'r, R, P, G, B, K, O, D, L, E>(
    retry: &'r Retry<R, P, G, B, K, O>,
    letter: Letter<'r, D, L>,
    error: Error<E>,
) -> impl Future<Output = Error<E>>
where
    R: Sleep,
    O: Observer,
    L: Payload,
    D: Deliver<L::Of, E>,
{
    async move {
        let Letter { deliver, metadata, payload, .. } = letter;
        let mut told = Told { observer: retry.observer(), context: error.context(), kept: false };
        // Nothing borrows the error while the delivery is under way: it need not be `Sync` for that.
        let delivery = caught(|| {
            let context = LetterContext { error: &error, metadata };
            deliver.deliver(DeadLetter::of(&error, payload.payload()), &context)
        });
        let returned = match delivery {
            None => None,
            Some(delivery) => {
                let delivery = pin!(Some(delivery));
                let timeout = pin!(deliver.timeout().map(|limit| retry.runtime().sleep(limit)));
                caught_in(delivery, timeout).await
            }
        };
        told.kept = match returned {
            Some(Ok(())) => true,
            Some(Err(letter)) => {
                let context = LetterContext { error: &error, metadata };
                caught(|| deliver.returned(letter, &context).is_ok()).unwrap_or(false)
            }
            None => false,
        };
        drop(told);
        error
    }
}

/// What `delivery` ends with; `None` where `timeout` ends first, or it panics, which only `std` can tell. Either way it
/// is dropped here, for that may panic, too.
fn caught_in<F: Future>(
    mut delivery: Pin<&mut Option<F>>,
    mut timeout: Pin<&mut Option<impl Future>>,
) -> impl Future<Output = Option<F::Output>> {
    poll_fn(move |context| {
        let polled = || delivery.as_mut().as_pin_mut().map(|delivery| delivery.poll(context));
        let ended = match caught(polled).flatten() {
            None => None,
            Some(Poll::Ready(output)) => Some(output),
            Some(Poll::Pending) => match timeout.as_mut().as_pin_mut().map(|timeout| timeout.poll(context)) {
                Some(Poll::Ready(_)) => None,
                _ => return Poll::Pending,
            },
        };
        caught(|| delivery.set(None));
        Poll::Ready(ended)
    })
}

impl<R, P, G, B, K, O, N, L, V> DeadLetterCall<'_, Retry<R, P, G, B, K, O>, BySink<'_, N>, L, Never, V>
where
    R: Clock + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    O: Observer,
    N: ?Sized,
{
    /// Runs `operation` as [`Retry::run_blocking`] does.
    ///
    /// # Errors
    /// As [`Retry::run_blocking`].
    pub fn run_blocking<T, E, F>(self, mut operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut() -> Result<T, E>,
        L: Payload,
        N: DeadLetterSink<L::Of, E>,
        V: Keep<T>,
    {
        self.run_blocking_with(move |_, _| operation())
    }

    /// Runs `operation` as [`Retry::run_blocking_with`] does.
    ///
    /// # Errors
    /// As [`Retry::run_blocking`].
    pub fn run_blocking_with<T, E, F>(self, operation: F) -> Result<T, Error<E>>
    where
        R: BlockingSleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> Result<T, E>,
        L: Payload,
        N: DeadLetterSink<L::Of, E>,
        V: Keep<T>,
    {
        let Self { call, letter } = self;
        let Letter { deliver, reasons, metadata, payload } = letter;
        let observer = call.retry.observer();
        let (error, mut kept): (Error<E>, V::Slot) = match call.run_blocking_as(operation) {
            Ok(value) => return Ok(value),
            Err(ended) => ended,
        };
        if reasons.contains(error.reason()) {
            let mut told = Told { observer, context: error.context(), kept: false };
            let context = LetterContext { error: &error, metadata };
            let accept = || deliver.0.accept(DeadLetter::of(&error, payload.payload()), &context);
            told.kept = caught(|| accept().is_ok()).unwrap_or(false);
        }
        V::take(&mut kept).ok_or(error)
    }
}

/// Tells the observer what became of a letter, even if nothing waits for that any more.
struct Told<'r, O: Observer> {
    observer: &'r O,
    context: ErrorContext,
    kept: bool,
}

impl<O: Observer> Drop for Told<'_, O> {
    fn drop(&mut self) {
        if self.observer.is_enabled() {
            self.observer.observe(&Event::dead_lettered(&self.context, self.kept));
        }
    }
}

impl<Y: fmt::Debug, D, L, S, V> fmt::Debug for DeadLetterCall<'_, Y, D, L, S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, letter: Letter { reasons, metadata, .. } } = self;
        f.debug_struct("DeadLetterCall")
            .field("call", call)
            .field("reasons", reasons)
            .field("metadata", metadata)
            .finish_non_exhaustive()
    }
}
