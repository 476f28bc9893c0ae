//! Calls that give up are handed over: which of them, to whom, and that nothing a sink does changes the call.

mod asynchronous;
mod ends;
mod failing;
mod one_call;
mod queues;

use std::cell::RefCell;

use retry_core::observe::{Event, EventKind, Observer};

/// What an observer saw.
#[derive(Default)]
struct Seen(RefCell<Vec<EventKind>>);

impl Observer for Seen {
    fn observe(&self, event: &Event) {
        self.0.borrow_mut().push(event.kind);
    }
}

impl Seen {
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
