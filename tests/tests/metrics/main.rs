//! Metrics: the counts of calls and circuits, also with unusual names, several threads and clocks that step back.

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

/// Makes an event of this kind, without a call.
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
