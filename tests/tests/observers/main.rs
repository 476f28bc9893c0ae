//! Observers: several as one, and observers that panic, block or are disabled. Also the text of an error in a log.

mod circuit_name;
mod compose;
mod error_text;
mod guarded;
mod queued;
mod tags;
mod told;
mod told_time;

use std::sync::Mutex;
use std::time::Duration;

use retry_core::{
    Class, Jitter, Policy, Retry,
    observe::{Event, Observer},
    testing::FakeClock,
};

const POLICY: Policy = Policy::exponential(Duration::from_millis(100)).jitter(Jitter::None).max_attempts(3);

/// The events of a call that fails once, as lines.
const LINES: [&str; 5] = [
    "read: attempt 1",
    "read: retry in 100 ms: Timeout, attempt 1 of 3",
    "read: attempt 2",
    "read: attempt 2 succeeded",
    "read: succeeded after attempt 2, 100 ms",
];

/// Makes a call that fails once, with an observer.
fn fails_once(observer: &(impl Observer + ?Sized)) {
    let clock = FakeClock::new();
    let mut answers = [Err(Class::Timeout), Ok(7)].into_iter();
    let retry = Retry::new(&POLICY, &clock).named("read").observe(observer);
    assert_eq!(retry.run_blocking(|| answers.next().unwrap()), Ok(7));
}

/// Keeps one line per event.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Observer for Lines {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap().push(event.to_string());
    }
}

/// A disabled observer.
struct Asleep;

impl Observer for Asleep {
    fn observe(&self, event: &Event) {
        panic!("got {event}, although it is disabled");
    }

    fn is_enabled(&self) -> bool {
        false
    }
}
