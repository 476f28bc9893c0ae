//! The steps of one call, which all loops share.

use core::mem::{self, ManuallyDrop};
use core::time::Duration;

use super::Retry;
use super::keep::{Ends, Keep};
use crate::budget::Budget;
use crate::call::{Course, Elapsed, Setup, State};
use crate::circuit::{Gate, Rejected};
use crate::class::Class;
use crate::classify::{Classifier, Progress};
use crate::error::{Cause, Error, ErrorKind, LastHint};
use crate::observe::Observer;
use crate::policy::{Failure, Policies};
use crate::runtime::{Clock, Entropy, Readiness, Sleep};
use crate::time::{Instant, duration, nanos};
use crate::verdict::{GiveUp, Verdict};

/// One call in a loop. If it is dropped before its end, it is cancelled, and its observer is told the time.
pub(super) struct Run<'r, R: Clock, P: Policies, G: Gate, B: Budget, K, O: Observer, E, S> {
    retry: &'r Retry<R, P, G, B, K, O>,
    state: State<G::Ticket, P::Read>,
    last: Option<Last<E>>,
    /// Keeps an unacceptable value until the verdict.
    slot: S,
}

/// The end of the last attempt.
struct Last<E> {
    cause: Cause<E>,
    class: Class,
    is_neutral: bool,
    hint: LastHint,
    /// When the first attempt of the call failed; `MAX` if the call ended with it, or measures its time from the start.
    first: Instant,
}

impl<E> Last<E> {
    #[inline]
    fn new(cause: Cause<E>, failure: Failure, first: Instant) -> Self {
        let Failure { class, is_neutral, .. } = failure;
        let hint = LastHint::of(failure.hint);
        Self { cause, class, is_neutral, hint, first }
    }
}

/// Why a step brought no value.
pub(super) enum Missed<E> {
    /// The operation's own error.
    Error(E),
    TimedOut,
    Unacceptable(Failure),
    /// The attempt did not begin, or was stopped.
    Ended(End),
}

/// Why a call ends.
pub(super) enum End {
    GaveUp(GiveUp),
    Rejected(Rejected),
    Cancelled,
}

impl<'r, R, P, G, B, K, O, E, S> Run<'r, R, P, G, B, K, O, E, S>
where
    R: Clock + Entropy,
    P: Policies,
    G: Gate,
    B: Budget,
    O: Observer,
{
    #[inline]
    pub(super) fn start<T>(retry: &'r Retry<R, P, G, B, K, O>) -> Self
    where
        K: Classifier<T, E>,
        S: Default,
    {
        let Setup { policies, observer, .. } = &retry.setup;
        let read = policies.read();
        let timed = K::ASKS_TIME || policies.policy(&read).asks_time() || observer.is_enabled();
        Self {
            retry,
            state: State::start(read, timed, || retry.runtime.now()),
            last: None,
            slot: S::default(),
        }
    }

    /// Begins the next attempt.
    #[inline]
    pub(super) fn begin(&mut self) -> Result<(), End> {
        let runtime = self.runtime();
        self.course().begin(|| runtime.now()).map_err(End::Rejected)
    }

    /// Judges the outcome of an attempt. A good value ends the attempt as a success.
    #[inline]
    pub(super) fn judge<T, V>(&mut self, outcome: Result<T, Missed<E>>) -> Result<T, Missed<E>>
    where
        K: Classifier<T, E>,
        V: Keep<T, Slot = S>,
    {
        let value = outcome?;
        match self.retry.classifier.classify_ok(&value) {
            None => {
                let runtime = self.runtime();
                self.course().succeed(|| runtime.now());
                Ok(value)
            }
            Some(failure) => {
                V::keep(&mut self.slot, value);
                Err(Missed::Unacceptable(failure))
            }
        }
    }

    /// Ends a failed attempt, and returns the pause before the next one, or why the call ends.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn settle<T, V>(&mut self, missed: Missed<E>) -> Result<Steps<'r, R>, End>
    where
        K: Classifier<T, E>,
        V: Keep<T, Slot = S>,
    {
        let began = self.course().began();
        let classifier = &self.retry.classifier;
        let (cause, failure) = match missed {
            Missed::Ended(end) => return Err(end),
            Missed::Error(error) => {
                let failure = classifier.failure(&error, self.progress_at(K::ASKS_TIME));
                (Cause::Failed(error), failure)
            }
            Missed::TimedOut => {
                let limit = self.course().policy().attempt_time_limit();
                (Cause::TimedOut(limit.unwrap_or_default()), classifier.timed_out())
            }
            Missed::Unacceptable(failure) => (Cause::Unacceptable(failure.detail), failure),
        };
        let failure = self.course().with_neutral(failure);
        let runtime = self.runtime();
        let text = || cause.error().and_then(|error| classifier.text(error));
        let verdict = self.course().fail(began, failure, text, || runtime.now(), || runtime.word());
        classifier.failed(&cause, self.progress(), verdict);
        let mut first = self.last.as_ref().map_or(Instant::MAX, |last| last.first);
        if cfg!(feature = "std")
            && first == Instant::MAX
            && matches!(verdict, Verdict::Retry(_))
            && !self.state.is_timed()
        {
            first = runtime.now();
        }
        self.last = Some(Last::new(cause, failure, first));
        match verdict {
            Verdict::Retry(_) => {
                // Dropped before the pause, because it may hold a connection of a pool.
                drop(V::take(&mut self.slot));
                let (delay, least) = self.state.pause();
                Ok(Steps::of(delay, least, runtime))
            }
            Verdict::GiveUp(reason) => Err(End::GaveUp(reason)),
            Verdict::Rejected(rejected) => Err(End::Rejected(rejected)),
        }
    }

    /// Ends the call without the cancellation of a drop. Every attempt must have ended.
    #[inline]
    pub(super) fn done(self)
    where
        S: Default,
    {
        let mut run = ManuallyDrop::new(self);
        drop((run.last.take(), mem::take(&mut run.slot)));
    }

    /// Ends the call with the value that was kept, with an error, or with both.
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(super) fn end<T, V, X>(&mut self, end: End) -> Result<T, X>
    where
        V: Keep<T, Slot = S>,
        S: Default,
        X: Ends<T, E, V>,
    {
        self.cancel(); // the attempt under way, or the retry to come
        let mut slot = mem::take(&mut self.slot);
        X::end(&mut slot, || self.error(end))
    }

    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn error(&mut self, end: End) -> Error<E> {
        let when = self.runtime().now();
        let last = self.last.take();
        let mut context = self.course().context(when, last.as_ref().map(|last| last.class));
        if let Some(last) = &last {
            context.is_neutral = last.is_neutral;
            if !self.course().policy().ignores_hints() {
                context.hint = last.hint;
            }
            if last.first != Instant::MAX {
                (context.elapsed, context.is_elapsed_partial) = (when.nanos_since(last.first), true);
            }
        }
        if let Some(time) = self.runtime().unix_time() {
            context.unix_time = nanos(time);
        }
        let kind = match end {
            End::GaveUp(GiveUp::Ignored) => ErrorKind::Ignored,
            End::GaveUp(reason) => ErrorKind::GaveUp(reason),
            End::Rejected(rejected) => ErrorKind::Rejected(rejected),
            End::Cancelled => ErrorKind::Cancelled,
        };
        Error::new(kind, last.map(|last| last.cause), context)
    }

    /// The progress of the call when the attempt began.
    #[inline]
    pub(super) fn progress(&mut self) -> Progress {
        self.course().progress()
    }

    /// The cause of the previous attempt's failure.
    #[inline]
    pub(super) fn last(&self) -> Option<&Cause<E>> {
        self.last.as_ref().map(|last| &last.cause)
    }

    #[inline]
    pub(super) fn timeout(&mut self) -> Option<R::Sleep>
    where
        R: Sleep,
    {
        let runtime = self.runtime();
        self.course().time_limit().map(|limit| runtime.sleep(limit))
    }

    /// Does the same as [`settle`](Self::settle), for attempts that a timer may end. If the timer was the total
    /// timeout, the call ends.
    #[inline]
    pub(super) fn settle_timed<T, V>(&mut self, missed: Missed<E>) -> Result<Steps<'r, R>, End>
    where
        K: Classifier<T, E>,
        V: Keep<T, Slot = S>,
    {
        let missed = match missed {
            Missed::TimedOut if self.course().reaches_total() => {
                Missed::Ended(self.end_with_total(self.retry.classifier.timed_out()))
            }
            missed => missed,
        };
        self.settle::<T, V>(missed)
    }

    /// Begins an attempt after a pause.
    #[cfg_attr(target_pointer_width = "64", inline(never))]
    pub(super) fn begin_next(&mut self) -> Result<(), End> {
        self.check_time()?;
        self.begin()
    }

    /// Ends the call if a pause took it past one of its time limits. The next attempt then begins and ends at once,
    /// before the operation is called.
    #[inline]
    pub(super) fn check_time(&mut self) -> Result<(), End> {
        let runtime = self.runtime();
        match self.course().late(|| runtime.now()) {
            None => Ok(()),
            Some(reason) => Err(self.end_late(reason)),
        }
    }

    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn end_late(&mut self, reason: GiveUp) -> End {
        match self.begin() {
            Ok(()) if reason == GiveUp::TotalTimeout => self.end_with_total(Failure::new(Class::Timeout)),
            // The last failure stays the cause, because this attempt ran for no time at all.
            Ok(()) => {
                let runtime = self.runtime();
                self.course().end_unstarted(|| runtime.now());
                End::GaveUp(reason)
            }
            Err(end) => end,
        }
    }

    /// Ends an attempt because of the total timeout, and the call with it.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    fn end_with_total(&mut self, failure: Failure) -> End {
        let failure = self.course().with_neutral(failure);
        let (runtime, began) = (self.runtime(), self.state.so_far());
        let limit = self.course().end_with_total(began, failure, || runtime.now());
        let first = self.last.as_ref().map_or(Instant::MAX, |last| last.first);
        self.last = Some(Last::new(Cause::TimedOut(limit), failure, first));
        End::GaveUp(GiveUp::TotalTimeout)
    }

    /// The progress of the call. The clock is read only if it is `timed`.
    #[inline]
    fn progress_at(&mut self, timed: bool) -> Progress {
        let runtime = self.runtime();
        if timed { self.course().progress_at(|| runtime.now()) } else { self.progress() }
    }
}

impl<'r, R: Clock, P: Policies, G: Gate, B: Budget, K, O: Observer, E, S> Run<'r, R, P, G, B, K, O, E, S> {
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
    fn course(&mut self) -> Course<'_, P, G, B, O> {
        Course { setup: &self.retry.setup, state: &mut self.state }
    }
}

impl<R: Clock, P: Policies, G: Gate, B: Budget, K, O: Observer, E, S> Drop
    for Run<'_, R, P, G, B, K, O, E, S>
{
    #[inline]
    fn drop(&mut self) {
        // Most calls have ended, and then what they held stays where it is.
        if self.state.holds() {
            self.cancel();
        }
    }
}

/// The parts of a pause: one that is always slept, and then steps until the dependency is ready. They are in
/// nanoseconds, so that the conversion to a `Duration` is in one place.
pub(super) struct Steps<'r, R> {
    runtime: &'r R,
    sure: Option<u64>,
    wait: Option<Wait<'r>>,
}

/// A wait until the dependency is ready. It is reckoned from the clock, because a sleep may take longer than asked, and
/// a check takes time, too.
struct Wait<'r> {
    ready: Readiness<'r>,
    /// The longest wait.
    most: u64,
    waited: Elapsed,
    /// The least time that has passed on any clock when the present sleep is over.
    due: u64,
}

impl<'r, R: Clock> Steps<'r, R> {
    /// `least` is below `delay` if readiness may end the pause early.
    #[inline]
    fn of(delay: u64, least: u64, runtime: &'r R) -> Self {
        match runtime.readiness() {
            Some(ready) if least < delay => {
                let wait = Wait { ready, most: delay, waited: Elapsed::from(runtime.now()), due: least };
                Self { runtime, sure: Some(least), wait: Some(wait) }
            }
            _ => Self { runtime, sure: Some(delay), wait: None },
        }
    }

    #[inline]
    fn next_nanos(&mut self) -> Option<u64> {
        if let Some(sure) = self.sure.take() {
            return Some(sure);
        }
        self.wait.as_mut()?.next_nanos(self.runtime)
    }
}

impl Wait<'_> {
    fn next_nanos(&mut self, clock: &impl Clock) -> Option<u64> {
        let Self { ready: Readiness { check, every }, most, waited, due } = self;
        waited.at_least(*due, clock.now());
        if waited.so_far() >= *most || check() {
            return None;
        }
        let left = most.saturating_sub(waited.at(clock.now()));
        if left == 0 {
            return None;
        }
        let step = nanos((*every).max(Readiness::LEAST_EVERY)).min(left);
        *due = waited.so_far().saturating_add(step);
        Some(step)
    }
}

impl<R: Clock> Iterator for Steps<'_, R> {
    type Item = Duration;

    #[inline]
    fn next(&mut self) -> Option<Duration> {
        self.next_nanos().map(duration)
    }
}
