//! A policy with rules that are known only at run time.

use core::fmt;
use std::boxed::Box;

use super::Policy;
use super::policies::Policies;
use super::rule::Rule;
use super::settings::PolicySettings;
use crate::config_error::{ConfigError, ok_or_panic};

/// A policy with rules that are known only at run time, such as those of a file or a database.
///
/// The rules of a [`Policy`] are `'static`; these are dropped with the policy. Any [`Policy`] converts into an
/// `OwnedPolicy` and keeps its rules.
///
/// ```
/// use retry_core::{policy::OwnedPolicy, Class, Policy, Recovery, Rule};
///
/// let given_up = [Class::Timeout, Class::NotFound]; // from a file
/// let rules: Vec<Rule> = given_up.iter().map(|class| Rule::class(*class).recovery(Recovery::Fail)).collect();
/// let policy = OwnedPolicy::try_new(Policy::DEFAULT, rules)?;
/// assert_eq!(policy.settings().rules.len(), 2);
/// assert!(policy.to_string().ends_with("; rule timeout: fail; rule not_found: fail"));
/// # Ok::<(), retry_core::ConfigError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct OwnedPolicy {
    policy: Policy,
    /// `None` for the policy's rules.
    rules: Option<Box<[Rule]>>,
}

impl OwnedPolicy {
    /// Makes a policy with these rules instead of its own.
    ///
    /// # Panics
    /// Panics if a rule's own delay, or the base delay of its backoff, is above [`max_delay`](Policy::max_delay).
    #[must_use]
    #[track_caller]
    pub fn new(policy: Policy, rules: impl Into<Box<[Rule]>>) -> Self {
        ok_or_panic!(Self::try_new(policy, rules))
    }

    /// Does the same as [`new`](Self::new), for rules that may be invalid.
    ///
    /// # Errors
    /// Returns an error if a rule's own delay, or the base delay of its backoff, is above
    /// [`max_delay`](Policy::max_delay).
    pub fn try_new(policy: Policy, rules: impl Into<Box<[Rule]>>) -> Result<Self, ConfigError> {
        let rules = rules.into();
        policy.allows_all(&rules)?;
        // Calls ask the policy whether they need the time, so it must know of the rules that do.
        let asks_time = policy.asks_time_with(&rules);
        Ok(Self { policy: Policy { asks_time, rules: &[], ..policy }, rules: Some(rules) })
    }

    /// Returns the values of the policy as plain data.
    pub fn settings(&self) -> PolicySettings<'_> {
        PolicySettings { rules: self.rules_in_force(), ..self.policy.settings() }
    }

    /// The owned rules, or else the policy's.
    pub(super) fn rules_in_force(&self) -> &[Rule] {
        self.rules.as_deref().unwrap_or(self.policy.rules)
    }
}

impl From<Policy> for OwnedPolicy {
    fn from(policy: Policy) -> Self {
        Self { policy, rules: None }
    }
}

impl Policies for OwnedPolicy {
    type Read = ();

    fn read(&self) {}

    fn policy<'a>(&'a self, (): &'a ()) -> &'a Policy {
        &self.policy
    }

    fn rules<'a>(&'a self, (): &'a ()) -> &'a [Rule] {
        self.rules_in_force()
    }
}

/// Writes one line for a log, as [`Policy`] does.
impl fmt::Display for OwnedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings().fmt(f)
    }
}

impl fmt::Debug for OwnedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedPolicy({self})")
    }
}
