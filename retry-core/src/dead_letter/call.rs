//! Runs calls, and hands over those that give up.

use core::fmt;
use core::future::{Future, poll_fn};
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
use crate::retry::Retry;
use crate::runtime::{BlockingSleep, Clock, Entropy, Sleep};

impl<'a, R, G, B, K, O: ?Sized> Retry<'a, R, G, B, K, O> {
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
    /// [`CallEnd::Cancelled`](crate::observe::CallEnd). What is to leave one is stopped by [`run_until`](DeadLetterCall::run_until) instead,
    /// with [`only`](DeadLetterCall::only) of all reasons.
    pub const fn dead_letters<'r, S: ?Sized>(
        &'r self,
        sink: &'r S,
    ) -> DeadLetterCall<'r, 'a, R, G, B, K, O, BySink<'r, S>> {
        DeadLetterCall::new(self, BySink(sink))
    }

    /// [`dead_letters`](Self::dead_letters) for a closure: it finds out its type.
    pub const fn on_dead_letter<'r, T, E, H, F>(
        &'r self,
        handler: &'r F,
    ) -> DeadLetterCall<'r, 'a, R, G, B, K, O, BySink<'r, F>>
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
    pub const fn send_dead_letters<'r, T, E, A, F, S>(
        &'r self,
        handler: &'r F,
        or: &'r S,
    ) -> DeadLetterCall<'r, 'a, R, G, B, K, O, ByFuture<'r, F, S>>
    where
        F: Fn(DeadLetter<T>, &LetterContext<'_, E>) -> A,
        A: Future<Output = Result<(), DeadLetter<T>>>,
        S: ?Sized,
    {
        DeadLetterCall::new(self, ByFuture::new(handler, or))
    }
}

/// One call, and who takes it if it gives up: [`Retry::dead_letters`].
#[must_use = "it does nothing until it runs"]
pub struct DeadLetterCall<'r, 'a, R, G, B, K, O: ?Sized, D, P = NoPayload> {
    retry: &'r Retry<'a, R, G, B, K, O>,
    deliver: D,
    reasons: ReasonSet,
    metadata: &'r [(&'r str, &'r str)],
    payload: P,
}

impl<'r, 'a, R, G, B, K, O: ?Sized, D> DeadLetterCall<'r, 'a, R, G, B, K, O, D> {
    const fn new(retry: &'r Retry<'a, R, G, B, K, O>, deliver: D) -> Self {
        Self { retry, deliver, reasons: ReasonSet::DEFAULT, metadata: &[], payload: NoPayload }
    }

    /// What the call was to deliver: made only if it gives up. Without it, the payload is `()`.
    pub fn payload<T, F: FnOnce() -> T>(
        self,
        payload: F,
    ) -> DeadLetterCall<'r, 'a, R, G, B, K, O, D, PayloadFn<F>> {
        let Self { retry, deliver, reasons, metadata, payload: NoPayload } = self;
        DeadLetterCall { retry, deliver, reasons, metadata, payload: PayloadFn(payload) }
    }
}

impl<'r, 'a, R, G, B, K, O: ?Sized, D, P> DeadLetterCall<'r, 'a, R, G, B, K, O, D, P> {
    /// Which ends leave a letter; [`ReasonSet::DEFAULT`] unless set.
    pub fn only(self, reasons: ReasonSet) -> Self {
        Self { reasons, ..self }
    }

    /// What else is to be said of a letter, in pairs of a name and a value.
    pub fn metadata(self, metadata: &'r [(&'r str, &'r str)]) -> Self {
        Self { metadata, ..self }
    }
}

impl<'r, R, G, B, K, O: ?Sized, F, S: ?Sized, P>
    DeadLetterCall<'r, '_, R, G, B, K, O, ByFuture<'r, F, S>, P>
{
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
    pub fn delivery_timeout(self, limit: Duration) -> Self {
        let Self { retry, deliver, reasons, metadata, payload } = self;
        Self { retry, deliver: deliver.within(limit), reasons, metadata, payload }
    }
}

#[allow(clippy::manual_async_fn)] // whose arguments would be stored twice
impl<'r, 'a, R, G, B, K, O, D, P> DeadLetterCall<'r, 'a, R, G, B, K, O, D, P>
where
    R: Clock + Entropy,
    G: Gate,
    B: Budget,
    O: Observer + ?Sized,
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
        P: Payload,
        D: Deliver<P::Of, E>,
    {
        self.run_with(move |_, _| operation())
    }

    /// Runs `operation` as [`Retry::run_with`] does.
    ///
    /// # Errors
    /// As [`Retry::run`].
    pub fn run_with<T, E, F, A>(self, operation: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
        P: Payload,
        D: Deliver<P::Of, E>,
    {
        self.after(move |retry| retry.run_with(operation))
    }

    /// Runs `operation` as [`Retry::run_until`] does. What `stop` ends is a letter only where
    /// [`only`](Self::only) says so; it does not end the delivery of one.
    ///
    /// # Errors
    /// As [`Retry::run_until`].
    pub fn run_until<T, E, F, A>(
        self,
        stop: impl Future,
        mut operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
        P: Payload,
        D: Deliver<P::Of, E>,
    {
        self.run_until_with(stop, move |_, _| operation())
    }

    /// Runs `operation` as [`Retry::run_until_with`] does.
    ///
    /// # Errors
    /// As [`Retry::run_until`].
    pub fn run_until_with<T, E, F, A>(
        self,
        stop: impl Future,
        operation: F,
    ) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        K: Classifier<T, E>,
        F: FnMut(Progress, Option<&Cause<E>>) -> A,
        A: Future<Output = Result<T, E>>,
        P: Payload,
        D: Deliver<P::Of, E>,
    {
        self.after(move |retry| retry.run_until_with(stop, operation))
    }

    /// The call, and what comes after it.
    fn after<T, E, C>(
        self,
        call: impl FnOnce(&'r Retry<'a, R, G, B, K, O>) -> C,
    ) -> impl Future<Output = Result<T, Error<E>>>
    where
        R: Sleep,
        C: Future<Output = Result<T, Error<E>>>,
        P: Payload,
        D: Deliver<P::Of, E>,
    {
        async move {
            let error = match call(self.retry).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            Err(self.hand_over(error).await)
        }
    }

    #[cold]
    fn hand_over<E>(self, error: Error<E>) -> impl Future<Output = Error<E>>
    where
        R: Sleep,
        P: Payload,
        D: Deliver<P::Of, E>,
    {
        async move {
            if !self.reasons.contains(error.reason()) {
                return error;
            }
            let observer = self.retry.observer();
            let mut told = Told { observer, context: *error.context(), kept: false };
            // Nothing borrows the error while the delivery is under way: it need not be `Sync` for that.
            let delivery = caught(|| {
                let about = LetterContext { error: &error, metadata: self.metadata };
                self.deliver.deliver(DeadLetter::of(&error, self.payload.payload()), &about)
            });
            let returned = match delivery {
                None => None,
                Some(delivery) => {
                    let delivery = pin!(Some(delivery));
                    let timeout = pin!(self.deliver.timeout().map(|limit| self.retry.runtime().sleep(limit)));
                    caught_in(delivery, timeout).await
                }
            };
            told.kept = match returned {
                Some(Ok(())) => true,
                Some(Err(letter)) => {
                    let about = LetterContext { error: &error, metadata: self.metadata };
                    caught(|| self.deliver.returned(letter, &about).is_ok()).unwrap_or(false)
                }
                None => false,
            };
            drop(told);
            error
        }
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

impl<R, G, B, K, O, S, P> DeadLetterCall<'_, '_, R, G, B, K, O, BySink<'_, S>, P>
where
    R: Clock + Entropy,
    G: Gate,
    B: Budget,
    O: Observer + ?Sized,
    S: ?Sized,
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
        P: Payload,
        S: DeadLetterSink<P::Of, E>,
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
        P: Payload,
        S: DeadLetterSink<P::Of, E>,
    {
        self.retry.run_blocking_with(operation).inspect_err(|error| {
            if self.reasons.contains(error.reason()) {
                let Self { retry, deliver, metadata, payload, .. } = self;
                let mut told = Told { observer: retry.observer(), context: *error.context(), kept: false };
                let accept = || {
                    deliver
                        .0
                        .accept(DeadLetter::of(error, payload.payload()), &LetterContext { error, metadata })
                };
                told.kept = caught(|| accept().is_ok()).unwrap_or(false);
            }
        })
    }
}

/// Tells the observer what became of a letter, even where nobody waits for that any more.
struct Told<'r, O: Observer + ?Sized> {
    observer: &'r O,
    context: ErrorContext,
    kept: bool,
}

impl<O: Observer + ?Sized> Drop for Told<'_, O> {
    fn drop(&mut self) {
        if self.observer.is_enabled() {
            self.observer.observe(&Event::dead_lettered(&self.context, self.kept));
        }
    }
}

impl<R, G, B, K, O: ?Sized, D, P> fmt::Debug for DeadLetterCall<'_, '_, R, G, B, K, O, D, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { retry, reasons, metadata, .. } = self;
        f.debug_struct("DeadLetterCall")
            .field("retry", retry)
            .field("reasons", reasons)
            .field("metadata", metadata)
            .finish_non_exhaustive()
    }
}
