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
#[cfg(feature = "std")]
pub use shared::StdLock;
pub use shared::{Exclusive, Initial, LocalLock, Lock, SharedCircuit};
pub use window::{CountWindow, Window};
