//! Calls with outcomes that do not depend on the policy: a seed fixes the outcome of each attempt of each call.

use std::cell::Cell;
use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use retry_core::{
    Call, Class, Failure, Instant, Policy, Rejected, Rule, Verdict,
    budget::{Budget, Deposit, Price, Request},
    circuit::{Admission, AttemptEnd, Gate, Phase, Settled},
    record::{LogBuffer, Recorder},
    runtime::{LocalLock, Now},
};

/// The content of one record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Entry {
    Refused,
    Decided(Verdict),
}

/// Rules that some errors have, instead of the policy's rules.
pub(crate) const RULES: [&Rule; 2] = [
    &Rule::ANY.max_attempts(2),
    &Rule::class(Class::Server).backoff(retry_core::Backoff::fixed(Duration::from_millis(70))),
];

/// Plays calls, `together` at a time, until `decisions` are made, and writes the log into `bytes`. Returns the length
/// of the log and the content of its records.
pub(crate) fn play(
    policy: &Policy,
    seed: u64,
    decisions: usize,
    together: usize,
    bytes: &mut [u8],
) -> (usize, Vec<Entry>) {
    let mut dice = Pcg64::seed_from_u64(seed);
    let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(bytes), seed).rules(&RULES);
    let answers = Answers::default();
    let mut clock = 0;
    let mut entries = Vec::new();
    let mut first_of_crowd = 0_u64;
    while entries.len() < decisions {
        let observers: Vec<_> = (0..together).map(|_| log.call()).collect();
        let mut calls: Vec<_> =
            (first_of_crowd..).zip(&observers).map(|(id, observer)| (id, None, observer)).collect();
        first_of_crowd += together as u64;
        while !calls.is_empty() && entries.len() < decisions {
            let chosen = usize::try_from(dice.next_u64() % calls.len() as u64).unwrap();
            clock += dice.next_u64() >> (28 + dice.next_u64() % 30); // up to 68 s, most often milliseconds
            let (id, call, observer) = &mut calls[chosen];
            let call = call.get_or_insert_with(|| {
                Call::new(policy, at(clock)).circuit(&answers).budget(&answers).observe(*observer)
            });
            let fate = Fate::of(seed, *id, call.attempts() + 1);
            answers.prepare(&fate);
            let entry = match call.attempt(at(clock)) {
                Err(_) => Entry::Refused,
                Ok(mut attempt) => {
                    // Attempts are cut only by policies with an attempt timeout.
                    let cuts = policy.settings().attempt_timeout.and(attempt.time_limit(at(clock)));
                    let takes = Duration::from_nanos(fate.takes);
                    Entry::Decided(match cuts {
                        Some(limit) if takes > limit => {
                            attempt.time_out(at(clock).after(limit), &mut log.rng())
                        }
                        _ => attempt.fail(fate.failure, at(clock).after(takes), &mut log.rng()),
                    })
                }
            };
            entries.push(entry);
            if !matches!(entry, Entry::Decided(Verdict::Retry(_))) {
                calls.swap_remove(chosen);
            }
        }
    }
    assert_eq!(log.lost(), 0, "the buffer is too small");
    (log.into_sink().bytes().len(), entries)
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// The outcome of one attempt of one call.
struct Fate {
    failure: Failure,
    takes: u64,
    admission: Option<Rejected>,
    next: Option<Rejected>,
    granted: bool,
}

impl Fate {
    fn of(seed: u64, call: u64, attempt: u32) -> Self {
        let mut dice = Pcg64::seed_from_u64(seed ^ call << 20 ^ u64::from(attempt));
        let mut roll = |sides: u64| dice.next_u64() % sides;
        let class = match roll(4) {
            0 => Class::ALL[usize::try_from(roll(13)).unwrap()],
            1 => Class::RateLimit,
            _ => Class::Network,
        };
        let mut failure = Failure::new(class);
        match roll(24) {
            0 => failure = failure.retry_after(Duration::from_secs(roll(30))),
            1 => failure = failure.retry_after(Duration::from_millis(roll(3_000))),
            2 => failure = failure.retry_after(Duration::MAX),
            _ => {}
        }
        match roll(32) {
            0 => failure = failure.not_retried(),
            1 => failure = failure.under(RULES[0]),
            2 => failure = failure.under(RULES[1]),
            _ => {}
        }
        let mut rejection = |odds: u64| {
            let phase = [Phase::Open, Phase::HalfOpen, Phase::Closed][usize::try_from(roll(3)).unwrap()];
            let wait = [Duration::ZERO, Duration::from_nanos(roll(u64::MAX) >> 28), Duration::MAX];
            (roll(odds) == 0).then(|| Rejected::new(phase, wait[usize::try_from(roll(3)).unwrap()]))
        };
        let (admission, next) = (rejection(40), rejection(30));
        let takes = roll(u64::MAX) >> (30 + roll(30));
        Self { failure, takes, admission, next, granted: roll(30) != 0 }
    }
}

/// A circuit and a budget. Their answers are set before each attempt.
#[derive(Default)]
struct Answers {
    admission: Cell<Option<Rejected>>,
    next: Cell<Option<Rejected>>,
    granted: Cell<bool>,
}

impl Answers {
    fn prepare(&self, fate: &Fate) {
        self.admission.set(fate.admission);
        self.next.set(fate.next);
        self.granted.set(fate.granted);
    }
}

impl Gate for Answers {
    type Ticket = ();

    fn admit(&self, _: impl Now) -> Result<Admission<()>, Rejected> {
        self.admission.get().map_or(Ok(Admission { ticket: (), change: None }), Err)
    }

    fn end(&self, (): (), _: AttemptEnd, _: impl Now) -> Settled {
        Settled { change: None, next: self.next.get().map_or(Ok(()), Err) }
    }
}

impl Budget for Answers {
    fn withdraw(&self, _: Request, _: impl Now) -> Option<Price> {
        self.granted.get().then_some(Price(1))
    }

    fn deposit(&self, _: Deposit, _: impl Now) {}
}
