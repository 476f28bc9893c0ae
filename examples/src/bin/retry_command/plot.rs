//! The delays of a policy as a picture, for `--plot`: the range of each delay, and the delays of some runs.

use std::io;

use examples::plot::{Area, DrawResult, HINT, INK, svg as draw, text};
use plotters::prelude::{ChartBuilder, Circle, Color, PathElement, Rectangle, TRANSPARENT, Text};
use plotters::style::FontStyle;
use retry_core::{Jitter, Policy};

use crate::plan::Plan;

/// Draws the delays of a policy.
pub(crate) fn svg(policy: &Policy) -> io::Result<String> {
    draw((800, 420), |area| panel(area, policy))
}

#[allow(clippy::cast_precision_loss)] // there are few delays
fn panel(area: &Area<'_>, policy: &Policy) -> DrawResult {
    let (shortest, longest) = (Plan::shortest(policy).delays, Plan::longest(policy).delays);
    let ceilings = Plan::longest(&policy.jitter(Jitter::None)).delays;
    let most = longest.iter().chain(&ceilings).max().map_or(0.0, |delay| delay.as_secs_f64());
    let count = longest.len().max(shortest.len()).max(1);

    area.draw(&Text::new("Delays between attempts", (12, 18), text(16, FontStyle::Bold)))?;
    let note = format!(
        "{}, {}. Line: the backoff. Band: the possible delays. Dots: {RUNS} runs.",
        policy.settings().backoff,
        policy.settings().jitter
    );
    area.draw(&Text::new(note, (12, 40), text(12, FontStyle::Normal)))?;
    let mut chart = ChartBuilder::on(area)
        .margin_top(56)
        .margin_left(6)
        .margin_right(14)
        .margin_bottom(12)
        .y_label_area_size(60)
        .x_label_area_size(38)
        .build_cartesian_2d(0.4..count as f64 + 0.6, 0.0..(most * 1.05).max(0.001))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK)
        .x_desc("failed attempts")
        .y_desc("delay (s)")
        .x_labels(count.min(15))
        .x_label_formatter(&|failed| format!("{failed:.0}"))
        .label_style(text(12, FontStyle::Normal))
        .axis_desc_style(text(12, FontStyle::Normal))
        .draw()?;
    let plot = chart.plotting_area();
    for (failed, (low, high)) in (1..).zip(shortest.iter().zip(&longest)) {
        let (left, right) = (f64::from(failed) - 0.36, f64::from(failed) + 0.36);
        let band = [(left, low.as_secs_f64()), (right, high.as_secs_f64())];
        plot.draw(&Rectangle::new(band, HINT.mix(0.18).filled()))?;
    }
    for (failed, ceiling) in (1..).zip(&ceilings) {
        let line = [-0.36, 0.36].map(|aside| (f64::from(failed) + aside, ceiling.as_secs_f64()));
        plot.draw(&PathElement::new(line, INK.stroke_width(2)))?;
    }
    for run in 0..RUNS {
        // The dots are next to each other, so that equal delays stay visible.
        let aside = (f64::from(run) + 0.5) / f64::from(RUNS) * 0.6 - 0.3;
        for (failed, delay) in (1..).zip(Plan::random(policy).delays) {
            plot.draw(&Circle::new((f64::from(failed) + aside, delay.as_secs_f64()), 2, HINT.filled()))?;
        }
    }
    Ok(())
}

const RUNS: u32 = 14;
