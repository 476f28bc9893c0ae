//! The colours. They also differ in lightness, so that they can be distinguished with every common colour vision.

use plotters::style::RGBColor;
use retry_core::circuit::Phase;

use crate::outage::Outcome;

/// Text and axes.
pub const INK: RGBColor = RGBColor(45, 45, 45);
/// Delays by the backoff.
pub const BACKOFF: RGBColor = RGBColor(70, 70, 70);
/// Delays that a server asked for.
pub const HINT: RGBColor = RGBColor(0, 114, 178);

/// Returns the colour of an outcome, after the palette of Okabe and Ito.
pub const fn of_outcome(outcome: Outcome) -> RGBColor {
    match outcome {
        Outcome::Succeeded => RGBColor(0, 114, 178),
        Outcome::Failed => RGBColor(213, 94, 0),
        Outcome::TimedOut => RGBColor(240, 180, 40),
        Outcome::Rejected => RGBColor(150, 150, 150),
    }
}

/// Returns the colour of a phase. It is pale, because it is behind the others.
pub const fn of_phase(phase: Phase) -> RGBColor {
    match phase {
        Phase::Closed => RGBColor(255, 255, 255),
        Phase::Open => RGBColor(248, 218, 208),
        Phase::HalfOpen => RGBColor(255, 240, 150),
    }
}
