//! Events, logs and metrics: what can be seen of a call from outside.
//!
//! Guides: [metrics, logs and alerts](crate::_guides::operating), [troubleshooting](crate::_guides::troubleshooting).
//!
//! A call tells its [`Observer`] each attempt, each verdict with its reason, each change of its circuit, and its end,
//! as an [`Event`]. Only calls with an observer make events, and read a clock for them.
//!
//! | observer | feature | sends events to |
//! |---|---|---|
//! | [`Retry::on_event`](crate::Retry::on_event), [`observer_fn`] | | a closure |
//! | [`OperationMetrics`], `Metrics` | | lock-free counters, for one operation or by name |
//! | `LogFacade` | `log` | the `log` crate |
//! | `TracingLog`, `CallSpan` | `tracing` | the `tracing` crate, with OpenTelemetry's field names |
//! | `MetricsFacade` | `metrics` | the `metrics` crate: Prometheus and other recorders |
//! | `DefmtLog` | `defmt` | defmt's log |
//! | [`Tagged`] | | another observer, with tags for its logs |
//! | `Recorder` in [`record`](crate::record) | | a log that can be replayed |
//!
//! A tuple of observers is an observer. Put one that may panic into a `Guarded`, and one that may block behind a
//! `Queued`.
//!
//! ```
//! use core::cell::RefCell;
//! use retry_core::{Class, Jitter, Policy, Retry, observe::{OperationMetrics, observer_fn}, testing::FakeClock};
//!
//! static STOCK: OperationMetrics = OperationMetrics::new("stock.read");
//! const POLICY: Policy = Policy::DEFAULT.jitter(Jitter::None);
//!
//! let (clock, lines) = (FakeClock::new(), RefCell::new(Vec::new()));
//! let log = observer_fn(|event| lines.borrow_mut().push(event.to_string()));
//! let retry = Retry::new(&POLICY, &clock).named("stock.read").observe((&STOCK, log));
//! let mut answers = [Err(Class::Timeout), Ok(7)].into_iter();
//! assert_eq!(retry.run_blocking(|| answers.next().unwrap()), Ok(7));
//!
//! assert_eq!(STOCK.snapshot().retries_of(Class::Timeout), 1);
//! assert_eq!(lines.borrow()[1], "stock.read: retry in 100 ms: Timeout, attempt 1 of 3, 300.0 s left");
//! ```

#[cfg(feature = "tracing")]
mod call_span;
#[cfg(all(feature = "metrics", any(target_has_atomic = "64", feature = "critical-section")))]
mod circuits_in_phase;
mod compose;
#[cfg(feature = "defmt")]
mod defmt_log;
mod event;
#[cfg(feature = "std")]
mod guarded;
#[cfg(any(feature = "defmt", feature = "log", feature = "tracing"))]
mod level;
#[cfg(any(feature = "defmt", feature = "log", feature = "tracing"))]
mod limited;
#[cfg(feature = "log")]
mod log_facade;
#[cfg(any(target_has_atomic = "64", feature = "critical-section"))]
mod metrics;
#[cfg(all(feature = "metrics", any(target_has_atomic = "64", feature = "critical-section")))]
mod metrics_facade;
#[cfg(feature = "std")]
mod queued;
mod tagged;
mod tags;
#[cfg(feature = "tracing")]
mod tracing_log;

pub use crate::error_text::ErrorText;
pub use crate::log_level::{LogLevel, LogThreshold};
pub use crate::name::Name;
#[cfg(feature = "defmt")]
pub use defmt_log::DefmtLog;
pub use event::{CallEnd, Event, EventKind, Observer, ObserverFn, Outlook, observer_fn};
#[cfg(any(feature = "defmt", feature = "log", feature = "tracing"))]
pub use limited::LimitedLog;
#[cfg(feature = "log")]
pub use log_facade::LogFacade;
#[cfg(all(feature = "std", any(target_has_atomic = "64", feature = "critical-section")))]
pub use metrics::Metrics;
#[cfg(any(target_has_atomic = "64", feature = "critical-section"))]
pub use metrics::{MetricsSnapshot, OperationMetrics};
#[cfg(all(feature = "metrics", any(target_has_atomic = "64", feature = "critical-section")))]
pub use metrics_facade::MetricsFacade;
pub use tagged::Tagged;
pub(crate) use tags::Tags;
#[cfg(feature = "tracing")]
pub use {call_span::CallSpan, tracing_log::TracingLog};
#[cfg(feature = "std")]
pub use {
    guarded::Guarded,
    queued::{Queued, QueuedEvent},
};
