//! Failures that say nothing about the dependency: neither success nor failure, completed nor cancelled.

use std::cell::RefCell;
use std::time::Duration;

use retry_core::{
    Call, CircuitConfig, Class, ClassSet, Classify, Error, Failure, GiveUp, Instant, Jitter, Policy,
    Recovery, Rejected, Retry, Rule, SharedBudget, SharedCircuit, TokenBucket, Verdict,
    budget::{AdaptiveThrottle, Budget, BudgetRules, ConcurrencyShare, RequestShare, RetryThrottle},
    circuit::{
        AttemptEnd, ConstCircuit, ConstConfig, CountWindow, Counts, Gate, Phase, SlowCalls, TimeWindow,
        Window,
    },
    observe::{EventKind, MetricsSnapshot, OperationMetrics},
    pool::FixedCircuitPool,
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::{ms, secs};

/// The request could not be built, or the caller's own data not be serialized.
const UNSENT: Failure = Failure::new(Class::Serialization).neutral();
/// The server answered that there is no such thing.
const ANSWERED: Failure = Failure::new(Class::NotFound);
const DOWN: Failure = Failure::new(Class::Network);
/// A neutral failure of a class that is retried.
const AGAIN: Failure = Failure::new(Class::Transient).neutral();

const ONCE: Policy = Policy::fixed(ms(100)).jitter(Jitter::None).max_attempts(1);
const OPEN_FOR: Duration = ms(1_000);

/// One call to a circuit, which ends like this.
fn call<G: Gate>(policy: &Policy, circuit: G, clock: &FakeClock, end: Result<(), Failure>) {
    let _ = Retry::new(policy, clock).circuit(circuit).run_blocking(|| end);
}

#[test]
fn a_half_open_circuit_is_closed_by_answers_alone() {
    let classes = ClassSet::of(&[Class::Serialization, Class::Network]);
    let by_class = ONCE.neutral_on(classes);
    #[rustfmt::skip]
    let rows = [
        // how the probe ends,                                        policy,    the phase then
        (Ok(()),                                                      &ONCE,     Phase::Closed),
        (Err(ANSWERED),                                               &ONCE,     Phase::Closed),
        (Err(Failure::new(Class::Serialization)),                     &ONCE,     Phase::Closed),
        (Err(DOWN),                                                   &ONCE,     Phase::Open),
        (Err(UNSENT),                                                 &ONCE,     Phase::HalfOpen),
        (Err(AGAIN),                                                  &ONCE,     Phase::HalfOpen),
        (Err(DOWN.neutral()),                                         &ONCE,     Phase::HalfOpen),
        (Err(UNSENT.not_retried().last()),                            &ONCE,     Phase::HalfOpen),
        (Err(Failure::new(Class::Serialization)),                     &by_class, Phase::HalfOpen),
        (Err(DOWN),                                                   &by_class, Phase::HalfOpen),
        (Err(ANSWERED),                                               &by_class, Phase::Closed),
        (Err(Failure::new(Class::Server)),                            &by_class, Phase::Open),
    ];
    for (end, policy, phase) in rows {
        let clock = FakeClock::new();
        let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
        circuit.trip(OPEN_FOR, clock.now());
        clock.advance(OPEN_FOR);
        call(policy, &circuit, &clock, end);
        assert_eq!(circuit.phase(), phase, "{end:?}");
        // The slot is free again, and a success still closes it.
        if phase == Phase::HalfOpen {
            call(policy, &circuit, &clock, Ok(()));
            assert_eq!(circuit.phase(), Phase::Closed, "{end:?}");
        }
    }
}

/// Every call that was sent failed: what was not sent must not hide that.
#[test]
fn an_outage_is_not_diluted() {
    let rules = CircuitConfig::WITHOUT_RULES.minimum_calls(20);
    #[rustfmt::skip]
    let rows = [
        // rules,                                    unsent for each failure, the failure that opens it
        (CircuitConfig::DEFAULT,                     1,                      20),
        (CircuitConfig::DEFAULT,                     4,                      20),
        (rules.failure_rate(50),                     4,                       20),
        (rules.failure_rate(100),                    9,                       20),
        (rules.failures_in_window(30),               9,                       30),
    ];
    for (config, unsent, opens_at) in rows {
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(config));
        let failed = (1..=80).find(|_| {
            (0..unsent).for_each(|_| call(&ONCE, &circuit, &clock, Err(UNSENT)));
            call(&ONCE, &circuit, &clock, Err(DOWN));
            circuit.phase() == Phase::Open
        });
        assert_eq!(failed, Some(opens_at), "{config:?}, {unsent}");
    }
}

/// Nor does what was not sent open anything, or count in any window, however many there are and however long they took.
#[test]
fn a_healthy_circuit_does_not_hear_of_it() {
    fn check<W: Window>(config: CircuitConfig) {
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::<W, LocalLock>::with_window(config));
        let once = ONCE.neutral_on(ClassSet::of(&[Class::Timeout]));
        for end in [Err(DOWN), Ok(())] {
            call(&once, &circuit, &clock, end);
        }
        let before = (circuit.counts(clock.now()), circuit.phase());
        for end in [UNSENT, AGAIN, DOWN.neutral(), Failure::new(Class::Timeout)] {
            for _ in 0..50 {
                let slow = || {
                    clock.advance(ms(20));
                    Err::<(), _>(end)
                };
                let _ = Retry::new(&once, &clock).circuit(&circuit).run_blocking(slow);
            }
        }
        assert_eq!((circuit.counts(clock.now()), circuit.phase()), before);
        assert_eq!(before.0.map(|counts| (counts.calls, counts.failures)), Some((2, 1)));
    }
    let any = CircuitConfig::WITHOUT_RULES.failure_rate(60).minimum_calls(2);
    check::<CountWindow<10>>(any);
    check::<CountWindow<10>>(any.slow_after(ms(10)));
    check::<SlowCalls<CountWindow<10>>>(any.slow_after(ms(10)).slow_rate(50));
    check::<TimeWindow<10>>(any.window_time(ms(3_600_000)));
}

/// Failures in a row are those of calls that say something.
#[test]
fn a_row_of_failures_goes_on() {
    let (clock, circuit) =
        (FakeClock::new(), SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(3)));
    let story =
        [(DOWN, Phase::Closed), (UNSENT, Phase::Closed), (DOWN, Phase::Closed), (UNSENT, Phase::Closed)];
    for (failure, phase) in story.into_iter().chain([(DOWN, Phase::Open)]) {
        call(&ONCE, &circuit, &clock, Err(failure));
        assert_eq!(circuit.phase(), phase);
    }
}

struct Constant;

impl ConstConfig for Constant {
    const CONFIG: CircuitConfig = CircuitConfig::DEFAULT.probes(2).success_threshold(2).max_probes(2);
}

/// A probe that says nothing gives its slot back, at once and in total; one that comes back late frees none.
#[test]
fn a_probe_gives_its_slot_back_in_each_type_of_circuit() {
    fn check<G: Gate>(circuit: G, trip: impl Fn(Instant) -> bool, late: impl Fn() -> u32) {
        const NEUTRAL: AttemptEnd = AttemptEnd::Neutral { delay: None };
        let now = Instant::from_millis(5);
        let admit = || circuit.admit(now).map(|admission| admission.ticket);
        let stale = admit().ok().unwrap();
        assert!(trip(now));
        let (first, second) = (admit().ok().unwrap(), admit().ok().unwrap());
        assert_eq!(admit().err(), Some(Rejected::new(Phase::HalfOpen, Duration::ZERO)));
        assert_eq!(circuit.end(stale, NEUTRAL, now).change, None);
        assert_eq!((late(), admit().is_err()), (1, true)); // of an older era
        for ticket in [first, second] {
            assert_eq!(circuit.end(ticket, NEUTRAL, now).change, None);
        }
        let (first, second) = (admit().ok().unwrap(), admit().ok().unwrap());
        assert!(admit().is_err());
        assert_eq!(circuit.end(first, AttemptEnd::Succeeded, now).change, None);
        let change = circuit.end(second, AttemptEnd::Succeeded, now).change;
        assert_eq!(change.map(|change| change.to), Some(Phase::Closed));
    }
    const CONFIG: CircuitConfig = Constant::CONFIG;
    let shared = SharedCircuit::new(CONFIG);
    check(&shared, |now| shared.trip(Duration::ZERO, now).is_some(), || shared.late());
    check(Some(&shared), |now| shared.trip(Duration::ZERO, now).is_some(), || shared.late() - 1);
    let constant = ConstCircuit::<Constant, CountWindow<32>, LocalLock>::CLOSED;
    check(&constant, |now| constant.trip(Duration::ZERO, now).is_some(), || constant.late());
    let pool = FixedCircuitPool::<2, CountWindow<100>, LocalLock>::with_window(CONFIG);
    let one = pool.get("eu");
    check(&one, |now| one.trip(Duration::ZERO, now).is_some(), || 1);
}

/// The retry after a neutral attempt asks the circuit, too: it may have been opened meanwhile.
#[test]
fn a_retry_after_it_is_refused_by_an_open_circuit() {
    let patient = Policy::fixed(ms(100)).jitter(Jitter::None);
    for (open_for, verdict) in [
        (ms(100), Verdict::Retry(ms(100))),
        (ms(101), Verdict::Rejected(Rejected::new(Phase::Open, ms(101)))),
    ] {
        let clock = FakeClock::new();
        let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
        let mut call = Call::new(&patient, clock.now()).circuit(&circuit);
        let attempt = call.attempt(clock.now()).unwrap();
        circuit.trip(open_for, clock.now()); // for others
        assert_eq!(attempt.fail(AGAIN, clock.now(), &mut clock.words(&[])), verdict);
        assert_eq!(circuit.late(), 1);
    }
}

/// Whether it is retried is decided as for any other failure.
#[test]
fn the_verdict_is_that_of_the_class_and_the_rules() {
    const IGNORES: Policy =
        ONCE.max_attempts(3).rules(&[Rule::class(Class::NotFound).recovery(Recovery::Ignore)]);
    #[rustfmt::skip]
    let rows = [
        (Failure::new(Class::Transient),                          Verdict::Retry(ms(100))),
        (Failure::new(Class::Transient).retry_after(ms(200)),     Verdict::Retry(ms(200))),
        (Failure::new(Class::Transient).not_retried(),            Verdict::GiveUp(GiveUp::Class)),
        (Failure::new(Class::Transient).last(),                   Verdict::GiveUp(GiveUp::Attempts)),
        (Failure::new(Class::Validation),                         Verdict::GiveUp(GiveUp::Class)),
        (Failure::new(Class::NotFound),                           Verdict::GiveUp(GiveUp::Ignored)),
    ];
    for (failure, verdict) in rows {
        for failure in [failure, failure.neutral()] {
            let clock = FakeClock::new();
            let mut call = Call::new(&IGNORES, clock.now());
            let seen = call.attempt(clock.now()).unwrap().fail(failure, clock.now(), &mut clock.words(&[]));
            assert_eq!(seen, verdict, "{failure:?}");
        }
    }
}

/// The total timeout cuts an attempt of a class that says nothing, after the attempt timeout's time.
#[test]
fn a_cut_attempt_of_a_neutral_class_says_nothing() {
    use retry_core::runtime::Sleep;
    const POLICY: Policy = ONCE.total_timeout(ms(500)).attempt_timeout(ms(500));
    for (policy, phase) in
        [(POLICY, Phase::Open), (POLICY.neutral_on(ClassSet::of(&[Class::Timeout])), Phase::Closed)]
    {
        let clock = FakeClock::new();
        let circuit = SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(1));
        let retry = Retry::new(&policy, &clock).circuit(&circuit);
        let hangs = retry.run(|| async {
            (&clock).sleep(ms(3_600_000)).await;
            Ok::<(), Class>(())
        });
        let error = clock.run(hangs).unwrap_err();
        assert_eq!((circuit.phase(), error.is_neutral()), (phase, phase == Phase::Closed), "{error}");
    }
}

/// Cut by the total timeout after `cancelled_after`, an attempt counts as a failure, unless its class is neutral.
#[test]
fn a_long_attempt_of_a_neutral_class_is_not_counted_as_cancelled() {
    use retry_core::runtime::Sleep;
    const POLICY: Policy = ONCE.total_timeout(secs(5)).attempt_timeout(secs(60));
    for (policy, phase) in
        [(POLICY, Phase::Open), (POLICY.neutral_on(ClassSet::of(&[Class::Timeout])), Phase::Closed)]
    {
        let clock = FakeClock::new();
        let circuit = SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(2));
        let retry = Retry::new(&policy, &clock).circuit(&circuit);
        for _ in 0..3 {
            let hangs = retry.run(|| async {
                (&clock).sleep(secs(3_600)).await;
                Ok::<(), Class>(())
            });
            clock.run(hangs).unwrap_err(); // the first one only arms the circuit
        }
        assert_eq!(circuit.phase(), phase);
    }
}

/// All that a budget can show, after a story.
fn budgets(story: &[Result<(), Failure>]) -> [String; 5] {
    fn after<R: BudgetRules>(rules: R, story: &[Result<(), Failure>]) -> String
    where
        R::State: std::fmt::Debug,
    {
        let clock = FakeClock::new();
        let budget = SharedBudget::<_, LocalLock>::with_lock(rules);
        let policy = Policy::fixed(Duration::ZERO).jitter(Jitter::None).max_attempts(u32::MAX);
        let mut ends = story.iter();
        let mut call = Call::new(&policy, clock.now()).budget(&budget);
        for end in ends.by_ref() {
            let attempt = call.attempt(clock.now()).unwrap();
            match end {
                Ok(()) => attempt.succeed(clock.now()),
                Err(failure) => drop(attempt.fail(*failure, clock.now(), &mut clock.words(&[5]))),
            }
        }
        drop(call);
        budget.with_state(|state| format!("{state:?}"))
    }
    [
        after(TokenBucket::AWS, story),
        after(RetryThrottle::GRPC, story),
        after(RequestShare::DEFAULT, story),
        after(ConcurrencyShare::DEFAULT, story),
        after(AdaptiveThrottle::DEFAULT, story),
    ]
}

#[test]
fn the_price_goes_back_to_each_budget() {
    const BUSY: Failure = Failure::new(Class::Server);
    // A neutral attempt more or less makes no difference to any of them.
    for (with, without) in [
        (&[Err(UNSENT)][..], &[Err(AGAIN)][..]),
        (&[Err(AGAIN), Err(AGAIN), Err(AGAIN)], &[Err(AGAIN)]),
        (&[Err(BUSY), Err(AGAIN), Err(AGAIN)], &[Err(BUSY), Err(AGAIN)]),
        (&[Err(BUSY), Err(AGAIN), Err(BUSY)], &[Err(BUSY), Err(BUSY)]),
        (&[Err(BUSY), Err(AGAIN), Ok(())], &[Err(BUSY), Ok(())]),
    ] {
        assert_eq!(budgets(with), budgets(without), "{with:?}");
    }
    // What is in flight of them is over, and what was granted goes back.
    let idle = budgets(&[Err(UNSENT)]);
    assert_eq!(budgets(&[Err(AGAIN), Err(AGAIN), Err(UNSENT)]), idle);

    let clock = FakeClock::new();
    let bucket = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::AWS.capacity(5));
    let policy = Policy::fixed(ms(100)).jitter(Jitter::None).max_attempts(20);
    let mut made = 0;
    let result = Retry::new(&policy, &clock).budget(&bucket).run_blocking(|| {
        made += 1;
        if made < 20 { Err::<(), _>(AGAIN) } else { Err(UNSENT) }
    });
    // Its one retry at a time was paid for nineteen times, and given back as often.
    assert_eq!((result.unwrap_err().attempts(), bucket.held(clock.now())), (20, 5));
    assert_eq!(bucket.level(clock.now()), Some(5));
}

fn counted(policy: &Policy, ends: &[Result<(), Failure>]) -> (MetricsSnapshot, Vec<String>) {
    let metrics = OperationMetrics::<1>::sharded("stock.read");
    let lines = RefCell::new(Vec::new());
    let clock = FakeClock::new();
    let mut ends = ends.iter();
    let _ = Retry::new(policy, &clock)
        .observe((
            &metrics,
            retry_core::observe::observer_fn(|event| {
                if let EventKind::Failed { .. } = event.kind {
                    lines.borrow_mut().push(event.to_string());
                }
            }),
        ))
        .run_blocking(|| *ends.next().unwrap());
    (metrics.snapshot(), lines.into_inner())
}

#[test]
fn it_has_a_count_of_its_own() {
    let patient = ONCE.max_attempts(4);
    let by_class = patient.neutral_on(ClassSet::of(&[Class::Network]));
    #[rustfmt::skip]
    let rows: [(&Policy, &[_], _, _, _); 6] = [
        // policy,    ends,                                   attempts, failed, neutral; failed of 1000; in one line
        (&patient,  &[Err(UNSENT)],                           [1, 0, 1], None,      "0 succeeded, 1 gave up, 0 rejected, 0 cancelled; 1 attempts, 0 failed, 1 neutral"),
        (&patient,  &[Err(AGAIN), Ok(())],                    [2, 0, 1], Some(0),   "1 succeeded, 0 gave up, 0 rejected, 0 cancelled; 2 attempts, 0 failed, 1 neutral"),
        (&patient,  &[Err(DOWN), Err(AGAIN), Err(UNSENT)],    [3, 1, 2], Some(1000), "0 succeeded, 1 gave up, 0 rejected, 0 cancelled; 3 attempts, 1 failed, 2 neutral"),
        (&patient,  &[Err(DOWN), Err(AGAIN), Ok(())],         [3, 1, 1], Some(500), "1 succeeded, 0 gave up, 0 rejected, 0 cancelled; 3 attempts, 1 failed, 1 neutral"),
        (&by_class, &[Err(DOWN), Err(DOWN), Ok(())],          [3, 0, 2], Some(0),   "1 succeeded, 0 gave up, 0 rejected, 0 cancelled; 3 attempts, 0 failed, 2 neutral"),
        (&patient,  &[Err(ANSWERED)],                         [1, 1, 0], Some(1000), "0 succeeded, 1 gave up, 0 rejected, 0 cancelled; 1 attempts, 1 failed"),
    ];
    for (policy, ends, numbers, rate, line) in rows {
        let (counts, _) = counted(policy, ends);
        assert_eq!([counts.attempts(), counts.failures(), counts.neutral()], numbers, "{line}");
        assert_eq!(counts.attempt_failure_rate(), rate, "{line}");
        assert_eq!(counts.to_string(), format!("1 calls: {line}"));
        assert_eq!(counts.failures(), Class::ALL.iter().map(|class| counts.failures_of(*class)).sum::<u64>());
    }
    let (counts, lines) = counted(&by_class, &[Err(DOWN), Err(UNSENT)]);
    assert_eq!((counts.retries_of(Class::Network), counts.mean_backoff()), (1, Some(ms(100))));
    assert_eq!(
        lines,
        [
            "retry in 100 ms: Network, neutral, attempt 1 of 4: Network",
            "give up: errors like this are not retried: Serialization, neutral, attempt 2 of 4: Serialization",
        ]
        .map(|line| line.rsplit_once(": ").unwrap().0.to_owned())
    );
}

/// Five calls that end inside like this do not open an outer circuit; five that the dependency failed do.
#[test]
fn an_inner_call_that_says_nothing_is_neutral_for_an_outer_circuit() {
    type Inner<'a> = (&'a str, Box<dyn Fn(&FakeClock) -> Error<Failure> + 'a>, bool);
    const IGNORES: Policy = ONCE.rules(&[Rule::ANY.recovery(Recovery::Ignore)]);
    let ends = |policy: &'static Policy, failure: Failure| {
        move |clock: &FakeClock| Retry::new(policy, clock).run_blocking(|| Err::<(), _>(failure)).unwrap_err()
    };
    let open = SharedCircuit::new(CircuitConfig::DEFAULT);
    open.force_open(Instant::ORIGIN);
    let trips = |clock: &FakeClock| {
        let circuit = SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(1));
        let patient = Policy::fixed(ms(100)).jitter(Jitter::None);
        Retry::new(&patient, clock).circuit(&circuit).run_blocking(|| Err::<(), _>(DOWN)).unwrap_err()
    };
    let cancelled = |clock: &FakeClock| {
        let patient = Policy::fixed(ms(100)).jitter(Jitter::None);
        let retry = Retry::new(&patient, clock);
        clock.run(retry.until(std::future::ready(())).run(|| async { Err::<(), _>(DOWN) })).unwrap_err()
    };
    let refused = |clock: &FakeClock| {
        Retry::new(&ONCE, clock).circuit(&open).run_blocking(|| Ok::<(), Failure>(())).unwrap_err()
    };
    let rows: Vec<Inner<'_>> = vec![
        ("it failed", Box::new(ends(&ONCE, DOWN)), false),
        ("its failure opened its circuit", Box::new(trips), false),
        ("it was not sent", Box::new(ends(&ONCE, UNSENT)), true),
        ("it was ignored", Box::new(ends(&IGNORES, DOWN)), true),
        ("it was cancelled", Box::new(cancelled), true),
        ("it was refused", Box::new(refused), true),
    ];
    for (what, inner, is_neutral) in rows {
        let config = CircuitConfig::DEFAULT.consecutive_failures(5);
        let (clock, outer) = (FakeClock::new(), SharedCircuit::new(config));
        for _ in 0..5 {
            let error = inner(&clock);
            assert_eq!(error.classify().is_neutral, is_neutral, "{what}");
            let result = Retry::new(&ONCE, &clock)
                .circuit(&outer)
                .run_blocking(|| Err::<(), _>(inner(&clock).map(|failure| failure.class)));
            // And so on outwards.
            assert_eq!(result.unwrap_err().classify().is_neutral, is_neutral, "{what}");
        }
        let counts = outer.counts(clock.now()).map(|Counts { calls, failures, .. }| (calls, failures));
        let expected = if is_neutral { (Phase::Closed, Some((0, 0))) } else { (Phase::Open, None) };
        assert_eq!((outer.phase(), counts), expected, "{what}");
    }
}
