//! What only one call has: when it is stopped, and what becomes of its last value.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::Retry;
use super::keep::{Discard, KeepLast};

/// One call of a [`Retry`], with a future that stops it, or with its last value as the result.
///
/// [`Retry::until`] and [`Retry::return_last`] make one. It runs as the `Retry` itself does.
///
/// ```
/// use retry_core::{testing::FakeClock, Class, Policy, Retry};
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock)
///     .classify(|class: &Class| *class)
///     .classify_ok(|status: &u16| (*status >= 500).then_some(Class::Server));
/// let stop = std::future::pending::<()>();
/// assert_eq!(clock.run(retry.until(stop).return_last().run(|| async { Ok(503) })), Ok(503));
/// ```
#[must_use = "it does nothing until it runs"]
pub struct OneCall<'r, Y, S = Never, V = Discard> {
    pub(crate) retry: &'r Y,
    pub(crate) stop: S,
    pub(crate) keep: V,
}

/// The stop signal of a call that nothing stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct Never;

/// What stops a call: any future, or [`Never`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stop a call, because it is not a future",
    note = "for a `CancellationToken`, give `token.cancelled()`; blocking code has `.cancel_by(&token)`"
)]
pub trait Stop {
    /// Whether it can ever stop one.
    #[doc(hidden)]
    const CAN: bool = true;

    /// Ready when the call is to stop.
    #[doc(hidden)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()>;
}

#[diagnostic::do_not_recommend]
impl<S: Future> Stop for S {
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Future::poll(self, context).map(drop)
    }
}

impl Stop for Never {
    const CAN: bool = false;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

/// What stops a call, as a loop holds it.
pub(super) trait PollStop {
    fn poll_stop(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

impl PollStop for Never {
    #[inline]
    fn poll_stop(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl<S: Stop> PollStop for Pin<&mut S> {
    #[inline]
    fn poll_stop(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.as_mut().poll(context)
    }
}

impl<R, P, G, B, K, O> Retry<R, P, G, B, K, O> {
    /// One call that ends when `stop` does: the attempt or the sleep under way is dropped then.
    ///
    /// Any future will do: a `CancellationToken`'s, a channel's receiver, a sleep. It is asked before the first attempt,
    /// too. Blocking code has `cancel_by`.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{Class, Policy, Retry, runtime::Sleep, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock);
    /// let stop = (&clock).sleep(Duration::from_millis(150));
    /// let error = clock.run(retry.until(stop).run(|| async { Err::<(), _>(Class::Server) })).unwrap_err();
    /// assert!(error.is_cancelled());
    /// assert_eq!(error.inner(), Some(&Class::Server)); // the last cause is kept
    /// ```
    #[doc(alias = "cancel")]
    pub const fn until<S: Stop>(&self, stop: S) -> OneCall<'_, Self, S> {
        OneCall { retry: self, stop, keep: Discard }
    }

    /// One call that hands back its last value if it gives up because that value is not acceptable:
    /// see [`classify_ok`](Self::classify_ok).
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, testing::FakeClock};
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|class: &Class| *class)
    ///     .classify_ok(|status: &u16| (*status >= 500).then_some(Class::Server));
    /// assert!(retry.run_blocking(|| Ok(503)).is_err());
    /// assert_eq!(retry.return_last().run_blocking(|| Ok(503)), Ok(503));
    /// ```
    pub const fn return_last(&self) -> OneCall<'_, Self, Never, KeepLast> {
        OneCall { retry: self, stop: Never, keep: KeepLast }
    }

    /// One call with nothing of its own.
    #[inline]
    pub(crate) const fn one_call(&self) -> OneCall<'_, Self> {
        OneCall { retry: self, stop: Never, keep: Discard }
    }
}

impl<'r, Y, V> OneCall<'r, Y, Never, V> {
    /// Ends the call when `stop` does: see [`Retry::until`].
    pub fn until<S: Stop>(self, stop: S) -> OneCall<'r, Y, S, V> {
        let Self { retry, stop: Never, keep } = self;
        OneCall { retry, stop, keep }
    }
}

impl<'r, Y, S> OneCall<'r, Y, S> {
    /// Hands back the last value if the call gives up on it: see [`Retry::return_last`].
    pub fn return_last(self) -> OneCall<'r, Y, S, KeepLast> {
        let Self { retry, stop, keep: Discard } = self;
        OneCall { retry, stop, keep: KeepLast }
    }
}

impl<Y: fmt::Debug, S, V> fmt::Debug for OneCall<'_, Y, S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneCall").field("retry", &self.retry).finish_non_exhaustive()
    }
}
