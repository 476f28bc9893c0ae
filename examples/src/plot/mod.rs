//! Plots as SVG. Each has a white background, so that it is readable on light and on dark pages.

mod outage;
mod palette;
mod panels;

use std::io;

use plotters::coord::Shift;
use plotters::prelude::{
    DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, IntoFont, SVGBackend, TextStyle, WHITE,
};
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub use outage::outage;
pub use palette::{BACKOFF, HINT, INK, of_outcome, of_phase};

/// A part of a plot.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// The result of drawing.
pub type DrawResult = Result<(), DrawingAreaErrorKind<io::Error>>;

/// Draws an SVG of this size in pixels, on white.
///
/// # Errors
/// Returns an error if drawing fails.
pub fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> DrawResult) -> io::Result<String> {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    let drawn = root.fill(&WHITE).and_then(|()| draw(&root)).and_then(|()| root.present());
    drop(root);
    drawn.map_err(io::Error::other)?;
    // The backend also writes attributes that have their default value. Without them, the file is a third smaller.
    let defaults = [" opacity=\"1\"", " stroke=\"none\"", " stroke-width=\"1\""];
    Ok(defaults.iter().fold(svg, |svg, default| svg.replace(default, "")))
}

/// Returns a style for text. The text's point is at its left end, at half its height.
pub fn text(pixels: u32, style: FontStyle) -> TextStyle<'static> {
    // The backend draws text smaller than requested, by this factor.
    let size = f64::from(pixels) * 1.24;
    ("sans-serif", size).into_font().style(style).color(&INK).pos(Pos::new(HPos::Left, VPos::Center))
}
