//! A circuit that was reset, or that a pool gave to another key, is as a new one in everything that can be observed.

use std::time::Duration;

use retry_core::{
    CircuitConfig, CircuitPool, Class, Instant, Jitter, SharedCircuit,
    circuit::{Adoption, AttemptEnd, CountWindow, Gate, Mode, Phase, Settings, Snapshot},
    dead_letter::Codec,
    pool::{FixedCircuit, FixedCircuitPool, PooledCircuit},
    runtime::{LocalLock, Lock},
};
use tests::ms;

const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES
    .consecutive_failures(3)
    .failure_rate(50)
    .minimum_calls(4)
    .window(10)
    .open_for(ms(2_000))
    .open_growth(2.0, ms(60_000))
    .open_jitter(Jitter::proportional(0.2))
    .probes(2)
    .success_threshold(2)
    .lease(ms(5_000))
    .ramp(ms(1_000))
    .cancelled_after(ms(300))
    .max_hint(ms(10_000))
    .rate_limit_hold(ms(10_000));

const fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

const SERVER: AttemptEnd = failed(Class::Server, None);

const fn failed(class: Class, hint: Option<Duration>) -> AttemptEnd {
    AttemptEnd::Failed { class, hint, delay: Some(ms(100)), word: 1 << 62 }
}

type Window = CountWindow<10>;

/// What all types of circuit can do.
trait Circuit {
    /// Admits an attempt, ends it 400 ms later, and returns what was answered.
    fn attempt(&self, end: AttemptEnd, now: Instant) -> String;
    /// Admits an attempt and loses its ticket.
    fn lose(&self, now: Instant);
    fn by_hand(&self, what: Hand, now: Instant);
    /// Everything that can be read. The number of late outcomes is that of a key, and outlives a reset.
    fn facts(&self, now: Instant) -> String;
}

#[derive(Clone, Copy, Debug)]
enum Hand {
    Trip,
    ForceOpen,
    Disable,
    CountOnly,
    Probe,
    Reset,
    Adopt,
}

macro_rules! circuit {
    ([$($generics:tt)*] $circuit:ty, $adopt:expr, $facts:expr) => {
        impl<$($generics)*> Circuit for $circuit {
            fn attempt(&self, end: AttemptEnd, now: Instant) -> String {
                match self.admit(now) {
                    Ok(admitted) => {
                        let settled = self.end(admitted.ticket, end, now.after(ms(400)));
                        format!("{:?}, {settled:?}", admitted.change)
                    }
                    Err(rejected) => format!("{rejected:?}"),
                }
            }

            fn lose(&self, now: Instant) {
                let _ = self.admit(now);
            }

            fn by_hand(&self, what: Hand, now: Instant) {
                let _ = match what {
                    Hand::Trip => self.trip(ms(2_000), now),
                    Hand::ForceOpen => self.force_open(now),
                    Hand::Disable => self.disable(now),
                    Hand::CountOnly => self.count_only(now),
                    Hand::Probe => self.probe(now),
                    Hand::Reset => self.reset(now),
                    Hand::Adopt => $adopt(self, Adoption::Open { open_for: ms(1_000), grace: ms(500) }, now),
                };
            }

            fn facts(&self, now: Instant) -> String {
                let (phase, mode): (Phase, Mode) = (self.phase(), self.mode());
                format!("{phase:?}, {mode:?}, {}", $facts(self, now))
            }
        }
    };
}

fn facts_of<L: Lock, S: Settings>(circuit: &SharedCircuit<Window, L, S>, now: Instant) -> String {
    let (counts, in_a_row) = (circuit.counts(now), circuit.failures_in_a_row());
    let snapshot = circuit.snapshot(now);
    format!("{counts:?}, {in_a_row} in a row, {:?}, {snapshot:?}", circuit.health_check_era().is_some())
}

circuit!([L: Lock, S: Settings] SharedCircuit<Window, L, S>, Self::adopt, facts_of);
circuit!([] PooledCircuit<'_, Window>, |it: &Self, adoption, now| it.circuit().unwrap().adopt(adoption, now), |it: &Self, now| facts_of(it.circuit().unwrap(), now));
circuit!([] FixedCircuit<'_, 1, Window, LocalLock>, |_: &Self, _, _| None, |_: &Self, _: Instant| "");

/// What a circuit went through before, until about 10 s.
type Past = (&'static str, fn(&dyn Circuit));

const PASTS: [Past; 16] = [
    ("successes", |it| repeat(it, AttemptEnd::Succeeded, 12)),
    ("failures", |it| repeat(it, SERVER, 2)),
    ("open", |it| repeat(it, SERVER, 3)),
    ("opened several times", |it| {
        repeat(it, SERVER, 3);
        [3_000, 8_000].iter().for_each(|now| drop(it.attempt(SERVER, at(*now))));
    }),
    ("half-open", |it| {
        repeat(it, SERVER, 3);
        it.attempt(AttemptEnd::Succeeded, at(4_000));
    }),
    ("lost probes", |it| {
        repeat(it, SERVER, 3);
        [4_000, 4_001].iter().for_each(|now| it.lose(at(*now)));
    }),
    ("closed again, on its ramp", |it| {
        repeat(it, SERVER, 3);
        [4_000, 4_500].iter().for_each(|now| drop(it.attempt(AttemptEnd::Succeeded, at(*now))));
    }),
    ("armed", |it| drop(it.attempt(AttemptEnd::Cancelled, at(0)))),
    ("held by a rate limit", |it| drop(it.attempt(failed(Class::RateLimit, Some(ms(1_000))), at(0)))),
    ("opened with a hint", |it| repeat(it, failed(Class::Server, Some(ms(5_000))), 3)),
    ("tripped", |it| it.by_hand(Hand::Trip, at(0))),
    ("probed by hand", |it| [Hand::Trip, Hand::Probe].iter().for_each(|hand| it.by_hand(*hand, at(0)))),
    ("forced open", |it| it.by_hand(Hand::ForceOpen, at(0))),
    ("disabled", |it| it.by_hand(Hand::Disable, at(0))),
    ("only counting", |it| {
        it.by_hand(Hand::CountOnly, at(0));
        repeat(it, SERVER, 5);
    }),
    ("opened by other processes", |it| it.by_hand(Hand::Adopt, at(0))),
];

fn repeat(circuit: &dyn Circuit, end: AttemptEnd, times: u64) {
    (0..times).for_each(|now| drop(circuit.attempt(end, at(now))));
}

/// Compares what can be read, and then the answers to the same attempts. The first admission may report that the circuit
/// of the key before is gone, so a neutral attempt comes first.
fn is_as_new(what: &str, circuit: &dyn Circuit, new: &dyn Circuit) {
    let mut now = at(20_000);
    assert_eq!(circuit.facts(now), new.facts(now), "{what}");
    let neutral = AttemptEnd::Neutral { delay: None };
    let _ = (circuit.attempt(neutral, now), new.attempt(neutral, now));
    let mut random = 7_u64;
    for step in 0..400 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        now = now.after(ms(random >> 54));
        let end = match random >> 40 & 15 {
            0..6 => AttemptEnd::Succeeded,
            6..11 => SERVER,
            11 => failed(Class::RateLimit, Some(ms(800))),
            12 => failed(Class::Server, Some(ms(4_000))),
            13 => failed(Class::NotFound, None),
            14 => AttemptEnd::Neutral { delay: Some(ms(50)) },
            _ => AttemptEnd::Cancelled,
        };
        assert_eq!(circuit.attempt(end, now), new.attempt(end, now), "{what}, step {step}");
        assert_eq!(circuit.facts(now), new.facts(now), "{what}, step {step}");
    }
}

type Local = SharedCircuit<Window, LocalLock>;

#[test]
fn a_reset_circuit_is_as_a_new_one() {
    for (past, bring) in PASTS {
        let circuit = Local::with_window(CONFIG);
        bring(&circuit);
        circuit.reconfigure(CONFIG, at(15_000)).unwrap();
        circuit.by_hand(Hand::Reset, at(15_000));
        is_as_new(past, &circuit, &Local::with_window(CONFIG));
    }
}

/// The bytes of a snapshot, which another process reads, tell nothing of the past either.
#[test]
fn the_snapshot_of_a_reset_circuit_is_that_of_a_new_one() {
    let bytes = |circuit: &Local| {
        let mut bytes = vec![0; Snapshot::<Window>::SIZE];
        circuit.snapshot(at(20_000)).write(&mut bytes);
        bytes
    };
    for (past, bring) in PASTS {
        let circuit = Local::with_window(CONFIG);
        bring(&circuit);
        circuit.by_hand(Hand::Reset, at(15_000));
        assert_eq!(bytes(&circuit), bytes(&Local::with_window(CONFIG)), "{past}");
    }
}

#[test]
fn the_circuit_of_a_new_key_is_as_a_new_one() {
    let mut evicted = 0;
    for (past, bring) in PASTS {
        for forget in [true, false] {
            let new = CircuitPool::<Window>::with_window(1, CONFIG);
            let pool = CircuitPool::<Window>::with_window(1, CONFIG);
            bring(&pool.get("before"));
            pool.reconfigure(CONFIG, at(15_000)).unwrap();
            if forget {
                assert!(pool.forget("before"));
            } else {
                // The pool learns the time from a call without a circuit.
                let _ = pool.get("late").admit(at(19_000));
            }
            let circuit = pool.get("after");
            if circuit.is_overflow() {
                assert!(!forget && pool.get("before").mode() != Mode::Automatic, "{past}");
                continue;
            }
            evicted += u32::from(!forget);
            assert_eq!(circuit.circuit().unwrap().late(), 0, "{past}");
            is_as_new(past, &circuit, &new.get("after"));
        }
    }
    assert_eq!(evicted, 13); // all except those that were set by hand
}

#[test]
fn the_circuit_of_a_new_key_in_a_fixed_pool_is_as_a_new_one() {
    let mut evicted = 0;
    for (past, bring) in PASTS {
        let new = FixedCircuitPool::<1, Window, LocalLock>::with_window(CONFIG);
        let pool = FixedCircuitPool::<1, Window, LocalLock>::with_window(CONFIG);
        bring(&pool.get("before"));
        let _ = pool.get("late").admit(at(19_000));
        let circuit = pool.get("after");
        if !circuit.is_overflow() {
            evicted += 1;
            is_as_new(past, &circuit, &new.get("after"));
        }
    }
    assert_eq!(evicted, 13);
}
