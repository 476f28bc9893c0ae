//! Which calls leave a dead letter, which sink gets it, and that no sink changes the result of its call.

mod asynchronous;
mod ends;
mod failing;
mod limits;
mod one_call;
mod queues;

use std::cell::RefCell;

use retry_core::observe::{Event, EventKind, Observer};

/// The events of dead letters that an observer saw.
#[derive(Default)]
struct Seen(RefCell<Vec<EventKind>>);

impl Observer for Seen {
    fn observe(&self, event: &Event) {
        self.0.borrow_mut().push(event.kind);
    }
}

impl Seen {
    /// Returns for each letter whether it was kept.
    fn kept(&self) -> Vec<bool> {
        let events = self.0.borrow();
        let kept = |event: &EventKind| match event {
            EventKind::DeadLettered { kept } => Some(*kept),
            _ => None,
        };
        events.iter().filter_map(kept).collect()
    }
}
