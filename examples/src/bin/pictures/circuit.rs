//! A circuit during an outage: its phases, and how the calls end.

use core::cell::RefCell;
use core::time::Duration;
use std::io;

use examples::outage::{Outcome, Span};
use examples::plot::{Area, DrawResult, INK, of_outcome, of_phase, svg, text};
use plotters::prelude::{ChartBuilder, Circle, Color, EmptyElement, Rectangle, Text, WHITE};
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use retry_core::circuit::Phase;
use retry_core::observe::EventKind;
use retry_core::testing::FakeClock;
use retry_core::{CircuitConfig, Class, Instant, Policy, Retry, SharedCircuit};

use crate::axes::{heading, number, seconds};

const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES
    .consecutive_failures(5)
    .open_for(Duration::from_secs(3))
    .success_threshold(3);
const ONCE: Policy = Policy::DEFAULT.max_attempts(1);

/// The time from call to call, and the duration of an attempt.
const EVERY: Duration = Duration::from_millis(250);
const ATTEMPT: Duration = Duration::from_millis(200);
const END: Duration = Duration::from_secs(13);
const DEPENDENCY: [Span<&str>; 3] = [
    Span { what: "up", from: Duration::ZERO, to: Duration::from_millis(2_200) },
    Span { what: "down", from: Duration::from_millis(2_200), to: Duration::from_millis(8_200) },
    Span { what: "up", from: Duration::from_millis(8_200), to: END },
];

/// The height of each row.
const UP_OR_DOWN: f64 = 6.0;
const PHASES: f64 = 4.6;
const OUTCOMES: [(Outcome, f64, &str); 3] = [
    (Outcome::Succeeded, 3.0, "succeeded"),
    (Outcome::Failed, 2.0, "failed"),
    (Outcome::Rejected, 1.0, "rejected"),
];

pub(crate) fn picture() -> io::Result<String> {
    let run = play();
    svg((960, 320), |root| draw(root, &run))
}

struct Run {
    phases: Vec<Span<Phase>>,
    /// When each call ended, and with which outcome.
    outcomes: Vec<(Duration, Outcome)>,
}

fn play() -> Run {
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CONFIG));
    let now = || clock.now().since(Instant::ORIGIN);
    let phases = RefCell::new(vec![Span { what: Phase::Closed, from: Duration::ZERO, to: END }]);
    let retry = Retry::new(&ONCE, &clock).circuit(&circuit).on_event(|event| {
        if let EventKind::PhaseChanged(change) = event.kind {
            let mut phases = phases.borrow_mut();
            if let Some(last) = phases.last_mut() {
                last.to = now();
            }
            phases.push(Span { what: change.to, from: now(), to: END });
        }
    });
    let attempt = || {
        let is_down =
            DEPENDENCY.iter().any(|span| span.what == "down" && (span.from..span.to).contains(&now()));
        clock.advance(ATTEMPT);
        if is_down { Err(Class::Server) } else { Ok(()) }
    };
    let mut outcomes = Vec::new();
    let mut next = Duration::ZERO;
    while next < END {
        clock.advance(next.saturating_sub(now()));
        next += EVERY;
        let outcome = match retry.run_blocking(attempt) {
            Ok(()) => Outcome::Succeeded,
            Err(error) if error.attempts() == 0 => Outcome::Rejected,
            Err(_) => Outcome::Failed,
        };
        outcomes.push((now(), outcome));
    }
    Run { phases: phases.take(), outcomes }
}

fn draw(area: &Area<'_>, run: &Run) -> DrawResult {
    let (head, rest) = area.split_vertically(60);
    let says = CONFIG.to_string();
    let says = says.split_once(", reopens").map_or(&*says, |(before, _)| before);
    let note = format!("Circuit: {says}. One call per {} ms.", EVERY.as_millis());
    heading(&head, "A circuit breaker through an outage", &note)?;

    let mut chart = ChartBuilder::on(&rest)
        .margin_right(14)
        .margin_bottom(8)
        .x_label_area_size(40)
        .y_label_area_size(96)
        .build_cartesian_2d(0.0..seconds(END), 0.4..6.6)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .disable_y_axis()
        .axis_style(INK)
        .x_desc("time (s)")
        .x_labels(14)
        .x_label_formatter(&number)
        .label_style(text(12, FontStyle::Normal))
        .axis_desc_style(text(12, FontStyle::Normal))
        .draw()?;
    let plot = chart.plotting_area();
    let normal = text(13, FontStyle::Normal);
    let centred = text(13, FontStyle::Bold).pos(Pos::new(HPos::Center, VPos::Center));

    let rows = OUTCOMES.map(|(_, y, name)| (y, name));
    for (y, name) in rows.into_iter().chain([(UP_OR_DOWN, "dependency"), (PHASES, "circuit")]) {
        plot.draw(&(EmptyElement::at((0.0, y)) + Text::new(name, (-90, 0), normal.clone())))?;
    }
    for Span { what, from, to } in &DEPENDENCY {
        let (from, to) = (seconds(*from), seconds(*to));
        let (shade, ink) = if *what == "down" { (INK.mix(0.75), WHITE) } else { (INK.mix(0.06), INK) };
        plot.draw(&Rectangle::new([(from, UP_OR_DOWN - 0.4), (to, UP_OR_DOWN + 0.4)], shade.filled()))?;
        plot.draw(&Text::new(*what, ((from + to) / 2.0, UP_OR_DOWN), centred.clone().color(&ink)))?;
    }
    for Span { what, from, to } in &run.phases {
        let (from, to) = (seconds(*from), seconds(*to));
        plot.draw(&Rectangle::new([(from, 0.4), (to, PHASES + 0.4)], of_phase(*what).filled()))?;
    }
    for Span { what, from, to } in &run.phases {
        let middle = (seconds(*from) + seconds(*to)) / 2.0;
        plot.draw(&Text::new(what.name(), (middle, PHASES), centred.clone()))?;
    }
    for (at, outcome) in &run.outcomes {
        if let Some((_, row, _)) = OUTCOMES.iter().find(|(row, ..)| row == outcome) {
            plot.draw(&Circle::new((seconds(*at), *row), 4, of_outcome(*outcome).filled()))?;
        }
    }
    Ok(())
}
