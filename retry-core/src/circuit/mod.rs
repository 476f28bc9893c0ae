//! Circuit breakers: while a dependency is down, its circuit refuses calls at once, so that they need not wait for it.
//!
//! Guides: [circuit breakers](crate::_guides::circuits), [fallbacks](crate::_guides::fallbacks),
//! [troubleshooting](crate::_guides::troubleshooting).
//!
//! A circuit belongs to one dependency, and all its callers share it. While it is *closed*, it admits every attempt and
//! records how each one ends. When too many fail, it *opens* and refuses every attempt. This spares the caller the wait
//! and the dependency the load. After the open time it is *half-open*: it admits a few attempts as *probes*. Their
//! results close it or open it again.
//!
//! ```text
//!              a rule opens it                  the open time passes
//!   closed ----------------------->  open  -------------------------->  half-open
//!     ^                               ^                                   |    |
//!     |                               |  more probes fail than allowed    |    |
//!     |                               +-----------------------------------+    |
//!     |                        enough probes succeed                           |
//!     +------------------------------------------------------------------------+
//! ```
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{CircuitConfig, Class, Policy, Retry, SharedCircuit, circuit::Phase, testing::FakeClock};
//!
//! const ONCE: Policy = Policy::DEFAULT.max_attempts(1);
//! const CONFIG: CircuitConfig =
//!     CircuitConfig::WITHOUT_RULES.consecutive_failures(2).open_for(Duration::from_secs(10));
//!
//! let (circuit, clock, mut asked) = (SharedCircuit::new(CONFIG), FakeClock::new(), 0);
//! let mut call = |answer| {
//!     Retry::new(&ONCE, &clock).circuit(&circuit).run_blocking(|| {
//!         asked += 1;
//!         answer
//!     })
//! };
//!
//! let _ = call(Err(Class::Timeout));
//! assert!(call(Err(Class::Timeout)).unwrap_err().is_exhausted());
//! assert_eq!(circuit.phase(), Phase::Open);
//!
//! assert!(call(Ok("stock")).unwrap_err().is_circuit_open()); // refused: the dependency is not asked
//!
//! clock.advance(Duration::from_secs(10));
//! assert_eq!(call(Ok("stock")).unwrap(), "stock"); // the probe
//! assert_eq!((circuit.phase(), asked), (Phase::Closed, 3));
//! ```
//!
//! # When it opens
//!
//! A [`CircuitConfig`] has four rules, alone or together:
//!
//! | rule | opens the circuit |
//! |---|---|
//! | [`consecutive_failures`](CircuitConfig::consecutive_failures) | after this many failures in a row |
//! | [`failures_in_window`](CircuitConfig::failures_in_window) | when this many calls in the window failed |
//! | [`failure_rate`](CircuitConfig::failure_rate) | when this percentage of the calls in the window failed |
//! | [`slow_rate`](CircuitConfig::slow_rate) | when this percentage of the calls in the window were slow |
//!
//! The window is a type. A [`CountWindow`] holds the last calls, and a [`TimeWindow`] the calls of the last stretch of
//! time. [`SlowCalls`] wraps either of them and also counts slow calls.
//!
//! An error counts as a failure if its [class](crate::Class) says that the dependency is at fault. Any other error is
//! an answer, and counts as a success.
//!
//! # Which type
//!
//! | type | its configuration | for |
//! |---|---|---|
//! | [`SharedCircuit`] | is in the circuit, can change while live | one dependency |
//! | [`CircuitPool`](crate::pool), [`FixedCircuitPool`](crate::pool::FixedCircuitPool) | is one for all circuits, can change while live | one circuit per host or tenant |
//! | [`ConstCircuit`] | is a constant of its type | microcontrollers |
//! | [`Breaker`] | is an argument of each method | a circuit type of your own, with a lock of your own |
//!
//! # Manual operations and health checks
//!
//! Every type has [`force_open`](SharedCircuit::force_open), [`disable`](SharedCircuit::disable),
//! [`count_only`](SharedCircuit::count_only), [`trip`](SharedCircuit::trip), [`probe`](SharedCircuit::probe) and
//! [`reset`](SharedCircuit::reset). A [`HealthCheck`](crate::HealthCheck) checks the dependency by itself while the
//! circuit is open, so that no call has to be the probe. A [`Snapshot`] carries the state over a restart.
//!
//! # Limits
//!
//! A circuit does not bound how many calls are under way at once, except for probes. For a bulkhead, use a semaphore or
//! tower's `ConcurrencyLimit`. For a limit on the retries of all callers together, use a [`budget`](crate::budget). For
//! a limit on the rate of attempts that follows the service's throttling, use
//! [`AdaptiveRate`](crate::budget::AdaptiveRate).

#![doc(alias = "circuit breaker")]
#![doc(alias = "bulkhead")]
#![doc(alias = "rate limiter")]
#![doc(alias = "half-open")]

mod breaker;
mod config;
mod constant;
mod describe;
mod gate;
mod gate_word;
mod image;
mod manual_operations;
mod phase;
mod published;
mod ramp;
mod rejected;
mod rules;
mod settings;
mod shared;
mod snapshot;
mod state;
mod time_window;
mod window;
mod window_bits;

pub use breaker::Breaker;
pub use config::CircuitConfig;
pub use constant::{ConstCircuit, ConstConfig};
pub use describe::CircuitSettings;
pub(crate) use gate::read_for;
pub use gate::{Admission, AttemptEnd, Gate, NoCircuit, Settled, Ticket};
pub(crate) use manual_operations::manual_operations;
pub use phase::{Adoption, Change, ChangeCause, Mode, OnHealthy, Phase, Start};
pub use rejected::Rejected;
pub use settings::Settings;
pub use shared::SharedCircuit;
pub use snapshot::Snapshot;
pub(crate) use state::Standing;
pub use time_window::TimeWindow;
pub use window::{CountWindow, Counts, Outcome, SlowCalls, Span, Window};
