//! Which circuit a request goes through.

use core::fmt;

use retry_core::{Key, Retry, circuit::Gate};

use crate::Tokio;

/// Says which circuit a request goes through. Chosen by [`RetryLayer::circuit_by`](crate::RetryLayer::circuit_by); there
/// is no need to implement it.
pub trait Circuits<Request, G> {
    /// What is kept for as long as the call lasts.
    type Held: Send + Sync;
    /// The circuit.
    type Circuit: Gate;

    /// Chooses.
    fn choose(&self, request: &Request) -> Self::Held;

    /// Takes what was chosen.
    fn through<'h, B, K, O: ?Sized>(
        retry: Retry<'h, Tokio, G, B, K, O>,
        held: &'h Self::Held,
    ) -> Retry<'h, Tokio, Self::Circuit, B, K, O>;
}

/// The retry's own circuit, or none, for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneCircuit;

impl<Request, G: Gate> Circuits<Request, G> for OneCircuit {
    type Held = ();
    type Circuit = G;

    fn choose(&self, _: &Request) {}

    fn through<'h, B, K, O: ?Sized>(
        retry: Retry<'h, Tokio, G, B, K, O>,
        (): &'h (),
    ) -> Retry<'h, Tokio, G, B, K, O> {
        retry
    }
}

/// The circuit that a closure chooses: see [`RetryLayer::circuit_by`](crate::RetryLayer::circuit_by).
#[derive(Clone, Copy)]
pub struct CircuitBy<F>(pub(super) F);

impl<Request, G, H, F> Circuits<Request, G> for CircuitBy<F>
where
    F: Fn(&Request) -> H,
    H: Gate + Send + Sync,
    for<'h> &'h H: Into<Key>,
{
    type Held = H;
    type Circuit = H;

    fn choose(&self, request: &Request) -> H {
        (self.0)(request)
    }

    fn through<'h, B, K, O: ?Sized>(
        retry: Retry<'h, Tokio, G, B, K, O>,
        held: &'h H,
    ) -> Retry<'h, Tokio, H, B, K, O> {
        retry.circuit(held).keyed(held)
    }
}

impl<F> fmt::Debug for CircuitBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CircuitBy(..)")
    }
}
