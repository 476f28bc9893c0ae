//! What all calls to one dependency share.

mod breaker;
mod config;
mod constant;
mod gate;
mod image;
mod manual;
mod phase;
mod ramp;
mod rules;
mod settings;
mod shared;
mod snapshot;
mod time_window;
mod window;
mod word;

pub(crate) use breaker::Standing;
pub use breaker::{Breaker, Counts, Ticket};
pub use config::CircuitConfig;
pub use constant::{ConstCircuit, ConstConfig};
pub use gate::{Admission, Gate, NoCircuit, Settled};
pub use manual::{OnHealthy, Start};
pub use phase::{Change, ChangeCause, Mode, Phase};
pub use settings::Settings;
pub use shared::SharedCircuit;
pub use snapshot::Snapshot;
pub use time_window::TimeWindow;
pub use window::{CountWindow, Outcome, SlowCalls, Span, Window};
