//! The choice of a circuit for each request.

use core::fmt;

use retry_core::{Key, circuit::Gate};

/// The choice of a circuit for each request. [`RetryLayer::circuit_by`](crate::RetryLayer::circuit_by) sets it.
pub trait Circuits<Request, G> {
    /// The type of the circuit.
    type Circuit: Gate;

    /// Returns the circuit for this request. `own` is that of the layer's `Retry`.
    fn choose(&self, own: &G, request: &Request) -> Self::Circuit;

    /// Returns the key of a call with this circuit, if it has one.
    fn key(circuit: &Self::Circuit) -> Option<Key>;
}

/// The circuit of the layer's `Retry`, for all requests. It is the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneCircuit;

impl<Request, G: Gate + Clone> Circuits<Request, G> for OneCircuit {
    type Circuit = G;

    fn choose(&self, own: &G, _: &Request) -> G {
        own.clone()
    }

    fn key(_: &G) -> Option<Key> {
        None
    }
}

/// The choice of a circuit by a closure: see [`RetryLayer::circuit_by`](crate::RetryLayer::circuit_by).
#[derive(Clone, Copy)]
pub struct CircuitBy<F>(pub(super) F);

impl<Request, G, H, F> Circuits<Request, G> for CircuitBy<F>
where
    F: Fn(&Request) -> H,
    H: Gate,
    for<'h> &'h H: Into<Key>,
{
    type Circuit = H;

    fn choose(&self, _: &G, request: &Request) -> H {
        (self.0)(request)
    }

    fn key(circuit: &H) -> Option<Key> {
        Some(circuit.into())
    }
}

impl<F> fmt::Debug for CircuitBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CircuitBy(..)")
    }
}
