//! The description of a failed attempt, and the use of a server's hint.

use core::time::Duration;

use super::rule::Rule;
use crate::class::{Class, Recovery};
use crate::detail::Detail;

/// A classifier's description of an error: its class, and how long the server asked to wait.
///
/// A [`Class`] converts into a failure, so a classifier may return either. Two failures are equal if all decisions about
/// them are: their [`detail`](Self::detail) is left out of the comparison.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Class, Failure};
///
/// let busy = Failure::new(Class::Server).retry_after(Duration::from_secs(2));
/// assert_eq!(busy.hint, Some(Duration::from_secs(2)));
/// assert_eq!(Failure::from(Class::Timeout).hint, None);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Failure {
    /// The class of the error.
    pub class: Class,
    /// The server's hint, such as HTTP's `Retry-After`: the shortest wait from now to the next attempt.
    pub hint: Option<Duration>,
    /// Whether the server sent a hint that could not be read. It changes no decision; observers are told.
    pub unreadable_hint: bool,
    /// The rule for this error, which comes before the rules of the policy.
    pub rule: Option<&'static Rule>,
    /// Whether this must be the last attempt, whatever the rules say.
    pub is_last: bool,
    /// Whether the failure is [neutral](Self::neutral): it says nothing about the dependency.
    pub is_neutral: bool,
    /// Whether the attempt was a poll with a [pending](Self::pending) answer.
    pub is_pending: bool,
    /// What the failure is in a few words, if it has no text of its own. It changes no decision; observers, the error of
    /// the call and dead letters show it.
    pub detail: Option<Detail>,
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        let flags = |it: &Self| (it.unreadable_hint, it.is_last, it.is_neutral, it.is_pending);
        (self.class, self.hint, self.rule, flags(self)) == (other.class, other.hint, other.rule, flags(other))
    }
}

impl Failure {
    pub(crate) const NOT_RETRIED: &Rule = &Rule::ANY.recovery(Recovery::Fail);

    /// Makes a failure of this class, without a hint.
    pub const fn new(class: Class) -> Self {
        let (is_last, is_neutral, is_pending) = (false, false, false);
        let (hint, unreadable_hint, rule, detail) = (None, false, None, None);
        Self { class, hint, unreadable_hint, rule, is_last, is_neutral, is_pending, detail }
    }

    /// Adds a hint, such as HTTP's `Retry-After`. It is a floor for the next delay, unless the policy uses
    /// [`Hints`](crate::policy::Hints) differently.
    #[doc(alias = "retry-after")]
    #[must_use]
    pub const fn retry_after(self, hint: Duration) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Tells observers that the server sent a hint that could not be read, such as `Retry-After: soon`.
    #[must_use]
    pub const fn unreadable_hint(self) -> Self {
        Self { unreadable_hint: true, ..self }
    }

    /// Says in a few words what the failure is, such as `the body is empty`. Use it in
    /// [`Retry::classify_ok`](crate::Retry::classify_ok), because a value has no error text.
    ///
    /// ```
    /// use retry_core::{Class, Failure, Policy, Retry, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(Policy::DEFAULT.max_attempts(1), &clock)
    ///     .classify(|class: &Class| *class)
    ///     .classify_ok(|body: &&str| {
    ///         body.is_empty().then_some(Failure::new(Class::Transient).detail("the body is empty"))
    ///     });
    /// let error = retry.run_blocking(|| Ok("")).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "gave up after attempt 1 of 1, 0 ms (Transient): no attempts left: the body is empty",
    /// );
    /// ```
    #[must_use]
    pub const fn detail(self, text: &'static str) -> Self {
        Self { detail: Some(Detail::new(text, None)), ..self }
    }

    /// Says which code the dependency answered with, after a few words that say what the code is:
    /// `code("HTTP status", 503)`.
    #[must_use]
    pub const fn code(self, what: &'static str, code: i32) -> Self {
        Self { detail: Some(Detail::new(what, Some(code))), ..self }
    }

    /// Marks the failure as not retried, whatever its class. The circuit still counts it by its class.
    #[must_use]
    pub const fn not_retried(self) -> Self {
        self.under(Self::NOT_RETRIED)
    }

    /// Marks the attempt as the last one. Instead of a retry, the call then gives up with
    /// [`GiveUp::Attempts`](crate::GiveUp::Attempts). A failure that would end the call anyway ends it as usual.
    ///
    /// ```
    /// use retry_core::{testing::FakeClock, Class, Failure, Policy, Recovery, Retry, Rule};
    ///
    /// const POLICY: Policy = Policy::DEFAULT.rules(&[Rule::class(Class::NotFound).recovery(Recovery::Ignore)]);
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&POLICY, &clock).classify(|class: &Class| Failure::new(*class).last());
    /// let error = retry.run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    /// assert_eq!((error.context().attempt, error.context().max_attempts), (1, 1));
    /// assert!(retry.run_blocking(|| Err::<(), _>(Class::NotFound)).unwrap_err().is_ignored());
    /// ```
    #[must_use]
    pub const fn last(self) -> Self {
        Self { is_last: true, ..self }
    }

    /// Marks the failure as neutral: it says nothing about the dependency. Examples are a request that could not be
    /// built, data of the caller's own that could not be serialized, and a request body that broke.
    ///
    /// A neutral attempt is neither a success nor a failure. The circuit takes the ticket back and frees the slot of a
    /// probe, the budget takes the price of the retry back, and metrics have a count of their own for it. Whether the
    /// call retries is still decided by the class and the rules.
    ///
    /// An error that the server answered with, such as a 404, is a success for the circuit, because the server
    /// answered. To make whole classes neutral, use [`Policy::neutral_on`](crate::Policy::neutral_on).
    ///
    /// ```
    /// use retry_core::{circuit::Phase, testing::FakeClock, CircuitConfig, Class, Failure, Policy, Retry, SharedCircuit};
    ///
    /// #[derive(Debug)]
    /// enum Error { NotBuilt, Refused }
    ///
    /// let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(1)));
    /// let retry = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).classify_opaque(|error| match error {
    ///     Error::NotBuilt => Failure::new(Class::Validation).neutral(),
    ///     Error::Refused => Class::Network.into(),
    /// });
    /// retry.run_blocking(|| Err::<(), _>(Error::Refused)).unwrap_err(); // opens the circuit
    /// clock.advance(core::time::Duration::from_secs(30));
    /// retry.run_blocking(|| Err::<(), _>(Error::NotBuilt)).unwrap_err(); // a probe that says nothing
    /// assert_eq!(circuit.phase(), Phase::HalfOpen);
    /// retry.run_blocking(|| Ok::<_, Error>(())).unwrap();
    /// assert_eq!(circuit.phase(), Phase::Closed);
    /// ```
    #[doc(alias = "ignoreExceptions")]
    #[doc(alias = "IsExcluded")]
    #[must_use]
    pub const fn neutral(self) -> Self {
        Self { is_neutral: true, ..self }
    }

    /// Marks the attempt as a poll with the answer "not yet", such as the state `pending` of a job. The call polls again,
    /// whatever the class is.
    ///
    /// - Polls have a delay and a limit of their own: [`poll_every`](crate::Policy::poll_every) and [`max_polls`](crate::Policy::max_polls). Rules leave them
    ///   alone. A server's hint, such as `Retry-After`, is the shortest delay as usual.
    /// - The other attempts of the policy are counted from the last pending answer on, because a dependency that
    ///   answers works. So `max_attempts(3)` allows two errors in a row between two polls.
    /// - The circuit and the budget count the answer as a success, and the next poll costs the budget nothing. Metrics
    ///   count it as [neutral](Self::neutral).
    ///
    /// The [guide on polling](crate::_guides::polling) has a whole call.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{testing::FakeClock, Class, Failure, Policy, Retry};
    ///
    /// const POLICY: Policy = Policy::DEFAULT.poll_every(Duration::from_secs(2)).max_polls(100);
    ///
    /// let (clock, mut states) = (FakeClock::new(), ["pending", "pending", "pending", "done"].into_iter());
    /// let state = Retry::new(&POLICY, &clock)
    ///     .classify(|class: &Class| *class)
    ///     .classify_ok(|state| (*state == "pending").then(|| Failure::new(Class::Transient).pending()))
    ///     .run_blocking(|| Ok(states.next().unwrap()));
    /// assert_eq!((state, clock.now().as_millis()), (Ok("done"), 3 * 2_000));
    /// ```
    #[doc(alias = "poll")]
    #[doc(alias = "wait until")]
    #[must_use]
    pub const fn pending(self) -> Self {
        Self { is_pending: true, ..self }.neutral()
    }

    /// Sets the rule for this failure, which comes before the rules of the policy.
    ///
    /// # Panics
    /// Panics if the rule has [`Rule::after`], because the call might not measure its time. Such a rule belongs in the
    /// policy or in [`Retry::when`](crate::Retry::when).
    #[must_use]
    #[track_caller]
    pub const fn under(self, rule: &'static Rule) -> Self {
        assert!(!rule.asks_time(), "rule: a rule with `after` belongs in the policy or in `Retry::when`");
        self.under_timed(rule)
    }

    /// The same as [`under`](Self::under), for callers that make the call measure its time.
    pub(crate) const fn under_timed(self, rule: &'static Rule) -> Self {
        Self { rule: Some(rule), ..self }
    }
}

impl From<Class> for Failure {
    fn from(class: Class) -> Self {
        Self::new(class)
    }
}

/// How a policy uses a server's hint, such as `Retry-After`.
#[doc(alias = "retry-after")]
#[doc(alias = "pushback")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Hints {
    /// The hint is the shortest delay; the backoff may make it longer. A hint above
    /// [`max_hint`](crate::Policy::max_hint) ends the call, so that the call never comes back sooner than the server
    /// asked.
    #[default]
    Floor,
    /// The hint replaces the backoff, as [gRPC's
    /// pushback](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback) requires. A hint above
    /// `max_hint` ends the call.
    Exact,
    /// The hint is the shortest delay, but a hint above `max_hint` is lowered to `max_hint`, much as the AWS SDKs do.
    /// A call may then come back sooner than the server asked.
    Clamp,
    /// The wait is left aside, and the backoff alone decides how long to wait. This is for servers that send wrong hints.
    ///
    /// What else the server says still counts: a 403 with a hint is a `RateLimit`, and a pushback that forbids a retry
    /// and `x-should-retry: false` end the call.
    Ignore,
}
