//! Exporters with the loggers, subscribers and recorders that programs install.

mod gauge;
mod log;
mod names;
mod opentelemetry;
mod operating;
mod prometheus;
mod tracing;

use std::io;
use std::sync::{Arc, Mutex};

use retry_core::{
    CircuitConfig, Class, Instant, Jitter, Policy, Retry, SharedBudget, SharedCircuit, TokenBucket,
    circuit::{Change, ChangeCause, CountWindow, Phase},
    observe::{Event, EventKind, Name, Observer},
    runtime::{LocalLock, Sleep},
    testing::FakeClock,
};
use tests::ms;

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(3);

/// Makes calls that cause every kind of event.
fn story(observer: &impl Observer) {
    let clock = FakeClock::new();
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(
        CircuitConfig::DEFAULT.consecutive_failures(4).open_for(ms(1_000)),
    )
    .named("stock");
    let budget = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::AWS.capacity(15));
    let retry = Retry::new(&POLICY, &clock).circuit(&circuit).budget(&budget).observe(observer);
    let (read, write) = (retry.clone().named("stock.read").keyed("eu"), retry.named("stock.write"));
    let play = |retry: &Retry<_, _, _, _, _, _>, answers: &[Result<(), Class>]| {
        let mut answers = answers.iter();
        let _ = retry.run_blocking(|| *answers.next().unwrap());
    };
    play(&read, &[Ok(())]);
    play(&read, &[Err(Class::Timeout), Ok(())]); // gets its tokens back
    play(&read, &[Err(Class::Validation)]);
    play(&read, &[Err(Class::Unknown), Err(Class::Network), Err(Class::Server)]);
    play(&write, &[Err(Class::Server)]); // the circuit opens
    play(&write, &[]); // rejected
    clock.advance(ms(1_000));
    play(&write, &[Ok(())]);
    play(&write, &[Err(Class::Server), Err(Class::Server)]); // the budget is empty
    let stop = (&clock).sleep(ms(30));
    let _ = clock.run(write.until(stop).run(std::future::pending::<Result<(), Class>>));
    observer.observe(&letter(&WRITE, true));
    observer.observe(&letter(&WRITE, false));
    for first in [true, false] {
        let mut left_out = letter(&WRITE, true);
        left_out.kind = EventKind::DeadLetterLeftOut { first };
        observer.observe(&left_out);
    }
}

static WRITE: Name = Name::new("stock.write");

/// Makes the event of a dead letter, without a call.
fn letter(operation: &Name, kept: bool) -> Event<'_> {
    let (from, to, at, cause) = (Phase::Closed, Phase::Open, Instant::ORIGIN, ChangeCause::Manual);
    let mut event = Event::phase_changed(operation, Change { from, to, at, cause });
    event.kind = EventKind::DeadLettered { kept };
    event
}

/// A buffer for a log.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// Returns what was written since the last call.
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
