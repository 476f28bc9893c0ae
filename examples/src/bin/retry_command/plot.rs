//! The delays of a policy as a picture, for `--plot`: the range of each delay, and the delays of some runs.

use core::time::Duration;
use std::io;

use examples::plot::{Area, DrawResult, HINT, INK, svg as draw, text};
use plotters::prelude::{ChartBuilder, Circle, Color, PathElement, Rectangle, TRANSPARENT, Text};
use plotters::style::FontStyle;
use retry_core::Policy;

use crate::plan::{Plan, Range};

/// Draws the delays of a policy.
pub(crate) fn svg(policy: &Policy) -> io::Result<String> {
    draw((800, 420), |area| panel(area, policy))
}

#[allow(clippy::cast_precision_loss)] // there are few delays
fn panel(area: &Area<'_>, policy: &Policy) -> DrawResult {
    let range = Range::of(policy);
    let runs = [(); RUNS].map(|()| Plan::random(policy).delays);
    let all = range.delays.iter().map(|(_, most)| most).chain(runs.iter().flatten());
    let top = Unit::of(all.max().copied().unwrap_or_default());
    let count = range.delays.len().max(1);

    area.draw(&Text::new("Delays between attempts", (12, 18), text(16, FontStyle::Bold)))?;
    let note = format!(
        "{}, {}. Line: the backoff. Band: the possible delays. Dots: {RUNS} runs.",
        policy.settings().backoff,
        policy.settings().jitter
    );
    area.draw(&Text::new(note, (12, 40), text(12, FontStyle::Normal)))?;
    if let Some(limit) = &range.limit {
        area.draw(&Text::new(limit.as_str(), (12, 58), text(12, FontStyle::Normal)))?;
    }
    let mut chart = ChartBuilder::on(area)
        .margin_top(if range.limit.is_some() { 74 } else { 56 })
        .margin_left(6)
        .margin_right(14)
        .margin_bottom(12)
        .y_label_area_size(68)
        .x_label_area_size(38)
        .build_cartesian_2d(0.4..count as f64 + 0.6, 0.0..top.high)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK)
        .x_desc("failed attempts")
        .y_desc(format!("delay ({})", top.name))
        .y_label_formatter(&|delay| format!("{}", (delay * 1000.0).round() / 1000.0))
        .x_labels(count.min(15))
        .x_label_formatter(&|failed| format!("{failed:.0}"))
        .label_style(text(12, FontStyle::Normal))
        .axis_desc_style(text(12, FontStyle::Normal))
        .draw()?;
    let plot = chart.plotting_area();
    for (failed, (low, high)) in (1..).zip(&range.delays) {
        let (left, right) = (f64::from(failed) - 0.36, f64::from(failed) + 0.36);
        let band = [(left, top.height(*low)), (right, top.height(*high))];
        plot.draw(&Rectangle::new(band, HINT.mix(0.18).filled()))?;
    }
    for (failed, ceiling) in (1..).zip(Range::backoff(policy)).take(count) {
        let height = top.height(ceiling);
        // The backoff goes on above a limit of time, which no delay exceeds.
        if height <= top.high {
            let line = [-0.36, 0.36].map(|aside| (f64::from(failed) + aside, height));
            plot.draw(&PathElement::new(line, INK.stroke_width(2)))?;
        }
    }
    for (run, delays) in runs.iter().enumerate() {
        // The dots are next to each other, so that equal delays stay visible.
        let aside = (run as f64 + 0.5) / RUNS as f64 * 0.6 - 0.3;
        for (failed, delay) in (1..).zip(delays) {
            plot.draw(&Circle::new((f64::from(failed) + aside, top.height(*delay)), 2, HINT.filled()))?;
        }
    }
    Ok(())
}

/// The unit of the axis of delays, in which its numbers are short.
struct Unit {
    name: &'static str,
    seconds: f64,
    /// The upper end of the axis.
    high: f64,
}

impl Unit {
    /// Returns the unit for delays up to this one.
    fn of(most: Duration) -> Self {
        let (name, seconds) = match most.as_secs_f64() {
            0.0 => ("s", 1.0),
            ..1.0 => ("ms", 0.001),
            ..300.0 => ("s", 1.0),
            ..18_000.0 => ("min", 60.0),
            _ => ("h", 3600.0),
        };
        let high = most.as_secs_f64() / seconds * 1.05;
        Self { name, seconds, high: if high > 0.0 { high } else { 1.0 } }
    }

    fn height(&self, delay: Duration) -> f64 {
        delay.as_secs_f64() / self.seconds
    }
}

const RUNS: usize = 14;
