//! What can be seen of a call from outside.

mod compose;
mod event;
#[cfg(feature = "std")]
mod guarded;
#[cfg(any(feature = "log", feature = "tracing"))]
mod level;
#[cfg(feature = "log")]
mod log_facade;
#[cfg(any(target_has_atomic = "64", feature = "critical-section"))]
mod metrics;
#[cfg(all(feature = "metrics", any(target_has_atomic = "64", feature = "critical-section")))]
mod metrics_facade;
#[cfg(feature = "std")]
mod queued;
#[cfg(feature = "tracing")]
mod tracing_log;

pub use event::{CallEnd, Event, EventKind, Observer, Outlook};
#[cfg(feature = "log")]
pub use log_facade::LogFacade;
#[cfg(all(feature = "std", any(target_has_atomic = "64", feature = "critical-section")))]
pub use metrics::Metrics;
#[cfg(any(target_has_atomic = "64", feature = "critical-section"))]
pub use metrics::{MetricsSnapshot, OperationMetrics};
#[cfg(all(feature = "metrics", any(target_has_atomic = "64", feature = "critical-section")))]
pub use metrics_facade::MetricsFacade;
#[cfg(feature = "tracing")]
pub use tracing_log::TracingLog;
#[cfg(feature = "std")]
pub use {guarded::Guarded, queued::Queued};
