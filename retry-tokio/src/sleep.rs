//! A sleep on tokio that ends on time, even if an operation uses up the task's cooperative budget.

use core::pin::Pin;
use core::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

pin_project! {
    /// The future of a sleep on tokio.
    ///
    /// It ends on time even if an operation in the same task uses up tokio's cooperative budget at every poll, such as
    /// a loop that reads from a fast peer. tokio's own timer stays pending as long as the budget is empty. So this
    /// future also compares its deadline with the clock.
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
