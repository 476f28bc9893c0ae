//! The colours of the plot: told apart by every common kind of colour vision, and by lightness.

use plotters::style::RGBColor;
use retry_core::circuit::Phase;

use crate::history::Outcome;

pub(super) const INK: RGBColor = RGBColor(45, 45, 45);
pub(super) const BACKOFF: RGBColor = RGBColor(70, 70, 70);
pub(super) const HINT: RGBColor = RGBColor(0, 114, 178);

/// From the palette of Okabe and Ito.
pub(super) const fn of_outcome(outcome: Outcome) -> RGBColor {
    match outcome {
        Outcome::Succeeded => RGBColor(0, 114, 178),
        Outcome::Failed => RGBColor(213, 94, 0),
        Outcome::TimedOut => RGBColor(240, 180, 40),
        Outcome::Rejected => RGBColor(150, 150, 150),
    }
}

/// Pale, to lie behind the others.
pub(super) const fn of_phase(phase: Phase) -> RGBColor {
    match phase {
        Phase::Closed => RGBColor(255, 255, 255),
        Phase::Open => RGBColor(248, 218, 208),
        Phase::HalfOpen => RGBColor(255, 240, 150),
    }
}
