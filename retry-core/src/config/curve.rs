//! The backoff of a policy or of a rule: the name of a curve, and what else it takes.

use super::duration::HumanDuration;
use super::names::{CurveName, Name};
use super::read::{Problem, unused};
use super::value::{Count, Number};
use crate::delay::{Backoff, BackoffKind};

/// The keys of a backoff.
#[derive(Clone, Copy, Default)]
pub(super) struct CurveKeys {
    pub(super) backoff: Option<Name<CurveName>>,
    pub(super) base_delay: Option<HumanDuration>,
    pub(super) multiplier: Option<Number>,
    pub(super) increment: Option<HumanDuration>,
    pub(super) degree: Option<Count>,
}

impl CurveKeys {
    /// Returns the backoff. What the keys leave open comes from `from`.
    pub(super) fn read(self, from: Backoff) -> Result<Backoff, Problem> {
        use CurveName::{Exponential, Fibonacci, Fixed, Linear, Polynomial};

        let base = self.base_delay.map_or(from.base_delay(), |base| base.0);
        let (kind, name) = match self.backoff {
            Some(name) => (None, Some(name.0)),
            None => match from.kind() {
                BackoffKind::Fixed => (None, Some(Fixed)),
                BackoffKind::Fibonacci => (None, Some(Fibonacci)),
                kind @ BackoffKind::Exponential { .. } => (Some(kind), Some(Exponential)),
                kind @ BackoffKind::Linear { .. } => (Some(kind), Some(Linear)),
                kind @ BackoffKind::Polynomial { .. } => (Some(kind), Some(Polynomial)),
                BackoffKind::Custom => (None, None),
            },
        };
        let needs = |key, given: bool, its, why| unused(key, given && name != Some(its), why);
        needs("multiplier", self.multiplier.is_some(), Exponential, "needs backoff = \"exponential\"")?;
        needs("increment", self.increment.is_some(), Linear, "needs backoff = \"linear\"")?;
        needs("degree", self.degree.is_some(), Polynomial, "needs backoff = \"polynomial\"")?;
        Ok(match name {
            None => from.with_base(base),
            Some(Fixed) => Backoff::fixed(base),
            Some(Fibonacci) => Backoff::fibonacci(base),
            Some(Exponential) => match (self.multiplier, kind) {
                (Some(multiplier), _) => Backoff::exponential(base).try_multiplier(multiplier.0)?,
                (None, Some(_)) => from.with_base(base),
                (None, None) => Backoff::exponential(base),
            },
            Some(Linear) => match (self.increment, kind) {
                (Some(increment), _) => Backoff::linear(base, increment.0),
                (None, Some(_)) => from.with_base(base),
                (None, None) => return Err(Problem("increment: linear backoff needs one".into())),
            },
            Some(Polynomial) => match (self.degree, kind) {
                (Some(degree), _) => Backoff::polynomial(base, degree.0),
                (None, Some(_)) => from.with_base(base),
                (None, None) => return Err(Problem("degree: polynomial backoff needs one".into())),
            },
        })
    }

    /// Returns the keys of this backoff.
    pub(super) fn of(backoff: Backoff) -> Result<Self, Problem> {
        let mut keys = Self { base_delay: Some(HumanDuration(backoff.base_delay())), ..Self::default() };
        let name = match backoff.kind() {
            BackoffKind::Fixed => CurveName::Fixed,
            BackoffKind::Fibonacci => CurveName::Fibonacci,
            BackoffKind::Exponential { multiplier } => {
                keys.multiplier = Some(Number(multiplier));
                CurveName::Exponential
            }
            BackoffKind::Linear { increment } => {
                keys.increment = Some(HumanDuration(increment));
                CurveName::Linear
            }
            BackoffKind::Polynomial { degree } => {
                keys.degree = Some(Count(degree));
                CurveName::Polynomial
            }
            BackoffKind::Custom => {
                return Err(Problem("backoff: a function cannot be written to a file".into()));
            }
        };
        keys.backoff = Some(Name(name));
        Ok(keys)
    }

    /// Returns the first key that asks for growth, if one is given.
    pub(super) fn growing(&self) -> Option<&'static str> {
        match self.backoff {
            Some(Name(CurveName::Fixed)) => None,
            Some(_) => Some("backoff"),
            None if self.multiplier.is_some() => Some("multiplier"),
            None if self.increment.is_some() => Some("increment"),
            None if self.degree.is_some() => Some("degree"),
            None => None,
        }
    }
}

/// Whether the ceilings of a backoff grow, if nothing limits them.
pub(super) fn grows(backoff: Backoff) -> bool {
    backoff.ceiling(3) > backoff.base_delay() || backoff.base_delay() == core::time::Duration::MAX
}
