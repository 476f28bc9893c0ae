//! The plot of a run, as an SVG.

mod palette;
mod panels;

use std::fs;
use std::io;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::{
    Circle, Color, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, IntoFont, Rectangle, SVGBackend, Text,
    TextStyle, TriangleMarker, WHITE,
};
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use retry_core::circuit::Phase;

use crate::callers::CALLERS;
use crate::history::{History, Outcome};
use crate::script;
use palette::{BACKOFF, HINT, INK, of_outcome, of_phase};

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawResult = Result<(), DrawingAreaErrorKind<io::Error>>;

const WIDTH: u32 = 1200;
const HEAD: i32 = 84;
/// The height of the legend's line.
const LEGEND: i32 = 60;
const SCRIPT: i32 = 30;
const ATTEMPTS: i32 = 350;
const DELAYS: i32 = 266;

/// Writes the plot to `path`.
pub(crate) fn write(path: &Path, history: &History) -> io::Result<()> {
    let explain = |error: io::Error| io::Error::other(format!("cannot write {}: {error}", path.display()));
    let mut svg = String::new();
    draw(&mut svg, history).map_err(io::Error::other)?;
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(explain)?;
    }
    fs::write(path, svg).map_err(explain)
}

fn draw(svg: &mut String, history: &History) -> DrawResult {
    let height = (HEAD + SCRIPT + ATTEMPTS + DELAYS).unsigned_abs();
    let root = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let (head, rest) = root.split_vertically(HEAD);
    let (script, rest) = rest.split_vertically(SCRIPT);
    let (attempts, delays) = rest.split_vertically(ATTEMPTS);
    legend(&head)?;
    panels::script(&script, history)?;
    panels::attempts(&attempts, history)?;
    panels::delays(&delays, history)?;
    root.present()
}

fn legend(area: &Area<'_>) -> DrawResult {
    let title = format!("One circuit, {CALLERS} callers, {} outages", script::outages());
    area.draw(&Text::new(title, (panels::LEFT, 26), text(20, FontStyle::Bold)))?;

    // Places that leave room for a wide font.
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

/// Text that begins at its point, at half its height.
fn text(pixels: u32, style: FontStyle) -> TextStyle<'static> {
    // The backend draws smaller than it is told, by this factor.
    let size = f64::from(pixels) * 1.24;
    ("sans-serif", size).into_font().style(style).color(&INK).pos(Pos::new(HPos::Left, VPos::Center))
}
