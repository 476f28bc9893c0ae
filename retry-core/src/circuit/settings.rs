//! Where a circuit has its configuration.

#[cfg(feature = "std")]
use std::sync::Arc;

use super::config::CircuitConfig;
use crate::lock::Initial;

/// Where a [`SharedCircuit`](crate::SharedCircuit) has its configuration.
///
/// | type | the configuration is | it can be changed while live |
/// |---|---|---|
/// | [`CircuitConfig`], the default | in the circuit itself | yes: [`reconfigure`](crate::SharedCircuit::reconfigure) |
/// | `&CircuitConfig` | elsewhere, for any number of circuits | no |
/// | `Arc<CircuitConfig>` | shared by the circuits of a [pool](crate::pool) | yes, by the pool |
///
/// A [`ConstCircuit`](crate::circuit::ConstCircuit) has it in its type instead.
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

impl Settings for &CircuitConfig {
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

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl Settings for Arc<CircuitConfig> {
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

impl Initial for Option<CircuitConfig> {
    const INITIAL: Self = None;
}

#[cfg(feature = "std")]
impl Initial for Option<Arc<CircuitConfig>> {
    const INITIAL: Self = None;
}

impl Initial for () {
    const INITIAL: Self = ();
}
