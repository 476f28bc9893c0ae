//! A tower layer with retries and a circuit.

mod circuits;
mod error;
mod kept;
mod layer;
mod letters;
mod requests;
mod service;

pub use circuits::CircuitBy;
pub use error::ServiceError;
pub use layer::RetryLayer;
pub use letters::LettersTo;
pub use requests::{AgainBy, Cloned};
pub use service::{ResponseFuture, RetryService};
