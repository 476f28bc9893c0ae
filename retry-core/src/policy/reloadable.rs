//! A policy that is replaced while calls are under way.

use core::fmt;
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::Policy;
use super::owned::OwnedPolicy;
use super::policies::Policies;
use super::rule::Rule;

/// A policy that can be replaced while the program runs, such as when its configuration file changes.
///
/// It is usually a `static`. A call reads the policy once, when it begins, and keeps it until it ends. A replaced
/// policy and its rules are dropped when the last of its calls ends.
///
/// Before the first reload, reading the policy costs one atomic load. Afterwards, it also takes a read lock for a short
/// time, to clone an `Arc`.
///
/// ```
/// use retry_core::{policy::{OwnedPolicy, ReloadablePolicy}, testing::FakeClock, Class, Policy, Recovery, Retry, Rule};
///
/// static STOCK: ReloadablePolicy = ReloadablePolicy::new(Policy::DEFAULT);
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&STOCK, &clock).classify(|_: &&str| Class::Timeout);
/// let attempts = || retry.run_blocking(|| Err::<(), _>("no answer")).unwrap_err().context().attempt;
/// assert_eq!(attempts(), 3);
///
/// // Later, while calls are under way: a policy alone, or one with rules.
/// STOCK.reload(Policy::DEFAULT.max_attempts(5));
/// assert_eq!(attempts(), 5);
///
/// let rules = vec![Rule::class(Class::Timeout).recovery(Recovery::Fail)];
/// STOCK.reload(OwnedPolicy::try_new(Policy::DEFAULT, rules)?);
/// assert_eq!(attempts(), 1);
/// assert!(STOCK.current().to_string().ends_with("; rule timeout: fail"));
/// # Ok::<(), retry_core::ConfigError>(())
/// ```
#[doc(alias = "hot reload")]
#[doc(alias = "dynamic configuration")]
pub struct ReloadablePolicy {
    initial: Policy,
    /// Whether `reloaded` holds a policy. Until then, calls take no lock.
    is_reloaded: AtomicBool,
    reloaded: RwLock<Option<Arc<OwnedPolicy>>>,
}

impl ReloadablePolicy {
    /// Makes a source that starts with this policy.
    pub const fn new(policy: Policy) -> Self {
        Self { initial: policy, is_reloaded: AtomicBool::new(false), reloaded: RwLock::new(None) }
    }

    /// Replaces the policy for all calls that begin from now on. Calls under way keep the policy that they began with.
    pub fn reload(&self, policy: impl Into<OwnedPolicy>) {
        let policy = Some(Arc::new(policy.into()));
        let mut reloaded = self.reloaded.write().unwrap_or_else(PoisonError::into_inner);
        let before = mem::replace(&mut *reloaded, policy);
        drop(reloaded);
        self.is_reloaded.store(true, Ordering::Release);
        drop(before); // outside the lock, since it may free memory
    }

    /// Returns the policy of calls that begin now.
    pub fn current(&self) -> Arc<OwnedPolicy> {
        self.read().unwrap_or_else(|| Arc::new(self.initial.into()))
    }
}

impl Policies for ReloadablePolicy {
    /// `None` for the first policy.
    type Read = Option<Arc<OwnedPolicy>>;

    #[inline]
    fn read(&self) -> Option<Arc<OwnedPolicy>> {
        if !self.is_reloaded.load(Ordering::Acquire) {
            return None;
        }
        self.reloaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[inline]
    fn policy<'a>(&'a self, read: &'a Option<Arc<OwnedPolicy>>) -> &'a Policy {
        match read {
            None => &self.initial,
            Some(policy) => policy.policy(&()),
        }
    }

    #[inline]
    fn rules<'a>(&'a self, read: &'a Option<Arc<OwnedPolicy>>) -> &'a [Rule] {
        match read {
            None => self.initial.rules,
            Some(policy) => policy.rules_in_force(),
        }
    }
}

impl From<Policy> for ReloadablePolicy {
    fn from(policy: Policy) -> Self {
        Self::new(policy)
    }
}

/// Writes one line for a log, as [`Policy`] does.
impl fmt::Display for ReloadablePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current().fmt(f)
    }
}

impl fmt::Debug for ReloadablePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReloadablePolicy({self})")
    }
}
