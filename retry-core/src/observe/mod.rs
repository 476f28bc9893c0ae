//! What can be seen of a call from outside, and what is left of it.

mod dead_letter;
#[cfg(feature = "defmt")]
mod defmt_log;
mod event;
mod letter_image;
mod record;

pub use dead_letter::{DeadLetter, DeadLetters, Reason, WhenFull};
#[cfg(feature = "defmt")]
pub use defmt_log::DefmtLog;
pub use event::{CallEnd, Event, EventKind, Observer, Outlook};
pub use letter_image::ImageError;
pub(crate) use letter_image::{REASONS, code};
#[cfg(feature = "std")]
pub use record::{Difference, Field, LogWriter, Replay, ReplayError, Replayed, Step};
pub use record::{
    LogBuffer, LogError, Record, RecordSink, Recorded, RecordedCall, RecordedRng, RecordedStep, Recorder,
    Records,
};
