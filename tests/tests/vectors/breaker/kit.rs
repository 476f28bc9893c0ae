//! Circuits and windows of every kind behind one interface, for sizes that come out of a file.

use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, ConfigError, Instant, Policy, Rejected, Retry, SharedCircuit,
    circuit::{
        Admission, Change, CountWindow, Gate, Mode, Outcome, Phase, SlowCalls, Span, Ticket, TimeWindow,
        Window,
    },
    runtime::StdLock,
    testing::FakeClock,
};

use crate::json::{Replayed, fail};

/// What is done to a circuit by hand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hand {
    Reset,
    Trip(Duration),
    Probe,
    ForceOpen,
    Disable,
    CountOnly,
}

/// A [`SharedCircuit`], whatever its window.
pub(super) trait Circuit {
    fn admit(&self, now: Instant) -> Result<Admission<Ticket>, Rejected>;
    fn settle(&self, ticket: Ticket, failed: bool, now: Instant) -> Option<Change>;
    fn cancel(&self, ticket: Ticket, now: Instant) -> Option<Change>;
    fn by_hand(&self, hand: Hand, now: Instant) -> Option<Change>;
    fn phase(&self) -> Phase;
    fn mode(&self) -> Mode;
    fn late(&self) -> u32;
    fn open_for(&self, now: Instant) -> Duration;
    /// The calls of the window, the failed and the slow: as recorded, or as of an instant.
    fn counts(&self, as_of: Option<Instant>) -> Option<(u32, u32, u32)>;
    /// A call through it that fails at each of its attempts: how many there were, and whether it was refused.
    fn retry(&self, policy: &Policy, clock: &FakeClock) -> (u32, bool);
}

struct Driven<W: Window> {
    circuit: SharedCircuit<W, StdLock>,
}

impl<W: Window> Circuit for Driven<W> {
    fn admit(&self, now: Instant) -> Result<Admission<Ticket>, Rejected> {
        self.circuit.admit(now)
    }

    fn settle(&self, ticket: Ticket, failed: bool, now: Instant) -> Option<Change> {
        if failed {
            self.circuit.fail(ticket, Class::Server, now, None, 0).change
        } else {
            self.circuit.succeed(ticket, now)
        }
    }

    fn cancel(&self, ticket: Ticket, now: Instant) -> Option<Change> {
        self.circuit.cancel(ticket, now)
    }

    fn by_hand(&self, hand: Hand, now: Instant) -> Option<Change> {
        match hand {
            Hand::Reset => self.circuit.reset(now),
            Hand::Trip(duration) => self.circuit.trip(duration, now),
            Hand::Probe => self.circuit.probe(now),
            Hand::ForceOpen => self.circuit.force_open(now),
            Hand::Disable => self.circuit.disable(now),
            Hand::CountOnly => self.circuit.count_only(now),
        }
    }

    fn phase(&self) -> Phase {
        self.circuit.phase()
    }

    fn mode(&self) -> Mode {
        self.circuit.mode()
    }

    fn late(&self) -> u32 {
        self.circuit.late()
    }

    fn open_for(&self, now: Instant) -> Duration {
        self.circuit.snapshot(now).open_for().unwrap_or_default()
    }

    fn counts(&self, as_of: Option<Instant>) -> Option<(u32, u32, u32)> {
        // A window lets nothing leave for a clock that stepped back.
        let counts = self.circuit.counts(as_of.unwrap_or(Instant::ORIGIN));
        counts.map(|counts| (counts.calls, counts.failures, counts.slow))
    }

    fn retry(&self, policy: &Policy, clock: &FakeClock) -> (u32, bool) {
        let mut attempts = 0;
        let retry = Retry::new(policy, clock).circuit(&self.circuit).classify_opaque(|_: &()| Class::Server);
        let result = retry.run_blocking(|| {
            attempts += 1;
            Err::<(), _>(())
        });
        (attempts, result.unwrap_err().is_circuit_open())
    }
}

/// Outcomes as a peer's statistics count them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    pub(super) calls: u32,
    pub(super) failed: u32,
    pub(super) slow: u32,
    pub(super) slow_failed: u32,
}

/// Windows of our own outside any circuit, for what a circuit keeps no statistics of: calls both slow and failed,
/// probes, and what a peer goes on counting while open.
pub(super) trait Books {
    fn record(&mut self, outcome: Outcome, now: Instant);
    /// As recorded, or as of an instant.
    fn counts(&mut self, as_of: Option<Instant>) -> Counts;
}

struct Kept<W> {
    calls: SlowCalls<W>,
    slow_failures: W,
    span: Span,
}

impl<W: Window> Books for Kept<W> {
    fn record(&mut self, outcome: Outcome, now: Instant) {
        self.calls.record(outcome, self.span, now);
        let both = Outcome { failed: outcome.failed && outcome.slow, slow: false };
        self.slow_failures.record(both, self.span, now);
    }

    fn counts(&mut self, as_of: Option<Instant>) -> Counts {
        if let Some(now) = as_of {
            self.calls.expire(self.span, now);
            self.slow_failures.expire(self.span, now);
        }
        Counts {
            calls: self.calls.calls(),
            failed: self.calls.failures(),
            slow: self.calls.slow(),
            slow_failed: self.slow_failures.failures(),
        }
    }
}

/// How to make the circuits and the books of one kind of window.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    circuit: fn(CircuitConfig) -> Result<Box<dyn Circuit>, ConfigError>,
    books: fn(Span) -> Box<dyn Books>,
    span: Span,
}

impl Kind {
    pub(super) fn circuit(&self, config: CircuitConfig) -> Result<Box<dyn Circuit>, ConfigError> {
        (self.circuit)(config)
    }

    /// How far back it looks, for a window of time.
    pub(super) fn time(&self) -> Duration {
        Duration::from_nanos(self.span.nanos)
    }

    pub(super) fn books(&self) -> Box<dyn Books> {
        (self.books)(self.span)
    }

    /// The last so many calls, up to 1024, of which the slow are not told.
    pub(super) fn calls(calls: u32) -> Self {
        Self::of::<CountWindow<1024>, CountWindow<1024>>(Span::calls(calls))
    }

    /// The last so many calls, up to 1024.
    pub(super) fn slow_calls(calls: u32) -> Self {
        Self::of::<SlowCalls<CountWindow<1024>>, CountWindow<1024>>(Span::calls(calls))
    }

    /// The last so much time in 10 buckets, of which the slow calls are not told.
    pub(super) fn time_in_10(time: Duration) -> Self {
        Self::of::<TimeWindow<10>, TimeWindow<10>>(Span::time(time))
    }

    fn of<C: Window + 'static, B: Window + 'static>(span: Span) -> Self {
        Self {
            circuit: |config| {
                let circuit = SharedCircuit::<C, StdLock>::try_with_window(config)?;
                Ok(Box::new(Driven { circuit }))
            },
            books: |span| Box::new(Kept { calls: SlowCalls::<B>::EMPTY, slow_failures: B::EMPTY, span }),
            span,
        }
    }
}

/// A type is needed for each number of buckets: there are those from 1 to 128.
macro_rules! slow_time {
    ($buckets:expr, $span:expr, $($eights:literal)*) => {
        slow_time!(@ $buckets, $span, [$($eights)*] [0 1 2 3 4 5 6 7])
    };
    ($buckets:expr, $span:expr, minutes $($seconds:literal)*) => {
        $( if $buckets == $seconds {
            return Ok(Kind::of::<SlowCalls<TimeWindow<$seconds>>, TimeWindow<$seconds>>($span));
        } )*
    };
    (@ $buckets:expr, $span:expr, [$($eights:literal)*] $ones:tt) => {
        $( if let Some(kind) = slow_time!(@@ $buckets, $span, $eights, $ones) { return Ok(kind); } )*
    };
    (@@ $buckets:expr, $span:expr, $eights:literal, [$($ones:literal)*]) => {
        match $buckets {
            $( n if n == $eights * 8 + $ones + 1 => {
                Some(Kind::of::<
                    SlowCalls<TimeWindow<{ $eights * 8 + $ones + 1 }>>,
                    TimeWindow<{ $eights * 8 + $ones + 1 }>,
                >($span))
            } )*
            _ => None,
        }
    };
}

impl Kind {
    /// The last so much time, in so many buckets.
    pub(super) fn slow_time(buckets: u32, time: Duration) -> Replayed<Self> {
        let span = Span::time(time);
        slow_time!(buckets, span, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        // Whole minutes, for windows with a bucket for each second.
        slow_time!(buckets, span, minutes 180 240 300 600 900 1800 3600);
        fail(format!("there is no type here for a window of {buckets} buckets"))
    }
}
