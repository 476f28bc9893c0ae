//! What is known of one failed attempt, and how a server's hint is taken.

use core::time::Duration;

use super::rule::Rule;
use crate::class::{Class, Recovery};

/// What a classifier says of one error: its class, and how long the server asked to wait.
///
/// A [`Class`] turns into a failure by itself, so a classifier may return either.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{Class, Failure};
///
/// let busy = Failure::new(Class::Server).retry_after(Duration::from_secs(2));
/// assert_eq!(busy.hint, Some(Duration::from_secs(2)));
/// assert_eq!(Failure::from(Class::Timeout).hint, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Failure {
    /// The kind of error.
    pub class: Class,
    /// The server's hint, such as HTTP's `Retry-After`: no attempt sooner than this from now.
    pub hint: Option<Duration>,
    /// The rule that this error falls under, before any rule of the policy.
    pub rule: Option<&'static Rule>,
    /// Whether no further attempt may be made, whatever the rule.
    pub is_last: bool,
}

impl Failure {
    pub(crate) const NOT_RETRIED: &Rule = &Rule::ANY.recovery(Recovery::Fail);

    /// A failure of this class, without a hint.
    pub const fn new(class: Class) -> Self {
        Self { class, hint: None, rule: None, is_last: false }
    }

    /// Adds a hint, such as HTTP's `Retry-After`: a floor under the next delay, unless the policy takes
    /// [`Hints`](crate::policy::Hints) otherwise.
    #[doc(alias = "retry-after")]
    #[must_use]
    pub const fn retry_after(self, hint: Duration) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Says that it is not retried, whatever its class. The circuit still counts it by its class.
    #[must_use]
    pub const fn not_retried(self) -> Self {
        self.under(Self::NOT_RETRIED)
    }

    /// Says that no further attempt may be made. What would be a retry ends the call, for
    /// [`GiveUp::Attempts`](crate::GiveUp::Attempts); what is not retried ends as it would otherwise.
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

    /// Puts it under this rule, before any rule of the policy.
    ///
    /// # Panics
    /// Panics if the rule has [`Rule::after`]: the call was not told to count the time for it. A policy's rule, or
    /// [`Retry::when`](crate::Retry::when), may have one.
    #[must_use]
    #[track_caller]
    pub const fn under(self, rule: &'static Rule) -> Self {
        assert!(!rule.asks_time(), "rule: one with `after` belongs to the policy or to `when`");
        self.under_timed(rule)
    }

    /// [`under`](Self::under), for callers that see to it that the time is counted.
    pub(crate) const fn under_timed(self, rule: &'static Rule) -> Self {
        Self { rule: Some(rule), ..self }
    }
}

impl From<Class> for Failure {
    fn from(class: Class) -> Self {
        Self::new(class)
    }
}

/// How a server's hint is taken, such as `Retry-After`.
#[doc(alias = "retry-after")]
#[doc(alias = "pushback")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Hints {
    /// Never sooner than the hint, and later if the backoff says so. A hint above
    /// [`max_hint`](crate::Policy::max_hint) ends the call: to come back sooner than asked would be worse than not at all.
    #[default]
    Floor,
    /// Exactly the hint, instead of the backoff, as [gRPC's pushback](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback)
    /// wants it. A hint above `max_hint` ends the call.
    Exact,
    /// A floor, but one that is lowered to `max_hint` instead of ending the call, much as the AWS SDKs do: the only
    /// way in which a call comes back sooner than asked.
    Clamp,
}
