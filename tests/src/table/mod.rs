//! The scenarios that every runtime plays.

mod budgets;
mod circuits;
mod conditions;
mod delays;
mod half_open;
mod hints;
mod limits;
mod manual;
mod recoveries;
mod stops;
mod total;

use crate::scenario::Scenario;
pub use crate::scenario::{bad, coded, fails, final_fault, good, hinted};

/// The scenarios by topic.
pub static ALL: [&[Scenario<'static>]; 11] = [
    recoveries::ALL,
    delays::ALL,
    hints::ALL,
    limits::ALL,
    conditions::ALL,
    circuits::ALL,
    half_open::ALL,
    manual::ALL,
    budgets::ALL,
    stops::ALL,
    total::ALL,
];

/// Returns every scenario.
pub fn all() -> impl Iterator<Item = &'static Scenario<'static>> {
    ALL.iter().copied().flatten()
}
