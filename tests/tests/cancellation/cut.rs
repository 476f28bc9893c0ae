//! Cuts a future after a number of polls.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How a call is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    /// It is dropped right after its last poll, while it waits.
    DroppedWaiting,
    /// It is dropped when it is woken, before it is polled again.
    DroppedWoken,
    /// It is stopped by its signal when it is woken.
    Stopped,
}

impl When {
    pub(crate) const ALL: [Self; 3] = [Self::DroppedWaiting, Self::DroppedWoken, Self::Stopped];
}

/// Polls a call a number of times, and then cuts it. The executor is that of the runtime.
pub(crate) struct Cut<'f, F> {
    call: Option<Pin<Box<F>>>,
    polls: u32,
    when: When,
    stop: &'f Flag,
}

/// A call that has ended, or was cut.
pub(crate) struct Ended<T> {
    /// Whether it ended before the cut.
    pub(crate) over: bool,
    /// `None` if it was dropped.
    pub(crate) result: Option<T>,
}

impl<'f, F: Future> Cut<'f, F> {
    pub(crate) fn new(call: F, polls: u32, when: When, stop: &'f Flag) -> Self {
        Self { call: Some(Box::pin(call)), polls, when, stop }
    }

    fn dropped(&mut self) -> Poll<Ended<F::Output>> {
        self.call = None;
        Poll::Ready(Ended { over: false, result: None })
    }
}

impl<F: Future> Future for Cut<'_, F> {
    type Output = Ended<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            if self.when != When::Stopped {
                return self.dropped();
            }
            self.stop.0.set(true);
        }
        let Self { call, polls, when, .. } = &mut *self;
        let call = call.as_mut().expect("it is not polled after its end");
        match call.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Ended { over: *polls > 0, result: Some(result) }),
            Poll::Pending => {
                assert!(*polls > 0, "a call that is stopped ends at its next poll");
                *polls -= 1;
                if *polls == 0 && *when == When::DroppedWaiting { self.dropped() } else { Poll::Pending }
            }
        }
    }
}

/// A stop signal without a waker. It is raised only when its call is about to be polled.
#[derive(Debug, Default)]
pub(crate) struct Flag(Cell<bool>);

impl Flag {
    pub(crate) fn raised(&self) -> impl Future {
        poll_fn(|_| if self.0.get() { Poll::Ready(()) } else { Poll::Pending })
    }
}
