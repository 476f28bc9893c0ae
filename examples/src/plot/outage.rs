//! The plot of an outage.

use std::io;

use plotters::prelude::{Circle, Color, Rectangle, Text, TriangleMarker};
use plotters::style::FontStyle;
use retry_core::circuit::Phase;

use super::palette::{BACKOFF, HINT, INK, of_outcome, of_phase};
use super::{Area, DrawResult, panels, svg, text};
use crate::outage::{CALLERS, History, Outcome, outages};

const WIDTH: u32 = 1200;
const HEAD: i32 = 84;
/// The height of the legend's line.
const LEGEND: i32 = 60;
const SCRIPT: i32 = 30;
const ATTEMPTS: i32 = 350;
const DELAYS: i32 = 266;

/// Draws the plot as an SVG.
///
/// # Errors
/// Returns an error if the plot cannot be drawn.
pub fn outage(history: &History) -> io::Result<String> {
    let height = (HEAD + SCRIPT + ATTEMPTS + DELAYS).unsigned_abs();
    svg((WIDTH, height), |root| draw(root, history))
}

fn draw(root: &Area<'_>, history: &History) -> DrawResult {
    let (head, rest) = root.split_vertically(HEAD);
    let (script, rest) = rest.split_vertically(SCRIPT);
    let (attempts, delays) = rest.split_vertically(ATTEMPTS);
    legend(&head)?;
    panels::script(&script, history)?;
    panels::attempts(&attempts, history)?;
    panels::delays(&delays, history)
}

fn legend(area: &Area<'_>) -> DrawResult {
    let title = format!("One circuit, {CALLERS} callers, {} outages", outages());
    area.draw(&Text::new(title, (panels::LEFT, 26), text(20, FontStyle::Bold)))?;

    // These positions leave room for a wide font.
    for (x, heading) in [(panels::LEFT, "attempts"), (568, "circuit"), (902, "delays")] {
        area.draw(&Text::new(heading, (x, LEGEND), text(14, FontStyle::Bold)))?;
    }
    for (x, outcome, name) in [
        (170, Outcome::Succeeded, "succeeded"),
        (280, Outcome::Failed, "failed"),
        (356, Outcome::TimedOut, "timed out"),
        (460, Outcome::Rejected, "rejected"),
    ] {
        area.draw(&Rectangle::new(swatch(x), of_outcome(outcome).filled()))?;
        label(area, x, name)?;
    }
    for (x, phase) in [(645, Phase::Closed), (726, Phase::Open), (796, Phase::HalfOpen)] {
        area.draw(&Rectangle::new(swatch(x), of_phase(phase).filled()))?;
        area.draw(&Rectangle::new(swatch(x), INK.mix(0.4)))?;
        label(area, x, phase.name())?;
    }
    area.draw(&Circle::new((972, LEGEND), 4, BACKOFF.filled()))?;
    label(area, 972, "backoff")?;
    area.draw(&TriangleMarker::new((1060, LEGEND), 6, HINT.filled()))?;
    label(area, 1060, "Retry-After")
}

fn label(area: &Area<'_>, x: i32, name: &str) -> DrawResult {
    area.draw(&Text::new(name, (x + 13, LEGEND), text(14, FontStyle::Normal)))
}

fn swatch(x: i32) -> [(i32, i32); 2] {
    [(x - 8, LEGEND - 7), (x + 8, LEGEND + 7)]
}
