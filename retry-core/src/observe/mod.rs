//! What can be seen of a call from outside, and what is left of it.

#[cfg(feature = "tracing")]
mod call_span;
mod clean;
mod compose;
mod dead_letter;
#[cfg(feature = "defmt")]
mod defmt_log;
mod error_text;
mod event;
#[cfg(feature = "std")]
mod guarded;
mod letter_image;
#[cfg(any(feature = "defmt", feature = "log", feature = "tracing"))]
mod level;
#[cfg(feature = "log")]
mod log_facade;
#[cfg(any(target_has_atomic = "64", feature = "critical-section"))]
mod metrics;
#[cfg(all(feature = "metrics", any(target_has_atomic = "64", feature = "critical-section")))]
mod metrics_facade;
#[cfg(feature = "std")]
mod queued;
mod record;
#[cfg(feature = "tracing")]
mod tracing_log;

#[cfg(feature = "json")]
pub(crate) use clean::is_unclean;
pub use dead_letter::{DeadLetter, DeadLetters, Reason, WhenFull};
#[cfg(feature = "defmt")]
pub use defmt_log::DefmtLog;
pub use error_text::ErrorText;
pub use event::{CallEnd, Event, EventKind, Observer, Outlook};
pub use letter_image::ImageError;
pub(crate) use letter_image::{REASONS, code};
#[cfg(feature = "log")]
pub use log_facade::LogFacade;
#[cfg(all(feature = "std", any(target_has_atomic = "64", feature = "critical-section")))]
pub use metrics::Metrics;
#[cfg(any(target_has_atomic = "64", feature = "critical-section"))]
pub use metrics::{MetricsSnapshot, OperationMetrics};
#[cfg(all(feature = "metrics", any(target_has_atomic = "64", feature = "critical-section")))]
pub use metrics_facade::MetricsFacade;
#[cfg(feature = "std")]
pub use record::{Difference, Field, LogWriter, Records, Replay, ReplayError, Replayed, Step};
pub use record::{
    LogBuffer, LogError, Record, RecordSink, Recorded, RecordedCall, RecordedRng, RecordedStep, Recorder,
};
#[cfg(feature = "tracing")]
pub use {call_span::CallSpan, tracing_log::TracingLog};
#[cfg(feature = "std")]
pub use {guarded::Guarded, queued::Queued};
