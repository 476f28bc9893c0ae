//! What can be seen of a call from outside.

mod compose;
mod event;
#[cfg(feature = "std")]
mod guarded;
#[cfg(feature = "std")]
mod queued;

pub use event::{CallEnd, Event, EventKind, Observer, Outlook};
#[cfg(feature = "std")]
pub use {guarded::Guarded, queued::Queued};
