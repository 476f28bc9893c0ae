//! Calls that give up are handed over: which of them, to whom, and that nothing a sink does changes the call.

mod asynchronous;
mod ends;
mod failing;
mod queues;

use std::cell::RefCell;

use retry_core::observe::{Event, EventKind};

/// What an observer saw.
#[derive(Default)]
struct Seen(RefCell<Vec<EventKind>>);

impl Seen {
    fn observer(&self) -> impl Fn(&Event) + '_ {
        |event| self.0.borrow_mut().push(event.kind)
    }

    /// What became of the letters: whether each was kept.
    fn kept(&self) -> Vec<bool> {
        let events = self.0.borrow();
        let kept = |event: &EventKind| match event {
            EventKind::DeadLettered { kept } => Some(*kept),
            _ => None,
        };
        events.iter().filter_map(kept).collect()
    }
}
