//! Where a circuit has its configuration.

use core::marker::PhantomData;

use super::config::CircuitConfig;
use crate::lock::Initial;

/// Where a [`SharedCircuit`](crate::SharedCircuit) has its configuration: in itself, as a [`CircuitConfig`] that can be
/// changed while live; in its type, as [`Const`]; or elsewhere, by reference, for many circuits alike.
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

/// A configuration as a type.
pub trait ConstConfig {
    /// The configuration.
    const CONFIG: CircuitConfig;
}

/// The configuration is that of the type `C`: it takes no memory, and what it does not ask for takes no code.
#[derive(Clone, Copy, Debug)]
pub struct Const<C>(PhantomData<C>);

impl<C: ConstConfig> Const<C> {
    pub(super) const HERE: Self = Self(PhantomData);
}

impl<C: ConstConfig> Settings for Const<C> {
    type Changed = ();

    #[inline]
    fn base(&self) -> &CircuitConfig {
        const { &C::CONFIG }
    }

    #[inline]
    fn current<'a>(&'a self, (): &'a ()) -> &'a CircuitConfig {
        self.base()
    }
}
