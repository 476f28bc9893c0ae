//! Settings of one call: its stop signal, and whether it returns its last value.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::Retry;
use super::keep::{Discard, KeepLast};

/// One call of a [`Retry`], with a stop signal, with its last value as the result, or both.
///
/// [`Retry::until`] and [`Retry::return_last`] make it. The order of [`until`](Self::until),
/// [`return_last`](Self::return_last) and [`dead_letters`](Self::dead_letters) is free. Then a `run` method runs the
/// call, as on the `Retry` itself.
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
#[must_use = "a call does nothing until one of its `run` methods is called"]
pub struct OneCall<'r, Y, S = Never, V = Discard> {
    pub(crate) retry: &'r Y,
    pub(crate) stop: S,
    pub(crate) keep: V,
}

/// The default stop signal, which is never ready.
#[derive(Clone, Copy, Debug, Default)]
pub struct Never;

/// A stop signal of a call: any future, or [`Never`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stop a call, because it is not a future",
    note = "for a `CancellationToken`, give `token.cancelled()`; blocking code has `.cancel_by(&token)`"
)]
pub trait Stop {
    /// Whether the signal can stop a call.
    #[doc(hidden)]
    const CAN: bool = true;

    /// Returns `Ready` when the call must stop.
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

/// A stop signal as a loop holds it.
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
    /// Makes a call that stops when the future `stop` ends. The attempt or the sleep under way is then dropped, and the
    /// call returns an error that [is cancelled](crate::Error::is_cancelled) and has the last attempt's error.
    ///
    /// Any future is a stop signal: `token.cancelled()` of a `CancellationToken`, the receiver of a channel, or a
    /// sleep. If it has ended before the call begins, no attempt is made. For blocking code, use `cancel_by`.
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

    /// Makes a call that returns its last value if it gives up because of that value. By default, such a call returns
    /// an error, and the value is dropped: see [`classify_ok`](Self::classify_ok).
    ///
    /// Use it to see the last response of a server, with its status and body.
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

    /// Makes a call with the default settings.
    #[inline]
    pub(crate) const fn one_call(&self) -> OneCall<'_, Self> {
        OneCall { retry: self, stop: Never, keep: Discard }
    }
}

impl<'r, Y, V> OneCall<'r, Y, Never, V> {
    /// Stops the call when the future `stop` ends: see [`Retry::until`].
    pub fn until<S: Stop>(self, stop: S) -> OneCall<'r, Y, S, V> {
        let Self { retry, stop: Never, keep } = self;
        OneCall { retry, stop, keep }
    }
}

impl<'r, Y, S> OneCall<'r, Y, S> {
    /// Returns the last value if the call gives up because of it: see [`Retry::return_last`].
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
