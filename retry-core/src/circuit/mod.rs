//! What all calls to one dependency share.

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

pub use breaker::Breaker;
pub use config::CircuitConfig;
pub use constant::{ConstCircuit, ConstConfig};
pub use describe::CircuitSettings;
pub use gate::{Admission, AttemptEnd, Gate, NoCircuit, Settled, Ticket};
pub(crate) use manual_operations::manual_operations;
pub use phase::{Change, ChangeCause, Mode, OnHealthy, Phase, Start};
pub use rejected::Rejected;
pub use settings::Settings;
pub use shared::SharedCircuit;
pub use snapshot::Snapshot;
pub(crate) use state::Standing;
pub use time_window::TimeWindow;
pub use window::{CountWindow, Counts, Outcome, SlowCalls, Span, Window};
