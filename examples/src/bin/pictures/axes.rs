//! The heading, panels and axes that all pictures share.

use core::time::Duration;
use std::io;

use examples::plot::{Area, DrawResult, INK, text};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Color, DrawingAreaErrorKind, SVGBackend, TRANSPARENT, Text,
};
use plotters::style::FontStyle;

pub(crate) type DrawError = DrawingAreaErrorKind<io::Error>;
pub(crate) type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The height of a panel's two lines of text.
const HEAD: u32 = 44;

/// One panel of a picture.
pub(crate) struct Panel<'t> {
    /// What the panel shows.
    pub(crate) title: &'t str,
    /// A line below the title.
    pub(crate) note: &'t str,
    pub(crate) x: Axis<'t>,
    pub(crate) y: Axis<'t>,
}

pub(crate) struct Axis<'t> {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) name: &'t str,
    /// The approximate number of labels.
    pub(crate) labels: usize,
}

impl Panel<'_> {
    /// Draws the text and the axes.
    pub(crate) fn on<'a>(&self, area: &Area<'a>) -> Result<Chart<'a>, DrawError> {
        area.draw(&Text::new(self.title, (12, 14), text(14, FontStyle::Bold)))?;
        area.draw(&Text::new(self.note, (12, 33), text(12, FontStyle::Normal)))?;
        let mut chart = ChartBuilder::on(area)
            .margin_top(HEAD)
            .margin_left(6)
            .margin_right(14)
            .margin_bottom(12)
            .y_label_area_size(50)
            .x_label_area_size(38)
            .build_cartesian_2d(self.x.from..self.x.to, self.y.from..self.y.to)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(INK.mix(0.15))
            .axis_style(INK)
            .x_desc(self.x.name)
            .y_desc(self.y.name)
            .x_labels(self.x.labels)
            .y_labels(self.y.labels)
            .x_label_formatter(&number)
            .y_label_formatter(&number)
            .label_style(text(12, FontStyle::Normal))
            .axis_desc_style(text(12, FontStyle::Normal))
            .draw()?;
        Ok(chart)
    }
}

/// Draws the heading of a picture.
pub(crate) fn heading(area: &Area<'_>, title: &str, note: &str) -> DrawResult {
    area.draw(&Text::new(title, (12, 20), text(18, FontStyle::Bold)))?;
    area.draw(&Text::new(note, (12, 44), text(13, FontStyle::Normal)))
}

/// Formats a number with at most two decimals, and without trailing zeros.
#[allow(clippy::trivially_copy_pass_by_ref)] // plotters needs this signature
pub(crate) fn number(number: &f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}

pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
