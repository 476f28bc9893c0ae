//! Calls that hand over a dead letter if they give up.

use core::cell::Cell;
use core::fmt;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;

use super::deliver::{ByFuture, BySink, Deliver};
use super::letter::DeadLetter;
use super::payload::{NoPayload, Payload, PayloadFn};
use super::reasons::ReasonSet;
use super::rejected_limit::LetterAdmission;
use super::sink::{DeadLetterSink, HandlerResult, LeftOut, LetterContext};
use crate::budget::Budget;
use crate::circuit::Gate;
use crate::classify::{Classifier, Progress};
use crate::clean::Pairs;
use crate::error::{Cause, Error, ErrorContext, LetterOutcome};
use crate::observe::{Event, EventKind, Observer};
use crate::panics::caught;
use crate::policy::Policies;
#[cfg(feature = "std")]
use crate::retry::AttemptFuture;
use crate::retry::{Discard, Keep, KeepLast, Never, OneCall, Retry, Stop};
use crate::runtime::{BlockingSleep, Clock, Entropy, Sleep};
use crate::verdict::Reason;

impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O> {
    /// Makes a call that hands a dead letter to `sink` if it gives up.
    ///
    /// [`payload`](DeadLetterCall::payload) sets what the call was to deliver:
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
    /// assert!(error.is_exhausted()); // the same error as without a sink
    ///
    /// let letter = letters.pop().unwrap();
    /// assert_eq!((letter.payload.as_str(), letter.attempts), ("7 apples", 3));
    /// ```
    ///
    /// The call ends after the sink has taken the letter, and with the same error, whatever the sink does.
    /// [`Error::letter`] says what became of the letter. The last event of the call is [`EventKind::DeadLettered`](crate::observe::EventKind::DeadLettered), which says whether
    /// the letter was kept. With the feature `std`, this event is also sent if the sink or the payload panics.
    ///
    /// If a future is dropped before its call ends, it leaves no letter, and the observer is told
    /// [`CallEnd::Cancelled`](crate::observe::CallEnd::Cancelled). If the payload matters, stop the call with
    /// [`until`](OneCall::until) instead, and set [`only`](DeadLetterCall::only) to [`ReasonSet::ALL`].
    #[doc(alias = "dead letter queue")]
    #[doc(alias = "DLQ")]
    pub const fn dead_letters<'r, N: ?Sized>(
        &'r self,
        sink: &'r N,
    ) -> DeadLetterCall<'r, Self, BySink<'r, N>> {
        DeadLetterCall::new(self.one_call(), BySink(sink))
    }

    /// Makes a call that hands a dead letter to the closure `handler` if it gives up.
    ///
    /// This is [`dead_letters`](Self::dead_letters) for closures: the compiler can infer their argument types. The
    /// closure returns `()`, or a `bool` or a `Result` that says whether it kept the letter.
    ///
    /// ```
    /// use core::cell::Cell;
    /// use retry_core::{testing::FakeClock, Class, Policy, Retry};
    ///
    /// let clock = FakeClock::new();
    /// let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.write");
    /// let failed = Cell::new(0);
    /// let write = || Err::<(), _>(Class::Network);
    /// let _ = stock.on_dead_letter(&|letter, _| failed.set(letter.payload)).payload(|| 7).run_blocking(write);
    /// assert_eq!(failed.get(), 7);
    /// ```
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

    /// Makes a call that delivers its dead letter by `deliver` if it gives up, and waits for that. It is an asynchronous
    /// call: `retry_tokio::LetterWriter` is such a delivery.
    ///
    /// If the call's future is dropped meanwhile, the observer is told that the letter is lost.
    pub const fn deliver_dead_letters<D>(&self, deliver: D) -> DeadLetterCall<'_, Self, D> {
        DeadLetterCall::new(self.one_call(), deliver)
    }

    /// Makes a call that hands a dead letter to an asynchronous handler if it gives up. A letter that the handler
    /// returns goes to the sink `or`; `&()` is a sink that keeps none.
    ///
    /// The call waits for the handler, but at most for the [`delivery_timeout`](DeadLetterCall::delivery_timeout) if
    /// one is set. If the call's future is dropped meanwhile, or if the handler panics, the letter is lost: `or` does
    /// not get it, and the observer is told that it is lost. The handler's future cannot borrow the closure's
    /// arguments.
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
    ///     let call = stock.send_dead_letters(&send, &later).payload(|| order);
    ///     let error = clock.run(call.run(|| async { Err::<(), _>(Class::Server) })).unwrap_err();
    ///     assert!(error.is_exhausted());
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
    /// Makes a call that hands a dead letter to `sink` if it gives up: see [`Retry::dead_letters`].
    pub const fn dead_letters<N: ?Sized>(
        self,
        sink: &'r N,
    ) -> DeadLetterCall<'r, Y, BySink<'r, N>, NoPayload, S, V> {
        DeadLetterCall::new(self, BySink(sink))
    }

    /// Makes a call that hands a dead letter to the closure `handler` if it gives up: see [`Retry::on_dead_letter`].
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

    /// Makes a call that hands a dead letter to an asynchronous handler if it gives up: see
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

/// A call of a [`Retry`], with the sink or the handler that takes its dead letter.
///
/// [`Retry::dead_letters`], [`Retry::on_dead_letter`] and [`Retry::send_dead_letters`] make one. Its settings may be
/// given in any order: [`payload`](Self::payload), [`only`](Self::only), [`metadata`](Self::metadata),
/// [`until`](Self::until), [`return_last`](Self::return_last), and [`delivery_timeout`](Self::delivery_timeout) for an
/// asynchronous handler. Then it runs as the `Retry` itself does. An asynchronous handler or `until` needs an
/// asynchronous [`run`](Self::run).
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

/// The dead letter to be: its sink, reasons, metadata and payload.
struct Letter<'r, D, L> {
    deliver: D,
    /// `None` for the default of the policy's source.
    reasons: Option<ReasonSet>,
    metadata: &'r [(&'r str, &'r str)],
    payload: L,
}

impl<'r, Y, D, S, V> DeadLetterCall<'r, Y, D, NoPayload, S, V> {
    const fn new(call: OneCall<'r, Y, S, V>, deliver: D) -> Self {
        let letter = Letter { deliver, reasons: None, metadata: &[], payload: NoPayload };
        Self { call, letter }
    }

    /// Sets the payload: what the call was to deliver. The closure runs only if the call leaves a letter. Without this
    /// setting, the payload is `()`.
    pub fn payload<T, F: FnOnce() -> T>(self, payload: F) -> DeadLetterCall<'r, Y, D, PayloadFn<F>, S, V> {
        let Letter { deliver, reasons, metadata, payload: NoPayload } = self.letter;
        let letter = Letter { deliver, reasons, metadata, payload: PayloadFn(payload) };
        DeadLetterCall { call: self.call, letter }
    }
}

impl<'r, Y, D, L, S, V> DeadLetterCall<'r, Y, D, L, S, V> {
    /// Sets the reasons for which the call leaves a letter. The default is [`ReasonSet::DEFAULT`]: all except ignored
    /// errors and cancelled calls. An [`Operation`](crate::pool::Operation) without
    /// [`dead_letter`](crate::pool::Operation::dead_letter) leaves none by default.
    pub fn only(mut self, reasons: ReasonSet) -> Self {
        self.letter.reasons = Some(reasons);
        self
    }

    /// Sets the metadata of the letter, in pairs of name and value. Handlers and `JsonLinesSink` get it; queues and
    /// channels keep the letter alone.
    pub fn metadata(mut self, metadata: &'r [(&'r str, &'r str)]) -> Self {
        self.letter.metadata = metadata;
        self
    }
}

impl<'r, Y, D, L, V> DeadLetterCall<'r, Y, D, L, Never, V> {
    /// Stops the call when the future `stop` ends: see [`Retry::until`].
    ///
    /// A stopped call leaves a letter only if [`only`](Self::only) contains
    /// [`Reason::Cancelled`](crate::dead_letter::Reason::Cancelled). The delivery of a letter goes on after `stop` has
    /// ended.
    pub fn until<S: Stop>(self, stop: S) -> DeadLetterCall<'r, Y, D, L, S, V> {
        DeadLetterCall { call: self.call.until(stop), letter: self.letter }
    }
}

impl<'r, Y, D, L, S> DeadLetterCall<'r, Y, D, L, S> {
    /// Returns the last value if the call gives up because that value is not acceptable: see [`Retry::return_last`].
    /// The call leaves a letter all the same.
    pub fn return_last(self) -> DeadLetterCall<'r, Y, D, L, S, KeepLast> {
        DeadLetterCall { call: self.call.return_last(), letter: self.letter }
    }
}

impl<Y, F, N: ?Sized, L, S, V> DeadLetterCall<'_, Y, ByFuture<'_, F, N>, L, S, V> {
    /// Sets the longest time that the call waits for the handler. By default there is no limit.
    ///
    /// After that time, the handler's future is dropped with the letter. The observer is told that the letter is lost,
    /// and the call ends with the same error.
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
    /// Returns an error if [`Retry::run`] would return one.
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
    /// Returns an error if [`Retry::run_with`] would return one.
    #[allow(clippy::manual_async_fn)] // an `async fn` would store its arguments twice
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
    /// Returns an error if [`Retry::run_mut`] would return one.
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
    /// Returns an error if [`Retry::run_mut_send`] would return one.
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
#[allow(clippy::manual_async_fn)] // an `async fn` would store its arguments twice
fn end<'r, T, E, V, R, P, G, B, K, O, D, L>(
    retry: &'r Retry<R, P, G, B, K, O>,
    letter: Letter<'r, D, L>,
    (error, mut kept): (Error<E>, V::Slot),
) -> impl Future<Output = Result<T, Error<E>>>
where
    R: Sleep,
    P: Policies,
    O: Observer,
    L: Payload,
    D: Deliver<L::Of, E>,
    V: Keep<T>,
{
    async move {
        let error = match leaves(letter.reasons, retry, error.reason()) {
            true => hand_over(retry, letter, error).await,
            false => error,
        };
        V::take(&mut kept).ok_or(error)
    }
}

/// Hands over the letter of a call that ended with `error`.
#[cold]
#[allow(clippy::manual_async_fn)] // an `async fn` would store its arguments twice
fn hand_over<'r, R, P, G, B, K, O, D, L, E>(
    retry: &'r Retry<R, P, G, B, K, O>,
    letter: Letter<'r, D, L>,
    mut error: Error<E>,
) -> impl Future<Output = Error<E>>
where
    R: Sleep,
    P: Policies,
    O: Observer,
    L: Payload,
    D: Deliver<L::Of, E>,
{
    async move {
        let Letter { deliver, metadata, payload, .. } = letter;
        let observer = retry.observer();
        let left_out = Cell::new(None);
        let ask = || deliver.admit(&LetterContext::of_call(&error, metadata, observer, &left_out));
        let admission = admission(ask);
        let operation_type = retry.policies().operation_type();
        let mut told = Told { observer, context: error.context(), operation_type, admission, kept: false };
        if admission != LetterAdmission::Take {
            drop(told);
            error.mark_letter(LetterOutcome::LeftOut);
            return error;
        }
        // The delivery does not borrow the error, so the error need not be `Sync`.
        let delivery = caught(|| {
            let context = LetterContext::of_call(&error, metadata, observer, &left_out);
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
                let context = LetterContext::of_call(&error, metadata, observer, &left_out);
                caught(|| deliver.returned(letter, &context).is_ok()).unwrap_or(false)
            }
            None => false,
        };
        told.left_out(&left_out);
        error.mark_letter(told.outcome());
        drop(told);
        error
    }
}

/// Waits for `delivery` and returns its output; `None` if `timeout` ends first, or if the delivery panics, which only
/// `std` can catch. The delivery is dropped inside `caught`, because its drop may panic, too.
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
    /// Returns an error if [`Retry::run_blocking`] would return one.
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
    /// Returns an error if [`Retry::run_blocking_with`] would return one.
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
        let retry = call.retry;
        let observer = retry.observer();
        let (mut error, mut kept): (Error<E>, V::Slot) = match call.run_blocking_as(operation) {
            Ok(value) => return Ok(value),
            Err(ended) => ended,
        };
        if leaves(reasons, retry, error.reason()) {
            let left_out = Cell::new(None);
            let context = LetterContext::of_call(&error, metadata, observer, &left_out);
            let admission = admission(|| DeadLetterSink::<L::Of, E>::admit(deliver.0, &context));
            let operation_type = retry.policies().operation_type();
            let mut told =
                Told { observer, context: error.context(), operation_type, admission, kept: false };
            if admission == LetterAdmission::Take {
                let accept = || deliver.0.accept(DeadLetter::of(&error, payload.payload()), &context);
                told.kept = caught(|| accept().is_ok()).unwrap_or(false);
                told.left_out(&left_out);
            }
            error.mark_letter(told.outcome());
        }
        V::take(&mut kept).ok_or(error)
    }
}

/// Returns whether a call of `retry` that ended for this reason leaves a letter.
fn leaves<R, P: Policies, G, B, K, O>(
    reasons: Option<ReasonSet>,
    retry: &Retry<R, P, G, B, K, O>,
    reason: Reason,
) -> bool {
    match reasons {
        Some(reasons) => reasons.contains(reason),
        None => ReasonSet::DEFAULT.contains(reason) && retry.policies().leaves_letters(),
    }
}

/// Asks a sink whether it takes a letter. If it panics, it gets the letter.
fn admission(ask: impl FnOnce() -> LetterAdmission) -> LetterAdmission {
    caught(ask).unwrap_or(LetterAdmission::Take)
}

/// Tells the observer what became of a letter, also if the call's future is dropped before that is known.
struct Told<'r, O: Observer> {
    observer: &'r O,
    context: ErrorContext,
    operation_type: &'static str,
    admission: LetterAdmission,
    kept: bool,
}

impl<O: Observer> Told<'_, O> {
    /// Takes note that a later sink has left the letter out, if no sink has kept it.
    const fn left_out(&mut self, left_out: &LeftOut) {
        if let (false, Some(first)) = (self.kept, left_out.get()) {
            self.admission = LetterAdmission::LeaveOut { first };
        }
    }

    fn outcome(&self) -> LetterOutcome {
        match (self.admission, self.kept) {
            (LetterAdmission::LeaveOut { .. }, _) => LetterOutcome::LeftOut,
            (LetterAdmission::Take, true) => LetterOutcome::Kept,
            (LetterAdmission::Take, false) => LetterOutcome::Lost,
        }
    }
}

impl<O: Observer> Drop for Told<'_, O> {
    fn drop(&mut self) {
        if self.observer.is_enabled() {
            let kind = match self.admission {
                LetterAdmission::Take => EventKind::DeadLettered { kept: self.kept },
                LetterAdmission::LeaveOut { first } => EventKind::DeadLetterLeftOut { first },
            };
            let event = Event::after(&self.context, kind);
            self.observer.observe(&Event { operation_type: self.operation_type, ..event });
        }
    }
}

impl<Y: fmt::Debug, D, L, S, V> fmt::Debug for DeadLetterCall<'_, Y, D, L, S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, letter: Letter { reasons, metadata, .. } } = self;
        f.debug_struct("DeadLetterCall")
            .field("call", call)
            .field("reasons", reasons)
            .field("metadata", &Pairs(metadata))
            .finish_non_exhaustive()
    }
}
