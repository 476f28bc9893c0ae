//! Each backoff: the delays after the first eight failed attempts.

use core::time::Duration;
use std::io;

use examples::plot::{Area, DrawResult, HINT, INK, svg, text};
use plotters::prelude::{Color, PathElement, Rectangle, Text};
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use retry_core::{Backoff, Jitter, Policy};

use crate::axes::{Axis, Panel, heading, number, seconds};

const DELAYS: u32 = 8;
const MAX_DELAY: Duration = ms(5_000);

pub(crate) fn picture() -> io::Result<String> {
    let curves = [
        Backoff::fixed(ms(1_000)),
        Backoff::linear(ms(100), ms(500)),
        Backoff::exponential(ms(100)),
        Backoff::fibonacci(ms(100)),
        Backoff::polynomial(ms(100), 2),
        Backoff::custom(ms(100), in_steps),
    ];
    svg((960, 580), |root| {
        let (head, rest) = root.split_vertically(64);
        let note = format!(
            "Without jitter. Line: max_delay, {} s. Above each bar: the delay in seconds.",
            number(&seconds(MAX_DELAY)),
        );
        heading(&head, "Backoffs: the delay after each failed attempt", &note)?;
        rest.split_evenly((2, 3)).iter().zip(curves).try_for_each(|(area, curve)| panel(area, curve))
    })
}

fn panel(area: &Area<'_>, curve: Backoff) -> DrawResult {
    let policy = Policy::backoff(curve).max_delay(MAX_DELAY).jitter(Jitter::None);
    let delays: Vec<Duration> = (1..=DELAYS).map(|failed| policy.delay(failed, Duration::ZERO, 0)).collect();
    let total: Duration = delays.iter().sum();
    let panel = Panel {
        title: &curve.to_string(),
        note: &format!("{DELAYS} delays: {} s in all", number(&seconds(total))),
        x: Axis { from: 0.4, to: f64::from(DELAYS) + 0.6, name: "failed attempts", labels: 8 },
        y: Axis { from: 0.0, to: 5.8, name: "delay (s)", labels: 6 },
    };
    let chart = panel.on(area)?;
    let plot = chart.plotting_area();
    let cap = seconds(MAX_DELAY);
    plot.draw(&PathElement::new([(panel.x.from, cap), (panel.x.to, cap)], INK.mix(0.4)))?;
    let above = text(11, FontStyle::Normal).pos(Pos::new(HPos::Center, VPos::Bottom));
    for (failed, delay) in (1..).zip(delays.iter().copied().map(seconds)) {
        let failed = f64::from(failed);
        plot.draw(&Rectangle::new([(failed - 0.36, 0.0), (failed + 0.36, delay)], HINT.filled()))?;
        plot.draw(&Text::new(number(&delay), (failed, delay), above.clone()))?;
    }
    Ok(())
}

/// Three short delays, three longer ones, then the longest that the policy allows.
fn in_steps(failed: u32, base: Duration) -> Duration {
    match failed {
        1..=3 => base,
        4..=6 => base * 10,
        _ => Duration::MAX,
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
