//! Sources of policies for calls.

use core::fmt;
use core::time::Duration;

use super::{Policy, Rule};

/// A source of the policy of each call of a [`Retry`](crate::Retry): a [`Policy`], a reference or an `Arc` to one, or
/// one that is reloaded while live.
///
/// A call reads its policy once, when it begins, and keeps it until it ends. A source of your own can choose a policy
/// per call:
///
/// ```
/// use core::sync::atomic::{AtomicBool, Ordering};
/// use retry_core::{policy::Policies, testing::FakeClock, Class, Policy, Retry};
///
/// struct Stock {
///     is_degraded: AtomicBool,
///     usual: Policy,
///     careful: Policy,
/// }
///
/// impl Policies for Stock {
///     type Read = bool;
///
///     fn read(&self) -> bool {
///         self.is_degraded.load(Ordering::Relaxed)
///     }
///
///     fn policy<'a>(&'a self, is_degraded: &'a bool) -> &'a Policy {
///         if *is_degraded { &self.careful } else { &self.usual }
///     }
/// }
///
/// let careful = Policy::DEFAULT.max_attempts(1);
/// let stock = Stock { is_degraded: AtomicBool::new(false), usual: Policy::DEFAULT, careful };
/// let clock = FakeClock::new();
/// let retry = Retry::new(&stock, &clock).classify(|_: &&str| Class::Server);
/// let attempts = || retry.run_blocking(|| Err::<(), _>("busy")).unwrap_err().context().attempt;
/// assert_eq!(attempts(), 3);
/// stock.is_degraded.store(true, Ordering::Relaxed);
/// assert_eq!(attempts(), 1);
/// ```
#[doc(alias = "hot reload")]
#[doc(alias = "dynamic configuration")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of policies",
    note = "give the retry a `Policy`, a reference to one, or an `Arc` around one",
    note = "a preset has one: `Preset::HTTP.policy`; one that is replaced while live is a `ReloadablePolicy`"
)]
pub trait Policies {
    /// What a call keeps of its reading.
    type Read: Clone;

    /// Reads the policy for one call.
    fn read(&self) -> Self::Read;

    /// Returns the policy that was read.
    fn policy<'a>(&'a self, read: &'a Self::Read) -> &'a Policy;

    /// Returns the rules of the policy that was read.
    #[inline]
    fn rules<'a>(&'a self, read: &'a Self::Read) -> &'a [Rule] {
        self.policy(read).rules
    }

    /// Returns whether calls with a sink leave dead letters, unless
    /// [`only`](crate::dead_letter::DeadLetterCall::only) says which. The default is `true`.
    fn leaves_letters(&self) -> bool {
        true
    }

    /// Returns the type of the operations of these calls, such as `"database"`, for events; by default, it is empty. See
    /// [`OfType`].
    #[inline]
    fn operation_type(&self) -> &'static str {
        ""
    }

    /// Returns the ceiling of the delay after `failed` failed attempts, counted from 1; `None` for the policy's own
    /// curve. `base` is the policy's base delay.
    #[inline]
    fn ceiling(&self, failed: u32, base: Duration) -> Option<Duration> {
        let _ = (failed, base);
        None
    }
}

impl Policies for Policy {
    type Read = ();

    #[inline]
    fn read(&self) {}

    #[inline]
    fn policy<'a>(&'a self, (): &'a ()) -> &'a Policy {
        self
    }
}

/// Forwards every method to the source that it points to.
macro_rules! pointer {
    ($(#[$attribute:meta])* [$($generics:tt)*] $pointer:ty) => {
        $(#[$attribute])*
        impl<$($generics)*> Policies for $pointer {
            type Read = P::Read;

            #[inline]
            fn read(&self) -> P::Read {
                (**self).read()
            }

            #[inline]
            fn policy<'a>(&'a self, read: &'a P::Read) -> &'a Policy {
                (**self).policy(read)
            }

            #[inline]
            fn rules<'a>(&'a self, read: &'a P::Read) -> &'a [Rule] {
                (**self).rules(read)
            }

            fn leaves_letters(&self) -> bool {
                (**self).leaves_letters()
            }

            #[inline]
            fn operation_type(&self) -> &'static str {
                (**self).operation_type()
            }

            #[inline]
            fn ceiling(&self, failed: u32, base: Duration) -> Option<Duration> {
                (**self).ceiling(failed, base)
            }
        }
    };
}
pointer!([P: Policies + ?Sized] &P);
#[cfg(feature = "std")]
pointer!([P: Policies + ?Sized] std::sync::Arc<P>);

/// A source of policies with another curve for one use: see [`Retry::backoff`](crate::Retry::backoff).
#[derive(Clone, Copy)]
pub struct WithCurve<P, F> {
    policies: P,
    curve: F,
}

impl<P, F> WithCurve<P, F> {
    pub(crate) const fn new(policies: P, curve: F) -> Self {
        Self { policies, curve }
    }
}

impl<P: Policies, F: Fn(u32, Duration) -> Duration> Policies for WithCurve<P, F> {
    type Read = P::Read;

    #[inline]
    fn read(&self) -> P::Read {
        self.policies.read()
    }

    #[inline]
    fn policy<'a>(&'a self, read: &'a P::Read) -> &'a Policy {
        self.policies.policy(read)
    }

    #[inline]
    fn rules<'a>(&'a self, read: &'a P::Read) -> &'a [Rule] {
        self.policies.rules(read)
    }

    fn leaves_letters(&self) -> bool {
        self.policies.leaves_letters()
    }

    #[inline]
    fn operation_type(&self) -> &'static str {
        self.policies.operation_type()
    }

    #[inline]
    fn ceiling(&self, failed: u32, base: Duration) -> Option<Duration> {
        Some((self.curve)(failed, base))
    }
}

/// A source of policies with a type for the operations of its calls, such as `"http"` or `"database"`, which events and
/// metrics carry: see [`Retry::of_type`](crate::Retry::of_type).
///
/// The type tells what kind of dependency an operation calls, so that metrics can be added up by it. Use few types: a
/// metric has a label for it. The calls of an [`Operation`](crate::pool::Operation) have its name as their type.
///
/// ```
/// use core::cell::Cell;
/// use retry_core::{Call, Policy, observe::observer_fn, policy::OfType, testing::FakeClock};
///
/// let (clock, told) = (FakeClock::new(), Cell::new(""));
/// let observer = observer_fn(|event| told.set(event.operation_type));
/// let mut call = Call::new(OfType::new("http", &Policy::DEFAULT), clock.now()).observe(&observer);
/// call.attempt(clock.now()).unwrap().succeed(clock.now());
/// assert_eq!(told.get(), "http");
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OfType<P = &'static Policy> {
    operation_type: &'static str,
    policies: P,
}

impl<P> OfType<P> {
    /// Adds a type to a source of policies.
    pub const fn new(operation_type: &'static str, policies: P) -> Self {
        Self { operation_type, policies }
    }
}

impl<P: Policies> Policies for OfType<P> {
    type Read = P::Read;

    #[inline]
    fn read(&self) -> P::Read {
        self.policies.read()
    }

    #[inline]
    fn policy<'a>(&'a self, read: &'a P::Read) -> &'a Policy {
        self.policies.policy(read)
    }

    #[inline]
    fn rules<'a>(&'a self, read: &'a P::Read) -> &'a [Rule] {
        self.policies.rules(read)
    }

    fn leaves_letters(&self) -> bool {
        self.policies.leaves_letters()
    }

    #[inline]
    fn operation_type(&self) -> &'static str {
        self.operation_type
    }

    #[inline]
    fn ceiling(&self, failed: u32, base: Duration) -> Option<Duration> {
        self.policies.ceiling(failed, base)
    }
}

impl<P: fmt::Debug, F> fmt::Debug for WithCurve<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithCurve").field("policies", &self.policies).finish_non_exhaustive()
    }
}
