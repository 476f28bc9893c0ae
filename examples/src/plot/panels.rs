//! The three panels over one time axis: the server's script, the attempts, the delays.

use core::time::Duration;

use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, Color, IntoLogRange, PathElement, Rectangle, SVGBackend,
    Text, TriangleMarker,
};
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use retry_core::circuit::Phase;

use super::palette::{BACKOFF, HINT, INK, of_outcome, of_phase};
use super::{Area, DrawResult, text};
use crate::outage::{History, Mode, Outcome};

/// The space to the left and to the right of each panel. It is the same for all, because they share the time axis.
pub(super) const LEFT: i32 = 76;
const RIGHT: i32 = 24;
/// The part of [`LEFT`] for the names and numbers of an axis.
const AXIS: i32 = 64;

/// The width of a bar, in seconds.
const BIN: f64 = 0.25;
/// The range of the delays, in milliseconds. It starts above zero, which has no logarithm.
const DELAYS: (f64, f64) = (1.0, 3_000.0);

type Chart<'a, 'b, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, Y>>;

/// Draws what the server did.
pub(super) fn script(area: &Area<'_>, history: &History) -> DrawResult {
    let chart = ChartBuilder::on(area)
        .margin_left(LEFT)
        .margin_right(RIGHT)
        .build_cartesian_2d(0.0..end(history), 0.0..1.0)?;
    let label = text(14, FontStyle::Bold);
    area.draw(&Text::new("server", (12, 15), label.clone()))?;
    let panel = chart.plotting_area();
    for span in &history.steps {
        let (from, to) = (seconds(span.from), seconds(span.to));
        let shade = match span.what.mode {
            Mode::Healthy => INK.mix(0.06),
            Mode::Unavailable | Mode::Refusing | Mode::Slow => INK.mix(0.75),
        };
        panel.draw(&Rectangle::new([(from, 0.12), (to, 0.95)], shade.filled()))?;
        let label = match span.what.mode {
            Mode::Healthy => label.clone(),
            Mode::Unavailable | Mode::Refusing | Mode::Slow => label.color(&plotters::style::WHITE),
        };
        let label = label.pos(Pos::new(HPos::Center, VPos::Center));
        panel.draw(&Text::new(span.what.name, ((from + to) / 2.0, 0.54), label))?;
    }
    Ok(())
}

/// Draws how many attempts had which outcome, as bars.
pub(super) fn attempts(area: &Area<'_>, history: &History) -> DrawResult {
    let bars = Bars::of(history);
    let top = bars.tallest() * 1.06;
    let mut chart = ChartBuilder::on(area)
        .margin_top(6)
        .margin_left(LEFT - AXIS)
        .margin_right(RIGHT)
        .margin_bottom(14)
        .y_label_area_size(AXIS)
        .build_cartesian_2d(0.0..end(history), 0.0..top)?;
    bands(&mut chart, history, (0.0, top))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(plotters::style::TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK)
        .y_desc("attempts per 250 ms")
        .y_labels(6)
        .y_label_formatter(&|count| format!("{count:.0}"))
        .label_style(text(13, FontStyle::Normal))
        .axis_desc_style(text(14, FontStyle::Normal))
        .draw()?;
    chart.draw_series(bars.rectangles())?;
    Ok(())
}

/// Draws when each delay began, and how long it was.
pub(super) fn delays(area: &Area<'_>, history: &History) -> DrawResult {
    let mut chart = ChartBuilder::on(area)
        .margin_left(LEFT - AXIS)
        .margin_right(RIGHT)
        .margin_bottom(8)
        .y_label_area_size(AXIS)
        .x_label_area_size(48)
        .build_cartesian_2d(0.0..end(history), (DELAYS.0..DELAYS.1).log_scale())?;
    bands(&mut chart, history, DELAYS)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(plotters::style::TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK)
        .x_desc("time since the start (s)")
        .y_desc("delay (ms)")
        .x_labels(12)
        .x_label_formatter(&|time| format!("{time:.0}"))
        .y_labels(4)
        .y_label_formatter(&|delay| format!("{delay:.0}"))
        .label_style(text(13, FontStyle::Normal))
        .axis_desc_style(text(14, FontStyle::Normal))
        .draw()?;
    for delay in &history.delays {
        let (from, planned) = (seconds(delay.from), millis(delay.planned));
        let colour = if delay.hint.is_some() { HINT } else { BACKOFF };
        let until = from + seconds(delay.actual);
        chart.draw_series([PathElement::new([(from, planned), (until, planned)], colour.mix(0.35))])?;
        match delay.hint {
            Some(_) => {
                chart.draw_series([TriangleMarker::new((from, planned), 6, colour.mix(0.8).filled())])?;
            }
            None => {
                chart.draw_series([Circle::new((from, planned), 4, colour.mix(0.8).filled())])?;
            }
        }
    }
    Ok(())
}

/// Draws the circuit's phases, in the background.
fn bands<Y: Ranged<ValueType = f64>>(
    chart: &mut Chart<'_, '_, Y>,
    history: &History,
    (low, high): (f64, f64),
) -> DrawResult {
    /// In seconds. If a probe fails at once, its band would be too narrow to see.
    const NARROWEST: f64 = 0.03;
    // Half-open last, so that a widened band lies on top.
    for phase in [Phase::Closed, Phase::Open, Phase::HalfOpen] {
        let spans = history.phases.iter().filter(|span| span.what == phase);
        chart.draw_series(spans.map(|span| {
            let (from, to) = (seconds(span.from), seconds(span.to));
            let corners = [(from, high), (to.max(from + NARROWEST), low)];
            Rectangle::new(corners, of_phase(phase).filled())
        }))?;
    }
    Ok(())
}

/// The outcomes, counted per bin of time.
struct Bars {
    /// By bin, then in the order of [`STACK`].
    counts: Vec<[f64; STACK.len()]>,
}

/// From the bottom up.
const STACK: [Outcome; 4] = [Outcome::Succeeded, Outcome::Failed, Outcome::TimedOut, Outcome::Rejected];

impl Bars {
    fn of(history: &History) -> Self {
        let mut counts = Vec::new();
        for (at, outcome) in &history.outcomes {
            let bin = (at.as_millis() / 250).try_into().unwrap_or(0);
            if counts.len() <= bin {
                counts.resize(bin + 1, [0.0; STACK.len()]);
            }
            for (count, stacked) in counts[bin].iter_mut().zip(STACK) {
                *count += if stacked == *outcome { 1.0 } else { 0.0 };
            }
        }
        Self { counts }
    }

    fn tallest(&self) -> f64 {
        let sums = self.counts.iter().map(|counts| counts.iter().sum());
        sums.fold(1.0, f64::max)
    }

    fn rectangles(&self) -> Vec<Rectangle<(f64, f64)>> {
        const GAP: f64 = 0.02;
        let mut rectangles = Vec::new();
        let mut from = 0.0;
        for counts in &self.counts {
            let mut base = 0.0;
            for (count, outcome) in counts.iter().zip(STACK) {
                if *count > 0.0 {
                    let corners = [(from + GAP, base), (from + BIN - GAP, base + count)];
                    rectangles.push(Rectangle::new(corners, of_outcome(outcome).filled()));
                }
                base += count;
            }
            from += BIN;
        }
        rectangles
    }
}

fn end(history: &History) -> f64 {
    seconds(history.end())
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).max(DELAYS.0)
}
