//! The place of a circuit's configuration.

#[cfg(feature = "std")]
use std::sync::Arc;

use super::config::CircuitConfig;
use crate::lock::Initial;

/// The place of a [`SharedCircuit`](crate::SharedCircuit)'s configuration: in the circuit, borrowed, or shared.
///
/// | type | the configuration is | can it change while live? |
/// |---|---|---|
/// | [`CircuitConfig`], the default | in the circuit itself | yes: [`reconfigure`](crate::SharedCircuit::reconfigure) |
/// | `&CircuitConfig` | borrowed by any number of circuits | no |
/// | `Arc<CircuitConfig>` | shared by the circuits of a [pool](crate::pool) | yes, by the pool |
///
/// The configuration of a [`ConstCircuit`](crate::circuit::ConstCircuit) is a constant of its type instead.
pub trait Settings {
    /// The part that can change while live.
    #[doc(hidden)]
    type Changed: Initial;

    /// The name of the circuit. The circuits of a pool have none, because their keys tell them apart.
    #[doc(hidden)]
    type Name: CircuitName;

    /// Returns the configuration that the circuit was made with.
    #[doc(hidden)]
    fn base(&self) -> &CircuitConfig;

    /// Returns the configuration in force.
    #[doc(hidden)]
    fn current<'a>(&'a self, changed: &'a Self::Changed) -> &'a CircuitConfig;
}

impl Settings for CircuitConfig {
    type Changed = Option<Self>;
    type Name = &'static str;

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
    type Name = &'static str;

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
    type Name = ();

    #[inline]
    fn base(&self) -> &CircuitConfig {
        self
    }

    #[inline]
    fn current<'a>(&'a self, changed: &'a Option<Self>) -> &'a CircuitConfig {
        changed.as_ref().unwrap_or(self)
    }
}

/// The name of a circuit, or its absence.
#[doc(hidden)]
pub trait CircuitName: Copy {
    /// No name.
    const NONE: Self;

    /// Returns the name; it is empty if there is none.
    fn text(self) -> &'static str;
}

impl CircuitName for &'static str {
    const NONE: Self = "";

    #[inline]
    fn text(self) -> &'static str {
        self
    }
}

impl CircuitName for () {
    const NONE: Self = ();

    #[inline]
    fn text(self) -> &'static str {
        ""
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
