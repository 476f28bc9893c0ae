//! Retries and a circuit around a tower service.

mod circuits;
mod error;
mod kept;
mod layer;
mod letters;
mod requests;
mod service;

pub use circuits::{CircuitBy, Circuits, OneCircuit};
pub use error::ServiceError;
pub use layer::RetryLayer;
pub use letters::{Letters, LettersTo, NoLetters};
pub use requests::{AgainBy, CallCloneRequestOrCloneAll, Cloned, Requests, RequestsChosen};
pub use service::{ResponseFuture, RetryService};
