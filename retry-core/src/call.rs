//! Where the policy of one call and the circuit of all calls meet.

use core::fmt;
use core::time::Duration;

use rand_core::Rng;

use crate::circuit::{Change, Gate};
use crate::class::Failure;
use crate::observe::{Event, EventKind, Observer};
use crate::policy::Policy;
use crate::time::{Instant, Now, Reading};
use crate::verdict::{Rejected, Verdict};

/// All attempts of one logical operation.
///
/// **One attempt at a time, and each is ended.** The protocol, for those who write their own loop:
///
/// 1. [`Call::new`] when the operation starts.
/// 2. [`attempt`](Self::attempt) before each try. A refusal ends the call.
/// 3. [`Attempt::succeed`] ends the call; [`Attempt::fail`] says what comes next. An attempt that is dropped
///    instead gives its place back to the circuit.
/// 4. After [`Verdict::Retry`], sleep for the delay and go on at 2.
///
/// See the [crate's page](crate) for the loop.
pub struct Call<'a, G: Gate, O: Observer + ?Sized = ()> {
    policy: &'a Policy,
    gate: &'a G,
    observer: &'a O,
    operation: &'static str,
    attempts: u32,
    elapsed: Option<Elapsed>,
}

impl<'a, G: Gate> Call<'a, G> {
    /// Starts a call. Asks the time only under a deadline.
    pub fn new(policy: &'a Policy, gate: &'a G, now: impl Now) -> Self {
        let elapsed = if policy.has_deadline() {
            Some(Elapsed::from(now.now()))
        } else {
            None
        };
        Self {
            policy,
            gate,
            observer: &(),
            operation: "",
            attempts: 0,
            elapsed,
        }
    }

    /// The same call, seen by `observer`.
    pub fn observe<O: Observer + ?Sized>(self, observer: &'a O) -> Call<'a, G, O> {
        let Self {
            policy,
            gate,
            observer: _,
            operation,
            attempts,
            elapsed,
        } = self;
        Call {
            policy,
            gate,
            observer,
            operation,
            attempts,
            elapsed,
        }
    }
}

impl<'a, G: Gate, O: Observer + ?Sized> Call<'a, G, O> {
    /// Gives the operation a name, for events and errors.
    #[must_use]
    pub fn named(self, operation: &'static str) -> Self {
        Self { operation, ..self }
    }

    /// Begins the next attempt.
    ///
    /// # Errors
    /// Where the circuit refuses it; the call is over then.
    pub fn attempt(&mut self, now: impl Now) -> Result<Attempt<'_, 'a, G, O>, Rejected> {
        let mut now = Reading::Unread(now);
        match self.gate.admit(|| now.get()) {
            Ok(admission) => {
                self.attempts = self.attempts.saturating_add(1);
                self.changed(admission.change);
                self.emit(&mut now, EventKind::Started);
                Ok(Attempt {
                    call: self,
                    ticket: Some(admission.ticket),
                })
            }
            Err(rejected) => {
                self.emit(&mut now, EventKind::Rejected(rejected));
                Err(rejected)
            }
        }
    }

    /// How many attempts were begun.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The time since the call started, delays and attempts included; `None` without a deadline, where no
    /// clock is read at the start.
    pub fn elapsed(&mut self, now: impl Now) -> Option<Duration> {
        self.elapsed
            .as_mut()
            .map(|elapsed| Duration::from_nanos(elapsed.at(now.now())))
    }

    fn emit<N: Now>(&self, now: &mut Reading<N>, kind: EventKind) {
        if self.observer.is_enabled() {
            let Self {
                operation,
                attempts: attempt,
                ..
            } = *self;
            self.observer.observe(&Event {
                at: now.get(),
                operation,
                attempt,
                kind,
            });
        }
    }

    fn changed(&self, change: Option<Change>) {
        if let Some(change) = change {
            self.emit(&mut Reading::Unread(change.at), EventKind::PhaseChanged(change));
        }
    }
}

impl<G: Gate, O: Observer + ?Sized> fmt::Debug for Call<'_, G, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            attempts,
            policy,
            ..
        } = self;
        f.debug_struct("Call")
            .field("operation", operation)
            .field("attempts", attempts)
            .field("policy", policy)
            .finish_non_exhaustive()
    }
}

/// One attempt under way, and its permit: it borrows its call, so two at once do not compile.
///
/// Dropping it, by an early return, a panic or a cancelled future, cancels the attempt: the circuit gets its
/// place back and counts nothing.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use core::time::Duration;
/// use retry_core::{Call, CircuitConfig, Class, FakeClock, Gate, Policy, SharedCircuit};
///
/// static STOCK: SharedCircuit =
///     SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(1).open_for(Duration::from_secs(1)));
///
/// let clock = FakeClock::new();
/// let mut call = Call::new(&Policy::DEFAULT, &STOCK, clock.now());
/// let _ = call.attempt(clock.now()).unwrap().fail(Class::Network, clock.now(), &mut clock.words(&[]));
///
/// clock.advance(Duration::from_secs(1));
/// let probe = call.attempt(clock.now()).unwrap();
/// assert!(STOCK.admit(clock.now()).is_err()); // the only probe is taken
/// drop(probe);
/// assert!(STOCK.admit(clock.now()).is_ok());
/// # }
/// ```
#[must_use = "an attempt that is dropped is cancelled"]
pub struct Attempt<'c, 'a, G: Gate, O: Observer + ?Sized = ()> {
    call: &'c mut Call<'a, G, O>,
    ticket: Option<G::Ticket>,
}

impl<G: Gate, O: Observer + ?Sized> Attempt<'_, '_, G, O> {
    /// Which attempt of the call this is, from 1.
    pub fn number(&self) -> u32 {
        self.call.attempts
    }

    /// The attempt succeeded, and the call with it.
    pub fn succeed(mut self, now: impl Now) {
        let mut now = Reading::Unread(now);
        let ticket = self.take_ticket();
        let change = self.call.gate.succeed(ticket, || now.get());
        self.call.emit(&mut now, EventKind::Succeeded);
        self.call.changed(change);
    }

    /// The attempt failed: tells the circuit, and says what comes next.
    ///
    /// The order of the questions: is the class retried, are attempts left, does the server's hint fit, would
    /// the retry start before the deadline, would the circuit still be open then. The first "no" is the answer.
    /// One word is taken from `rng` where a delay is worked out, none where not.
    pub fn fail(self, failure: impl Into<Failure>, now: impl Now, rng: &mut impl Rng) -> Verdict {
        self.fail_with(failure.into(), now, || rng.next_u64())
    }

    pub(crate) fn fail_with(
        mut self,
        failure: Failure,
        now: impl Now,
        word: impl FnOnce() -> u64,
    ) -> Verdict {
        let mut now = Reading::Unread(now);
        let ticket = self.take_ticket();
        let call = &mut *self.call;
        let elapsed = || call.elapsed.as_mut().map_or(0, |elapsed| elapsed.at(now.get()));
        let plan = call.policy.decide(call.attempts, failure, elapsed, word);
        let delay = plan.ok().map(Duration::from_nanos);
        let settled = call.gate.fail(ticket, failure.class, || now.get(), delay);
        let verdict = match (plan, settled.next) {
            (Err(reason), _) => Verdict::GiveUp(reason),
            (Ok(_), Err(rejected)) => Verdict::Rejected(rejected),
            (Ok(delay), Ok(())) => {
                if let Some(elapsed) = &mut call.elapsed {
                    elapsed.delayed(delay);
                }
                Verdict::Retry(Duration::from_nanos(delay))
            }
        };
        call.emit(&mut now, EventKind::Failed { failure, verdict });
        call.changed(settled.change);
        verdict
    }

    /// The attempt is abandoned. A drop does the same, but cannot tell an observer the time.
    pub fn cancel(mut self, now: impl Now) {
        let ticket = self.take_ticket();
        self.call.gate.cancel(ticket);
        self.call.emit(&mut Reading::Unread(now), EventKind::Cancelled);
    }

    fn take_ticket(&mut self) -> G::Ticket {
        match self.ticket.take() {
            Some(ticket) => ticket,
            None => unreachable!("only the methods that consume the attempt take its ticket"),
        }
    }
}

impl<G: Gate, O: Observer + ?Sized> Drop for Attempt<'_, '_, G, O> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.call.gate.cancel(ticket);
        }
    }
}

impl<G: Gate, O: Observer + ?Sized> fmt::Debug for Attempt<'_, '_, G, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("number", &self.number())
            .finish_non_exhaustive()
    }
}

/// The time a call has taken, as a sum of steps: a clock that steps back takes nothing off it, and a delay
/// counts even if the clock stood still meanwhile.
struct Elapsed {
    total: u64,
    last: Instant,
    /// The delay begun at `last`.
    delay: u64,
}

impl Elapsed {
    fn from(start: Instant) -> Self {
        Self {
            total: 0,
            last: start,
            delay: 0,
        }
    }

    fn at(&mut self, now: Instant) -> u64 {
        let step = now.nanos_since(self.last);
        self.total = self.total.saturating_add(step.max(self.delay));
        self.last = now;
        self.delay = 0;
        self.total
    }

    fn delayed(&mut self, delay: u64) {
        self.delay = delay;
    }
}
