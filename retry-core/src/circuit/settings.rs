//! Where a circuit has its configuration.

use core::ops::Deref;

use super::config::CircuitConfig;
use crate::lock::Initial;

/// Where a [`SharedCircuit`](crate::SharedCircuit) has its configuration: in itself, as a [`CircuitConfig`] that can be
/// changed while live; or elsewhere, by reference, for many circuits alike. In a type of its own: see
/// [`ConstCircuit`](crate::circuit::ConstCircuit).
pub trait Settings {
    /// What is changed while live.
    #[doc(hidden)]
    type Changed: Initial;

    /// The configuration it was made with.
    #[doc(hidden)]
    fn base(&self) -> &CircuitConfig;

    /// The configuration that holds now.
    #[doc(hidden)]
    fn current<'a>(&'a self, changed: &'a Self::Changed) -> &'a CircuitConfig;
}

impl Initial for Option<CircuitConfig> {
    const INITIAL: Self = None;
}

impl Initial for () {
    const INITIAL: Self = ();
}

impl Settings for CircuitConfig {
    type Changed = Option<Self>;

    #[inline]
    fn base(&self) -> &CircuitConfig {
        self
    }

    #[inline]
    fn current<'a>(&'a self, changed: &'a Option<Self>) -> &'a CircuitConfig {
        changed.as_ref().unwrap_or(self)
    }
}

/// Whatever points to one: a reference, or an `Arc` that keeps it for as long as a circuit is left.
impl<P: Deref<Target = CircuitConfig>> Settings for P {
    type Changed = ();

    #[inline]
    fn base(&self) -> &CircuitConfig {
        self
    }

    #[inline]
    fn current<'a>(&'a self, (): &'a ()) -> &'a CircuitConfig {
        self
    }
}
