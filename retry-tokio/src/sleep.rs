//! A sleep that ends on time beside an operation that never pauses.

use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

pin_project! {
    /// The future of a sleep on tokio.
    ///
    /// It also ends on time beside an operation that uses up the task's cooperative budget, such as a loop that reads from a
    /// fast peer. tokio's own timers then wait for a budget that never comes back, so this one compares its deadline with
    /// the clock.
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct TokioSleep {
        #[pin]
        pub(crate) sleep: Sleep,
    }
}

impl Future for TokioSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut sleep = self.project().sleep;
        match sleep.as_mut().poll(context) {
            Poll::Pending if Instant::now() >= sleep.deadline() => Poll::Ready(()),
            polled => polled,
        }
    }
}
