//! Each jitter: the range of the delays, and the delays of some calls.

use core::time::Duration;
use std::io;

use examples::outage::Words;
use examples::plot::{Area, DrawResult, HINT, INK, svg};
use plotters::prelude::{Circle, Color, PathElement, Rectangle};
use retry_core::{Jitter, Policy, runtime::Entropy};

use crate::axes::{Axis, Panel, heading, number, seconds};

const DELAYS: u32 = 6;
const CALLS: u32 = 14;

/// The policy of this picture and of the arrivals, except for its jitter.
pub(crate) const POLICY: Policy =
    Policy::exponential(Duration::from_millis(100)).max_delay(Duration::from_secs(2));

/// Each jitter, and its range.
pub(crate) const JITTERS: [(Jitter, &str); 6] = [
    (Jitter::None, "the ceiling itself"),
    (Jitter::Full, "from 0 to the ceiling"),
    (Jitter::Equal, "from half of the ceiling to the ceiling"),
    (Jitter::Decorrelated, "from the base delay to 3 x the previous delay"),
    (Jitter::proportional(0.2), "from 20 % below the ceiling to 20 % above it"),
    (Jitter::additive(0.2), "from the ceiling to 20 % above it; at the cap, below it"),
];

pub(crate) fn picture() -> io::Result<String> {
    svg((960, 580), |root| {
        let (head, rest) = root.split_vertically(64);
        let note = format!(
            "Backoff: {}, max_delay {} s. Line: the ceiling. Band: the possible delays. Dots: {CALLS} calls.",
            POLICY.settings().backoff,
            number(&seconds(POLICY.settings().max_delay)),
        );
        heading(&head, "Jitters: the random spread of the delays", &note)?;
        rest.split_evenly((2, 3)).iter().zip(JITTERS).try_for_each(|(area, jitter)| panel(area, jitter))
    })
}

fn panel(area: &Area<'_>, (jitter, note): (Jitter, &str)) -> DrawResult {
    let chart = Panel {
        title: &jitter.to_string(),
        note,
        x: Axis { from: 0.4, to: f64::from(DELAYS) + 0.6, name: "failed attempts", labels: 6 },
        y: Axis { from: 0.0, to: 2.2, name: "delay (s)", labels: 5 },
    }
    .on(area)?;
    let plot = chart.plotting_area();
    let policy = POLICY.jitter(jitter);

    let (shortest, longest) = (delays(policy, || 0), delays(policy, || u64::MAX));
    let ceilings = delays(POLICY.jitter(Jitter::None), || 0);
    for (failed, ((low, high), ceiling)) in (1..).zip(shortest.zip(longest).zip(ceilings)) {
        let (left, right) = (f64::from(failed) - 0.36, f64::from(failed) + 0.36);
        plot.draw(&Rectangle::new([(left, low), (right, high)], HINT.mix(0.18).filled()))?;
        if jitter != Jitter::Decorrelated {
            plot.draw(&PathElement::new([(left, ceiling), (right, ceiling)], INK.stroke_width(2)))?;
        }
    }

    let words = Words::seeded(1);
    for call in 0..CALLS {
        // The dots are next to each other, so that equal delays stay visible.
        let aside = (f64::from(call) + 0.5) / f64::from(CALLS) * 0.6 - 0.3;
        for (failed, delay) in (1..).zip(delays(policy, || words.word())) {
            plot.draw(&Circle::new((f64::from(failed) + aside, delay), 2, HINT.filled()))?;
        }
    }
    Ok(())
}

/// The delays of one call, in seconds.
fn delays<F: Fn() -> u64>(policy: Policy, word: F) -> impl Iterator<Item = f64> {
    let mut previous = Duration::ZERO;
    (1..=DELAYS).map(move |failed| {
        previous = policy.delay(failed, previous, word());
        seconds(previous)
    })
}
