//! What can be seen of a call from outside.

mod event;

pub use event::{CallEnd, Event, EventKind, Observer, Outlook};
