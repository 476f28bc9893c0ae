//! The steps of one call on its way through a loop, whichever it is.

use core::mem::ManuallyDrop;
use core::time::Duration;

use super::{Readiness, Retry};
use crate::budget::Budget;
use crate::call::{Course, State};
use crate::circuit::Gate;
use crate::circuit::Rejected;
use crate::class::Class;
use crate::classify::{Classifier, Progress};
use crate::error::{Cause, Error};
use crate::observe::Observer;
use crate::policy::Failure;
use crate::runtime::{Clock, Entropy, Sleep};
use crate::time::{duration, nanos};
use crate::verdict::{GiveUp, Verdict};

/// One call on its way through a loop. Dropped before its end, it is cancelled, and its observer told when.
pub(super) struct Run<'r, 'a, R: Clock, G: Gate, B: Budget, K, O: Observer + ?Sized, E> {
    retry: &'r Retry<'a, R, G, B, K, O>,
    state: State<G::Ticket>,
    last: Option<Last<E>>,
}

/// What the last attempt ended with.
struct Last<E> {
    cause: Cause<E>,
    class: Class,
}

/// An attempt that brought nothing.
pub(super) enum Missed<E> {
    Failed(Miss<E>),
    /// It did not begin, or was stopped.
    Ended(End),
}

/// What is wrong with an outcome.
pub(super) enum Miss<E> {
    Failed(E),
    TimedOut,
    Unacceptable(Failure),
}

/// Why a call ends.
pub(super) enum End {
    GaveUp(GiveUp),
    Rejected(Rejected),
    Cancelled,
}

impl<'r, 'a, R, G, B, K, O, E> Run<'r, 'a, R, G, B, K, O, E>
where
    R: Clock + Entropy,
    G: Gate,
    B: Budget,
    O: Observer + ?Sized,
{
    #[inline]
    pub(super) fn start<T>(retry: &'r Retry<'a, R, G, B, K, O>) -> Self
    where
        K: Classifier<T, E>,
    {
        let timed = K::ASKS_TIME || retry.setup.policy.asks_time() || retry.setup.observer.is_enabled();
        Self { retry, state: State::start(timed, || retry.runtime.now()), last: None }
    }

    /// Begins the next attempt.
    #[inline]
    pub(super) fn begin(&mut self) -> Result<(), End> {
        let runtime = self.runtime();
        self.course().begin(|| runtime.now()).map_err(End::Rejected)
    }

    /// What to make of an outcome; the attempt ends here where it is good.
    #[inline]
    pub(super) fn judge<T>(&mut self, outcome: Result<T, Missed<E>>) -> Result<T, Missed<E>>
    where
        K: Classifier<T, E>,
    {
        let value = outcome?;
        match self.retry.classifier.classify_ok(&value) {
            None => {
                let runtime = self.runtime();
                self.course().succeed(|| runtime.now());
                Ok(value)
            }
            Some(failure) => Err(Missed::Failed(Miss::Unacceptable(failure))),
        }
    }

    /// Ends a failed attempt: what is slept before the next, or why there is none.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn settle<T>(&mut self, missed: Missed<E>) -> Result<Steps<'a>, End>
    where
        K: Classifier<T, E>,
    {
        let (cause, failure) = match missed {
            Missed::Ended(end) => return Err(end),
            Missed::Failed(Miss::Failed(error)) => {
                let failure = self.retry.classifier.failure(&error, self.progress_at(K::ASKS_TIME));
                (Cause::Failed(error), failure)
            }
            Missed::Failed(Miss::TimedOut) => {
                let limit = self.retry.setup.policy.attempt_limit_of_time();
                (Cause::TimedOut(limit.unwrap_or_default()), self.retry.classifier.timed_out())
            }
            Missed::Failed(Miss::Unacceptable(failure)) => (Cause::Unacceptable, failure),
        };
        let runtime = self.runtime();
        let verdict = self.course().fail(failure, || runtime.now(), || runtime.word());
        self.last = Some(Last { cause, class: failure.class });
        match verdict {
            Verdict::Retry(_) => {
                let (delay, least) = self.state.pause();
                Ok(Steps::of(delay, least, self.retry.ready))
            }
            Verdict::GiveUp(reason) => Err(End::GaveUp(reason)),
            Verdict::Rejected(rejected) => Err(End::Rejected(rejected)),
        }
    }

    /// The call is over, and nothing left to cancel.
    #[inline]
    pub(super) fn done(self) {
        drop(ManuallyDrop::new(self).last.take());
    }

    /// The call ends, and is over.
    #[inline]
    pub(super) fn into_error(mut self, end: End) -> Error<E> {
        let error = self.error(end);
        self.done();
        error
    }

    /// The call ends.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn error(&mut self, end: End) -> Error<E> {
        self.cancel(); // what is still under way, or to come
        let when = self.runtime().now();
        let (cause, class) = self.last.take().map(|Last { cause, class }| (cause, class)).unzip();
        let context = self.course().context(when, class);
        match (end, cause) {
            (End::GaveUp(GiveUp::Ignored), Some(cause)) => Error::Ignored { cause, context },
            (End::GaveUp(reason), Some(cause)) => Error::GaveUp { reason, cause, context },
            (End::Rejected(rejected), cause) => Error::Rejected { rejected, cause, context },
            // Who gives up has a cause: `settle` keeps it.
            (End::Cancelled | End::GaveUp(_), cause) => Error::Cancelled { cause, context },
        }
    }

    /// How far the call had come when the attempt began.
    #[inline]
    pub(super) fn progress(&mut self) -> Progress {
        self.course().progress()
    }

    /// What the attempt before ended with.
    #[inline]
    pub(super) fn last(&self) -> Option<&Cause<E>> {
        self.last.as_ref().map(|last| &last.cause)
    }

    #[inline]
    pub(super) fn timeout(&self) -> Option<R::Sleep>
    where
        R: Sleep,
    {
        self.state.time_limit(self.retry.setup.policy).map(|limit| self.retry.runtime.sleep(limit))
    }

    /// [`settle`](Self::settle) for attempts that a timer may end: if it was the total timeout, the call ends.
    #[inline]
    pub(super) fn settle_timed<T>(&mut self, missed: Missed<E>) -> Result<Steps<'a>, End>
    where
        K: Classifier<T, E>,
    {
        let missed = match missed {
            Missed::Failed(Miss::TimedOut) if self.state.reaches_total(self.retry.setup.policy) => {
                Missed::Ended(self.end_with_total(self.retry.classifier.timed_out()))
            }
            missed => missed,
        };
        self.settle(missed)
    }

    /// Begins an attempt after a pause.
    #[cfg_attr(target_pointer_width = "64", inline(never))]
    pub(super) fn begin_next(&mut self) -> Result<(), End> {
        self.check_time()?;
        self.begin()
    }

    /// Ends the call if a pause took all that was left of the total timeout: the next attempt ends as it begins.
    #[inline]
    pub(super) fn check_time(&mut self) -> Result<(), End> {
        let runtime = self.runtime();
        if self.course().is_over(|| runtime.now()) { Err(self.end_late()) } else { Ok(()) }
    }

    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn end_late(&mut self) -> End {
        match self.begin() {
            Ok(()) => self.end_with_total(Failure::new(Class::Timeout)),
            Err(end) => end,
        }
    }

    /// The total timeout ended the attempt, and the call with it.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn end_with_total(&mut self, failure: Failure) -> End {
        let (runtime, began) = (self.runtime(), self.state.so_far());
        let limit = self.course().end_with_total(began, failure, || runtime.now());
        self.last = Some(Last { cause: Cause::TimedOut(limit), class: failure.class });
        End::GaveUp(GiveUp::TotalTimeout)
    }

    /// How far the call has come; the time only where it is `timed`.
    #[inline]
    fn progress_at(&mut self, timed: bool) -> Progress {
        let runtime = self.runtime();
        if timed { self.course().progress_at(|| runtime.now()) } else { self.progress() }
    }
}

impl<'r, 'a, R: Clock, G: Gate, B: Budget, K, O: Observer + ?Sized, E> Run<'r, 'a, R, G, B, K, O, E> {
    #[inline]
    pub(super) fn runtime(&self) -> &'r R {
        &self.retry.runtime
    }

    #[inline]
    fn cancel(&mut self) {
        let runtime = self.runtime();
        self.course().cancel(|| runtime.now());
    }

    #[inline]
    fn course(&mut self) -> Course<'_, 'a, G, B, O> {
        Course { setup: &self.retry.setup, state: &mut self.state }
    }
}

impl<R: Clock, G: Gate, B: Budget, K, O: Observer + ?Sized, E> Drop for Run<'_, '_, R, G, B, K, O, E> {
    #[inline]
    fn drop(&mut self) {
        self.cancel();
    }
}

/// The parts of a pause: one that is sure, and then as many as the dependency is not ready for. In nanoseconds, and
/// turned into durations in one place.
pub(super) struct Steps<'a> {
    sure: Option<u64>,
    left: u64,
    ready: Option<Readiness<'a>>,
}

impl<'a> Steps<'a> {
    /// `least` is below `delay` where readiness may end it early.
    #[inline]
    fn of(delay: u64, least: u64, ready: Option<Readiness<'a>>) -> Self {
        match ready {
            Some(_) if least < delay => Self { sure: Some(least), left: delay - least, ready },
            _ => Self { sure: Some(delay), left: 0, ready: None },
        }
    }

    #[inline]
    fn next_nanos(&mut self) -> Option<u64> {
        if let Some(sure) = self.sure.take() {
            return Some(sure);
        }
        let Readiness { check, every } = self.ready?;
        if self.left == 0 || check() {
            return None;
        }
        // A step of nothing would ask for ever.
        let step = nanos(every).max(1).min(self.left);
        self.left -= step;
        Some(step)
    }
}

impl Iterator for Steps<'_> {
    type Item = Duration;

    #[inline]
    fn next(&mut self) -> Option<Duration> {
        self.next_nanos().map(duration)
    }
}
