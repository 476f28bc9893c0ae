//! The effect of each jitter on the dependency: when the retries of many callers arrive.

use core::time::Duration;
use std::io;

use examples::outage::Words;
use examples::plot::{Area, DrawResult, HINT, svg};
use plotters::prelude::{Color, Polygon};
use retry_core::{Jitter, runtime::Entropy};

use crate::axes::{Axis, Panel, heading};
use crate::jitters::{JITTERS, POLICY};

const CALLERS: u32 = 1_000;
const RETRIES: u32 = 4;
/// The width of a bar.
const BIN: Duration = Duration::from_millis(20);
const BINS: usize = 120;

pub(crate) fn picture() -> io::Result<String> {
    svg((960, 640), |root| {
        let (head, rest) = root.split_vertically(64);
        let note = format!(
            "{CALLERS} callers fail together at 0 s. Each retries {RETRIES} times and fails at once. Backoff: {}.",
            POLICY.settings().backoff,
        );
        heading(&head, "Jitters: when the retries arrive", &note)?;
        rest.split_evenly((3, 2))
            .iter()
            .zip(JITTERS)
            .try_for_each(|(area, (jitter, _))| panel(area, &jitter.to_string(), &arrivals(jitter)))
    })
}

fn panel(area: &Area<'_>, title: &str, arrivals: &[u32; BINS]) -> DrawResult {
    let peak = arrivals.iter().max().unwrap_or(&0);
    let width = BIN.as_secs_f64();
    let chart = Panel {
        title,
        note: &format!("at most {peak} retries in {} ms", BIN.as_millis()),
        x: Axis { from: 0.0, to: 2.4, name: "time since the first attempt (s)", labels: 8 },
        y: Axis { from: 0.0, to: 1_050.0, name: "retries", labels: 3 },
    }
    .on(area)?;
    let mut outline = vec![(0.0, 0.0)];
    let mut from = 0.0;
    for count in arrivals {
        outline.extend([(from, f64::from(*count)), (from + width, f64::from(*count))]);
        from += width;
    }
    outline.push((from, 0.0));
    chart.plotting_area().draw(&Polygon::new(outline, HINT.filled()))
}

/// Counts the retries that begin in each bin of time. Retries after the last bin are left out.
fn arrivals(jitter: Jitter) -> [u32; BINS] {
    let (policy, words) = (POLICY.jitter(jitter), Words::seeded(1));
    let mut counts = [0; BINS];
    for _ in 0..CALLERS {
        let (mut at, mut previous) = (Duration::ZERO, Duration::ZERO);
        for failed in 1..=RETRIES {
            previous = policy.delay(failed, previous, words.word());
            at += previous;
            let bin = usize::try_from(at.as_millis() / BIN.as_millis()).unwrap_or(usize::MAX);
            if let Some(count) = counts.get_mut(bin) {
                *count += 1;
            }
        }
    }
    counts
}
