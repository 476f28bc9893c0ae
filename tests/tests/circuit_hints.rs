//! What a server's hint, such as `Retry-After`, means to a circuit and so to all callers.

use core::time::Duration;

use retry_core::{
    CircuitConfig, Class, Failure, Instant, Policy, Preset, Retry, SharedCircuit,
    circuit::{Change, ChangeCause, ConstCircuit, ConstConfig, CountWindow, Gate, Mode, Phase},
    policy::Hints,
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::secs;

const ONCE: Policy = Policy::fixed(secs(1)).max_attempts(1);
const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(secs(30));

/// Makes one call that fails with this hint.
fn fail(circuit: &impl Gate, clock: &FakeClock, policy: &Policy, class: Class, hint: Option<Duration>) {
    let failure = hint.map_or(Failure::new(class), |hint| Failure::new(class).retry_after(hint));
    let retry = Retry::new(policy, clock).circuit(circuit).classify_opaque(|failure: &Failure| *failure);
    retry.run_blocking(|| Err::<(), _>(failure)).expect_err("it fails");
}

#[test]
fn an_opening_lasts_at_least_as_long_as_the_server_asked() {
    // How long it stays open, in seconds.
    let rows = [
        ("no hint", ONE.max_hint(secs(120)), Class::Server, None, 30),
        ("a shorter hint", ONE.max_hint(secs(120)), Class::Server, Some(10), 30),
        ("a longer hint", ONE.max_hint(secs(120)), Class::Server, Some(90), 90),
        ("a hint above the limit", ONE.max_hint(secs(120)), Class::Server, Some(3_600), 120),
        ("any class that counts", ONE.max_hint(secs(120)), Class::RateLimit, Some(90), 90),
        ("off by default", ONE, Class::Server, Some(90), 30),
        (
            "a hold's limit, for a rate limit that opens it",
            ONE.rate_limit_hold(secs(60)),
            Class::RateLimit,
            Some(90),
            60,
        ),
        ("a hold concerns rate limits only", ONE.rate_limit_hold(secs(60)), Class::Server, Some(90), 30),
    ];
    for (name, config, class, hint, expected) in rows {
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(config));
        fail(&circuit, &clock, &ONCE, class, hint.map(secs));
        assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(secs(expected)), "{name}");
        assert_eq!(circuit.admit(clock.now()).expect_err("open").wait(), secs(expected), "{name}");
    }
}

#[test]
fn the_end_of_an_inner_call_has_the_hint_of_its_last_failure() {
    let config = ONE.max_hint(secs(120));
    // Policy of the inner call, class, its hint, hint of its end, and how long the outer circuit stays open.
    let rows = [
        ("a hint above the limit of the policy", ONCE, Class::Server, Some(90), Some(90), Some(90)),
        (
            "the last of several",
            Policy::fixed(secs(1)).max_hint(secs(99)),
            Class::Server,
            Some(90),
            Some(90),
            Some(90),
        ),
        ("no hint", ONCE, Class::Server, None, None, Some(30)),
        ("a class that is not retried", ONCE, Class::Client, Some(90), Some(90), None),
        ("hints are ignored", ONCE.hints(Hints::Ignore), Class::Server, Some(90), None, Some(30)),
    ];
    for (name, policy, class, hint, of_end, open_for) in rows {
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(config));
        let failure = Failure::new(class);
        let failure = hint.map_or(failure, |hint| failure.retry_after(secs(hint)));
        let inner = Retry::new(&policy, &clock).classify_opaque(|()| failure);
        let outer = Retry::new(&ONCE, &clock).circuit(&circuit);
        let end = outer.run_blocking(|| inner.run_blocking(|| Err::<(), _>(()))).unwrap_err();
        let hints = [end.hint(), end.inner().unwrap().hint()];
        assert_eq!(hints, [of_end.map(secs); 2], "{name}");
        let wait = circuit.admit(clock.now()).err().map(|rejected| rejected.wait());
        assert_eq!(wait, open_for.map(secs), "{name}");
    }
}

#[test]
fn the_hint_of_an_end_is_rounded_up_and_saturates() {
    let most = Duration::from_millis(u64::from(u32::MAX) - 1);
    let rows = [
        (Duration::ZERO, Duration::ZERO),
        (Duration::from_nanos(1), Duration::from_millis(1)),
        (Duration::from_nanos(1_999_999_999), secs(2)),
        (most, most),
        (most + Duration::from_nanos(1), most),
        (Duration::MAX, most),
    ];
    let clock = FakeClock::new();
    for (hint, expected) in rows {
        let retry =
            Retry::new(&ONCE, &clock).classify_opaque(|()| Failure::new(Class::Server).retry_after(hint));
        assert_eq!(retry.run_blocking(|| Err::<(), _>(())).unwrap_err().hint(), Some(expected), "{hint:?}");
    }
}

#[test]
fn a_total_timeout_has_no_hint() {
    const LIMITED: Policy = ONCE.max_attempts(2).max_hint(secs(9)).total_timeout(secs(20));
    let (clock, mut answers) = (FakeClock::new(), 0);
    let retry = Retry::new(&LIMITED, &clock).classify_opaque(|failure: &Failure| *failure);
    let call = retry.run(|| {
        answers += 1;
        let answer = (answers == 1).then(|| Failure::new(Class::Server).retry_after(secs(5)));
        async move { Err::<(), _>(answer.unwrap_or(core::future::pending().await)) }
    });
    assert_eq!(clock.run(call).unwrap_err().hint(), None);
}

#[test]
fn no_probe_goes_out_before_the_time_that_the_server_asked_for() {
    // 503 with `Retry-After: 120`: the times of the requests that reach the server, in seconds.
    let config = Preset::HTTP.circuit.expect("it has a circuit").consecutive_failures(5);
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(config));
    let mut requests = Vec::new();
    for second in 0..200 {
        clock.advance(secs(second).saturating_sub(clock.now().since(Instant::ORIGIN)));
        if circuit.admit(clock.now()).map(|it| circuit.cancel(it.ticket, clock.now())).is_ok() {
            requests.push(second);
            fail(&circuit, &clock, &ONCE, Class::Server, Some(secs(120)));
        }
    }
    assert_eq!(requests, [0, 1, 2, 3, 4, 124]);
}

#[test]
fn the_presets_for_services_follow_hints() {
    for preset in Preset::ALL {
        let follows = preset.circuit.map(|config| config.settings().max_hint);
        let expected = match preset.name {
            "http" | "s3" => Some(secs(120)),
            "cache" => None,
            _ => Some(Duration::ZERO),
        };
        assert_eq!(follows, expected, "{}", preset.name);
    }
}

#[test]
fn a_policy_that_ignores_hints_hides_them_from_its_circuit() {
    const IGNORING: Policy = ONCE.hints(Hints::Ignore);
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(ONE.max_hint(secs(120))));
    fail(&circuit, &clock, &IGNORING, Class::Server, Some(secs(90)));
    assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(secs(30)));
}

#[test]
fn growth_and_hint_take_the_longer_one() {
    let config = ONE.open_for(secs(10)).open_growth(2.0, secs(40)).max_hint(secs(100));
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(config));
    // The hint of each failure, and the opening, in seconds.
    for (hint, expected) in [(5, 10), (15, 20), (70, 70), (5, 40)] {
        fail(&circuit, &clock, &ONCE, Class::Server, Some(secs(hint)));
        assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(secs(expected)), "a hint of {hint} s");
        clock.advance(secs(expected));
    }
}

const HELD: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(3).rate_limit_hold(secs(60)).ramp(secs(10));

#[test]
fn a_rate_limit_holds_all_callers_and_then_closes_over_the_ramp() {
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(HELD));
    fail(&circuit, &clock, &ONCE, Class::RateLimit, Some(secs(2)));
    let refused = circuit.admit(clock.now()).expect_err("held");
    assert_eq!((refused.phase(), refused.wait()), (Phase::Open, secs(2)));
    clock.advance(secs(2));
    let admission = circuit.admit(clock.now()).expect("the hold is over");
    let change =
        Change { from: Phase::Open, to: Phase::Closed, at: clock.now(), cause: ChangeCause::HoldOver };
    assert_eq!(admission.change, Some(change));
    let in_a_ramp = circuit.admit(clock.now()).expect_err("the ramp admits a share");
    assert_eq!(in_a_ramp.phase(), Phase::Closed);
    assert_eq!(circuit.succeed(admission.ticket, clock.now()), None);
    assert_eq!(change.cause.to_string(), "the rate limit is over");
}

#[test]
fn a_hold_is_no_opening_and_has_its_own_cause() {
    let config = HELD.open_for(secs(10)).open_growth(2.0, secs(80)).ramp(Duration::ZERO);
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(config));
    let ticket = circuit.admit(clock.now()).expect("closed").ticket;
    let limited = retry_core::circuit::AttemptEnd::Failed {
        class: Class::RateLimit,
        hint: Some(secs(5)),
        delay: Some(secs(1)),
        word: 0,
    };
    let settled = circuit.end(ticket, limited, clock.now());
    assert_eq!(settled.change.map(|change| change.cause), Some(ChangeCause::RateLimited));
    assert_eq!(
        settled.next.map_err(|refused| refused.wait()),
        Err(secs(5)),
        "a retry in 1 s would be refused"
    );
    clock.advance(secs(5));
    for _ in 0..3 {
        fail(&circuit, &clock, &ONCE, Class::Server, None);
    }
    assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(secs(10)), "the first opening");
}

#[test]
fn what_holds_and_what_does_not() {
    let held = |config: CircuitConfig, class, hint: Option<u64>| {
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(config));
        fail(&circuit, &clock, &ONCE, class, hint.map(secs));
        circuit.snapshot(clock.now()).open_for().map(|open_for| open_for.as_secs())
    };
    assert_eq!(held(HELD, Class::RateLimit, Some(7)), Some(7));
    assert_eq!(held(HELD, Class::RateLimit, Some(7_000)), Some(60), "the limit");
    assert_eq!(held(HELD, Class::RateLimit, None), None, "no hint");
    assert_eq!(held(HELD, Class::RateLimit, Some(0)), None, "a hint of zero");
    assert_eq!(held(HELD, Class::Server, Some(7)), None, "another class");
    assert_eq!(held(HELD.rate_limit_hold(Duration::ZERO), Class::RateLimit, Some(7)), None, "the default");
    let uncounted = HELD.count_as_failure(retry_core::ClassSet::of(&[Class::Server]));
    assert_eq!(held(uncounted, Class::RateLimit, Some(7)), Some(7), "a class that counts as a success");

    // A mode that was set by hand stays.
    for mode in [Mode::Disabled, Mode::CountOnly] {
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(HELD));
        let now = clock.now();
        let _ = if mode == Mode::Disabled { circuit.disable(now) } else { circuit.count_only(now) };
        fail(&circuit, &clock, &ONCE, Class::RateLimit, Some(secs(7)));
        assert_eq!(circuit.phase(), Phase::Closed);
    }
}

#[test]
fn a_probe_that_meets_a_rate_limit_opens_it_again_for_that_long() {
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(HELD));
    circuit.trip(secs(5), clock.now());
    clock.advance(secs(5));
    fail(&circuit, &clock, &ONCE, Class::RateLimit, Some(secs(50)));
    assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(secs(50)));
    clock.advance(secs(50));
    let admission = circuit.admit(clock.now()).expect("a probe");
    assert_eq!(admission.change.map(|change| change.to), Some(Phase::HalfOpen), "an opening, no hold");
    assert_eq!(circuit.mode(), Mode::Automatic);
}

struct Held;

impl ConstConfig for Held {
    const CONFIG: CircuitConfig = HELD;
}

#[test]
fn a_constant_circuit_does_the_same() {
    let (clock, circuit) = (FakeClock::new(), ConstCircuit::<Held, CountWindow<32>, LocalLock>::CLOSED);
    fail(&circuit, &clock, &ONCE, Class::RateLimit, Some(secs(7)));
    assert_eq!(circuit.admit(clock.now()).expect_err("held").wait(), secs(7));
    clock.advance(secs(7));
    assert!(circuit.admit(clock.now()).is_ok());
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[test]
fn another_configuration_cuts_what_rules_and_hints_opened_and_leaves_what_a_hand_did() {
    type Opens = fn(&SharedCircuit, &FakeClock);
    // What opens it for 100 s, and how long it is still open after a change to at most 5 s.
    let rows: [(&str, Opens, u64); 4] = [
        (
            "its rules and a hint",
            |circuit, clock| fail(circuit, clock, &ONCE, Class::Server, Some(secs(100))),
            5,
        ),
        ("a rate limit", |circuit, clock| fail(circuit, clock, &ONCE, Class::RateLimit, Some(secs(100))), 0),
        ("a hand", |circuit, clock| assert!(circuit.trip(secs(100), clock.now()).is_some()), 100),
        (
            "a hand, for less than the longest",
            |circuit, clock| assert!(circuit.trip(secs(20), clock.now()).is_some()),
            20,
        ),
    ];
    for (name, open, expected) in rows {
        let before = match name {
            "a rate limit" => HELD.rate_limit_hold(secs(200)),
            _ => ONE.max_hint(secs(200)),
        };
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(before));
        open(&circuit, &clock);
        circuit.reconfigure(ONE.open_for(secs(5)), clock.now()).expect("it fits");
        assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(secs(expected)), "{name}");
    }
}

#[test]
fn what_was_opened_for_ever_by_hand_is_told_as_such() {
    let now = Instant::ORIGIN;
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT.open_for(Duration::MAX));
    circuit.force_open(now);
    circuit.reconfigure(CircuitConfig::DEFAULT, now).expect("it fits");
    assert_eq!(circuit.snapshot(now).open_for(), Some(Duration::MAX));
    let refused = circuit.admit(now).expect_err("forced open");
    assert_eq!(refused.to_string(), "the circuit is forced open");
}

/// What saturates is no number of seconds. At the origin, the wait is that of a circuit that is forced open.
#[test]
fn what_was_tripped_for_as_long_as_possible_is_told_in_words() {
    let now = Instant::from_millis(5_000);
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    let told = || circuit.admit(now).expect_err("it is open").to_string();
    for (long, wait) in [
        (Duration::MAX, "more than 100 years"),
        (secs(101 * 365 * 86_400), "more than 100 years"),
        (secs(365 * 86_400), "31536000.0 s"),
    ] {
        circuit.trip(long, now);
        assert_eq!(told(), format!("the circuit is open for another {wait}"));
    }
}

/// A configuration that holds comes later, to a circuit that records the class as a success without its lock.
#[test]
fn a_hold_that_is_set_while_calls_are_under_way_holds() {
    let counts = CircuitConfig::DEFAULT.count_as_failure(retry_core::ClassSet::of(&[Class::Server]));
    for successes in [0, 1, 200] {
        let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(counts));
        let succeed = || {
            let ticket = circuit.admit(clock.now()).expect("closed").ticket;
            assert_eq!(circuit.succeed(ticket, clock.now()), None);
        };
        (0..successes).for_each(|_| succeed());
        circuit.reconfigure(counts.rate_limit_hold(secs(60)), clock.now()).expect("it fits");
        (0..successes).for_each(|_| succeed());
        fail(&circuit, &clock, &ONCE, Class::RateLimit, Some(secs(7)));
        assert_eq!(circuit.snapshot(clock.now()).open_for(), Some(secs(7)), "after {successes} successes");
    }
}

#[test]
fn a_rate_limit_holds_its_key_of_a_pool_for_all_callers() {
    let (clock, hosts) = (FakeClock::new(), retry_core::CircuitPool::new(10, HELD));
    fail(&hosts.get("a"), &clock, &ONCE, Class::RateLimit, Some(secs(7)));
    assert_eq!(hosts.get("a").admit(clock.now()).expect_err("held").wait(), secs(7));
    assert!(hosts.get("b").admit(clock.now()).is_ok());
}

#[test]
fn a_hold_outlives_a_reboot_and_still_ends_closed() {
    use retry_core::{circuit::Snapshot, dead_letter::Codec};
    type Retained = Snapshot<CountWindow<100>>;

    let (clock, before) = (FakeClock::new(), SharedCircuit::new(HELD));
    fail(&before, &clock, &ONCE, Class::RateLimit, Some(secs(7)));
    let mut memory = [0; Retained::SIZE];
    before.snapshot(clock.now()).write(&mut memory);
    let (clock, after) = (FakeClock::new(), SharedCircuit::new(HELD));
    after.restore(&Retained::read(&memory).expect("sound bytes"), clock.now());
    assert_eq!(after.admit(clock.now()).expect_err("held").wait(), secs(7));
    clock.advance(secs(7));
    let change = after.admit(clock.now()).expect("the hold is over").change.expect("it closed");
    assert_eq!((change.to, change.cause), (Phase::Closed, ChangeCause::HoldOver));
}

/// The new configuration knows no holds. What is left of this one is over, and a probe decides.
#[test]
fn a_hold_that_is_no_longer_configured_is_over() {
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(HELD));
    fail(&circuit, &clock, &ONCE, Class::RateLimit, Some(secs(7)));
    circuit.reconfigure(HELD.rate_limit_hold(secs(0)), clock.now()).expect("it fits");
    let change = circuit.admit(clock.now()).expect("the hold is over").change.expect("it changed");
    assert_eq!((change.to, change.cause), (Phase::HalfOpen, ChangeCause::OpenTimePassed));
}
