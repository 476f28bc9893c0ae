//! What can be seen of a call from outside, and what is left of it.

mod dead_letter;
mod event;
mod letter_image;

pub use dead_letter::{DeadLetter, DeadLetters, Reason, WhenFull};
pub use event::{CallEnd, Event, EventKind, Observer, Outlook};
pub use letter_image::{ImageError, Plain};
