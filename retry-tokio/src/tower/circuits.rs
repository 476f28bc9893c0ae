//! Which circuit a request goes through.

use core::fmt;

use retry_core::{Key, circuit::Gate};

/// Says which circuit a request goes through. Chosen by [`RetryLayer::circuit_by`](crate::RetryLayer::circuit_by); there
/// is no need to implement it.
pub trait Circuits<Request, G> {
    /// The circuit.
    type Circuit: Gate;

    /// Chooses; `own` is the layer's own circuit.
    fn choose(&self, own: &G, request: &Request) -> Self::Circuit;

    /// The key of a call through this circuit, if it has one.
    fn key(circuit: &Self::Circuit) -> Option<Key>;
}

/// The retry's own circuit, or none, for all.
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

/// The circuit that a closure chooses: see [`RetryLayer::circuit_by`](crate::RetryLayer::circuit_by).
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
