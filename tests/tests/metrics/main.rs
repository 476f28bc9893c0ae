//! Metrics: what is counted of calls and circuits, and that names, threads and clocks cannot break it.

mod counts;
mod names;
mod phases;
mod threads;

use std::time::Duration;

use retry_core::{
    Instant, Jitter, Policy,
    circuit::{Change, ChangeCause, Phase},
    observe::{CallEnd, Event, EventKind, Name},
};
use tests::ms;

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4);

static READ: Name = Name::new("stock.read");

/// An event of a kind, of no call in particular.
fn event(kind: EventKind) -> Event<'static> {
    let change =
        Change { from: Phase::Closed, to: Phase::Open, at: Instant::ORIGIN, cause: ChangeCause::Manual };
    let mut event = Event::phase_changed(&READ, change);
    event.kind = kind;
    event
}

fn ended(end: CallEnd, elapsed: Duration) -> Event<'static> {
    event(EventKind::Ended { end, elapsed: Some(elapsed) })
}
