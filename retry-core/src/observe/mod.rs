//! What can be seen of a call from outside, and what is left of it.

mod dead_letter;
#[cfg(feature = "defmt")]
mod defmt_log;
mod event;
mod letter_image;

pub use dead_letter::{DeadLetter, DeadLetters, Reason, WhenFull};
#[cfg(feature = "defmt")]
pub use defmt_log::DefmtLog;
pub use event::{CallEnd, Event, EventKind, Observer, Outlook};
pub use letter_image::{ImageError, Plain};
