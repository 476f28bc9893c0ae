//! What all calls to one dependency share.

mod breaker;
mod config;
mod gate;
mod phase;
mod shared;
mod window;

pub use breaker::{Breaker, Ticket};
pub use config::CircuitConfig;
pub use gate::{Admission, Gate, NoCircuit, Settled};
pub use phase::{Change, ChangeCause, Phase};
pub use shared::SharedCircuit;
pub use window::{CountWindow, Window};
