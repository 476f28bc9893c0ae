//! Which circuit a full pool evicts for a new key.

use retry_core::{
    CircuitConfig, CircuitPool, Class, Instant, Key,
    circuit::{
        Admission, Change, ChangeCause, CountWindow, Gate, Mode, Phase, SlowCalls, TimeWindow, Window,
    },
    pool::PoolCounts,
};

use super::{CONFIG, Circuit, Large, Pool, Shared, Small, at, fail, secs, succeed};

/// Uses more keys than any pool of these tests holds.
fn flood(pool: &impl Pool, now: Instant) {
    (0..1_000).for_each(|i| succeed(&pool.circuit(&format!("flood-{i}")), now));
}

#[test]
fn circuits_that_were_not_used_lately_are_evicted_first() {
    fn check(pool: &impl Pool) {
        for round in 0..100 {
            for key in ["a", "b", "c"] {
                assert!(!pool.circuit(key).is_overflow());
            }
            assert!(!pool.circuit(&format!("new-{round}")).is_overflow());
        }
        let keys: Vec<_> = pool.keys().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a", "b", "c", "new-99"]);
        // Each new key has evicted only the new key before it.
        assert_eq!((pool.counts().evicted, pool.counts().overflowed), (99, 0));
    }
    check(&Large::with_window(4, CONFIG));
    check(&Shared::new(Large::with_window(4, CONFIG)));
    check(&Small::<4>::with_window(CONFIG));
}

#[test]
fn if_all_were_used_lately_one_is_evicted_all_the_same() {
    fn check(pool: &impl Pool) {
        for key in ["a", "b", "a", "b"] {
            pool.circuit(key);
        }
        assert!(!pool.circuit("c").is_overflow());
        assert_eq!((pool.keys().len(), pool.counts().evicted), (2, 1));
    }
    check(&Large::with_window(2, CONFIG));
    check(&Shared::new(Large::with_window(2, CONFIG)));
    check(&Small::<2>::with_window(CONFIG));
}

/// Every state of an automatic circuit that must survive a flood. Calls bring the circuit into the state.
#[test]
fn a_circuit_with_recorded_failures_stays() {
    type Bring = fn(&dyn Fn(u32, u64), &dyn Fn(u64));
    let rows: &[(&str, CircuitConfig, Bring, Phase)] = &[
        ("open", CONFIG, |fail, _| fail(3, 0), Phase::Open),
        ("open, its open time passed", CONFIG.open_for(secs(1)), |fail, _| fail(3, 0), Phase::Open),
        (
            "half-open",
            CONFIG.open_for(secs(1)).success_threshold(2),
            |fail, succeed| {
                fail(3, 0);
                succeed(1);
            },
            Phase::HalfOpen,
        ),
        (
            "closed, on its ramp",
            CONFIG.open_for(secs(1)).ramp(secs(60)),
            |fail, succeed| {
                fail(3, 0);
                succeed(1);
            },
            Phase::Closed,
        ),
        ("closed, a failure in a row", CONFIG, |fail, _| fail(1, 0), Phase::Closed),
        (
            "closed, a failure in the window",
            CONFIG.failure_rate(50).minimum_calls(5),
            |fail, succeed| {
                fail(1, 0);
                succeed(0);
            },
            Phase::Closed,
        ),
    ];
    fn check(pool: &impl Pool, what: &str, bring: Bring, phase: Phase) {
        bring(&|times, secs| fail(&pool.circuit("kept"), times, at(secs)), &|secs| {
            succeed(&pool.circuit("kept"), at(secs))
        });
        flood(pool, at(2));
        assert!(pool.keys().contains(&("kept".into(), phase)), "{what}");
        // The other keys have evicted each other.
        assert_eq!((pool.counts().overflowed, pool.counts().evicted), (0, 998), "{what}");
    }
    for &(what, config, bring, phase) in rows {
        check(&Large::with_window(3, config), what, bring, phase);
        check(&Shared::new(Large::with_window(3, config)), what, bring, phase);
        check(&Small::<3>::with_window(config), what, bring, phase);
    }
}

#[test]
fn a_circuit_that_only_succeeded_does_not_stay() {
    fn check(pool: &impl Pool) {
        (0..50).for_each(|i| succeed(&pool.circuit("a"), at(i)));
        fail(&pool.circuit("b"), 1, at(50));
        // Without a rule over the window, only failures in a row count. A success resets them.
        succeed(&pool.circuit("b"), at(50));
        flood(pool, at(51));
        assert!(!pool.keys().iter().any(|(key, _)| key == "a" || key == "b"));
    }
    check(&Large::with_window(3, CONFIG));
    check(&Shared::new(Large::with_window(3, CONFIG)));
    check(&Small::<3>::with_window(CONFIG));
}

#[test]
fn a_circuit_with_slow_calls_or_a_filled_time_window_stays() {
    fn check<W: Window + Send>(config: CircuitConfig, took: u64, failed: bool) {
        let pool = CircuitPool::<W>::with_window(2, config);
        let kept = pool.get("kept");
        let ticket = kept.admit(at(0)).unwrap().ticket;
        if failed {
            kept.fail(ticket, Class::Server, at(took), None, 0);
        } else {
            kept.succeed(ticket, at(took));
        }
        drop(kept);
        (0..100).for_each(|i| drop(pool.get(&format!("flood-{i}"))));
        assert!(pool.peek("kept").is_some());
    }
    let slow = CircuitConfig::WITHOUT_RULES.slow_rate(50).slow_after(secs(1)).minimum_calls(10);
    check::<SlowCalls<CountWindow<10>>>(slow, 1, false);
    let time = CircuitConfig::WITHOUT_RULES.failure_rate(50).window_time(secs(60)).minimum_calls(10);
    check::<TimeWindow<6>>(time, 0, true);
}

/// An observer that adds up the changes knows at all times how many circuits are open.
#[test]
fn the_eviction_of_an_open_circuit_is_reported_by_its_successor() {
    fn check(pool: &impl Pool) {
        let (mut open, mut forgotten) = (0_i32, 0);
        let mut tell = |change: Option<Change>| {
            open +=
                change.map_or(0, |it| i32::from(it.to == Phase::Open) - i32::from(it.from == Phase::Open));
            forgotten += u32::from(change.is_some_and(|it| it.cause == ChangeCause::Evicted));
            open
        };
        for number in 0..20 {
            let now = at(5_000 * number);
            let mut circuit = pool.circuit(&format!("{number}"));
            if circuit.is_overflow() {
                assert!(circuit.admit(now).is_ok(), "the pool learns the time from this admission");
                circuit = pool.circuit(&format!("{number}"));
            }
            for _ in 0..3 {
                let Admission { ticket, change } = circuit.admit(now).expect("it is closed");
                tell(change);
                tell(circuit.fail(ticket, Class::Server, now, None, 0).change);
            }
            let are_open = pool.keys().iter().filter(|(_, phase)| *phase == Phase::Open).count();
            assert_eq!(usize::try_from(tell(None)), Ok(are_open), "{number}");
        }
        assert_eq!(u64::from(forgotten), pool.counts().evicted);
        assert!(forgotten > 10, "{forgotten}");
    }
    check(&Large::with_window(4, CONFIG));
    check(&Shared::new(Large::with_window(4, CONFIG)));
    check(&Small::<4>::with_window(CONFIG));
}

#[test]
fn a_circuit_that_was_set_by_hand_stays() {
    let pool = Large::with_window(5, CONFIG);
    pool.get("forced").force_open(at(0));
    pool.get("disabled").disable(at(0));
    pool.get("count only").count_only(at(0));
    pool.get("tripped").trip(secs(1_000_000), at(0));
    for time in (0..1_000).step_by(100) {
        flood(&pool, at(time));
    }
    assert_eq!(pool.peek("forced").unwrap().mode(), Mode::ForcedOpen);
    assert_eq!(pool.peek("disabled").unwrap().mode(), Mode::Disabled);
    assert_eq!(pool.peek("count only").unwrap().mode(), Mode::CountOnly);
    assert_eq!(pool.peek("tripped").unwrap().phase(), Phase::Open);

    let pool = Small::<3>::with_window(CONFIG);
    pool.get("forced").force_open(at(0));
    pool.get("tripped").trip(secs(1_000_000), at(0));
    for time in (0..1_000).step_by(100) {
        flood(&pool, at(time));
    }
    assert_eq!((pool.get("forced").mode(), pool.get("tripped").phase()), (Mode::ForcedOpen, Phase::Open));
    pool.get("forced").reset(at(1_000));
    flood(&pool, at(1_000));
    assert!(!pool.keys().iter().any(|(key, _)| key == "forced"));
}

/// An attempt in progress holds its circuit, so it ends in the circuit in which it began.
#[test]
fn a_circuit_stays_while_a_handle_to_it_exists() {
    fn check(pool: &impl Pool) {
        let held = pool.circuit("held");
        let ticket = held.admit(at(0)).unwrap().ticket;
        flood(pool, at(0));
        fail(&pool.circuit("held"), 2, at(0)); // one circuit for both
        held.fail(ticket, Class::Server, at(0), None, 0);
        assert_eq!(held.phase(), Phase::Open);

        let others = [pool.circuit("b"), pool.circuit("c")];
        assert!(pool.circuit("d").is_overflow(), "all three circuits are in use");
        drop(others);
        assert!(!pool.circuit("d").is_overflow());
    }
    check(&Large::with_window(3, CONFIG));
    check(&Shared::new(Large::with_window(3, CONFIG)));
    check(&Small::<3>::with_window(CONFIG));

    let pool = Small::<1>::with_window(CONFIG);
    let held = pool.get("held");
    let clone = held.clone();
    drop(held);
    assert!(pool.get("other").is_overflow());
    drop(clone);
    assert!(!pool.get("other").is_overflow());
}

#[test]
fn a_key_without_a_circuit_is_admitted_and_counted_and_shows_its_name() {
    fn check(pool: &impl Pool) {
        let full = [pool.circuit("a"), pool.circuit("b")];
        for i in 1..=5 {
            let other = pool.circuit("other");
            assert!(other.is_overflow());
            assert_eq!(other.key().as_str(), "other");
            fail(&other, 10, at(0));
            assert_eq!((other.phase(), pool.counts().overflowed), (Phase::Closed, i));
        }
        assert!(full.iter().all(|circuit| circuit.admit(at(0)).is_ok()));
    }
    check(&Large::with_window(2, CONFIG));
    check(&Shared::new(Large::with_window(2, CONFIG)));
    check(&Small::<2>::with_window(CONFIG));
}

/// Manual operations do nothing, because all keys without a circuit share one disabled circuit.
#[test]
fn manual_operations_on_a_key_without_a_circuit_do_nothing() {
    macro_rules! check {
        ($pool:expr) => {{
            let pool = $pool;
            let (_full, other) = (pool.get("a"), pool.get("b"));
            let changes = [
                other.force_open(at(0)),
                other.disable(at(0)),
                other.count_only(at(0)),
                other.trip(secs(10), at(0)),
                other.probe(at(0)),
                other.reset(at(0)),
            ];
            assert_eq!(changes, [None; 6]);
            let third = pool.get("c");
            fail(&third, 10, at(1));
            assert_eq!((third.phase(), third.mode()), (Phase::Closed, Mode::Disabled));
            assert!(third.admit(at(1)).is_ok());
        }};
    }
    check!(Large::with_window(1, CONFIG));
    check!(Small::<1>::with_window(CONFIG));
    assert!(Large::with_window(1, CONFIG).get("a").circuit().is_some());
    let full = Large::with_window(1, CONFIG);
    let _full = full.get("a");
    assert!(full.get("b").circuit().is_none());
}

#[test]
fn with_share_overflow_keys_without_a_circuit_share_one() {
    let pool = Large::with_window(1, CONFIG).share_overflow();
    let _full = pool.get("a");
    fail(&pool.get("b"), 2, at(0));
    fail(&pool.get("c"), 1, at(0));
    let d = pool.get("d");
    assert_eq!((d.phase(), d.name().as_str(), d.is_overflow()), (Phase::Open, "d", true));
    assert!(d.admit(at(1)).is_err());
    // A manual operation on the shared circuit is for all of these keys.
    d.reset(at(1));
    assert!(pool.get("e").admit(at(1)).is_ok());
    assert!(pool.get("f").force_open(at(1)).is_some() && pool.get("g").admit(at(1)).is_err());
}

#[test]
fn peek_does_not_create_a_circuit() {
    let pool = Small::<2>::with_window(CONFIG);
    assert!(pool.peek("a").is_none() && pool.peek("a key of more than 23 bytes").is_none());
    assert_eq!((pool.counts(), pool.capacity()), (PoolCounts::default(), 2));
    fail(&pool.get("a"), 3, at(0));
    let a = pool.peek("a").unwrap();
    assert_eq!((a.phase(), a.key()), (Phase::Open, Key::new("a")));
    a.reset(at(0)); // no failures are recorded, but it is in use
    let _b = pool.get("b");
    assert!(pool.get("c").is_overflow());
    drop(a);
    assert!(!pool.get("c").is_overflow());
}

#[test]
fn forget_removes_any_circuit() {
    let pool = Large::with_window(2, CONFIG);
    let held = pool.get("a");
    held.force_open(at(0));
    assert!(pool.forget("a") && !pool.forget("a") && !pool.forget("b"));
    assert_eq!(pool.get("a").phase(), Phase::Closed, "a new circuit");
    assert_eq!(held.phase(), Phase::Open, "the old circuit, for its handles");
    assert_eq!(pool.counts().kept, 1);

    // The next new key reports the removal of an open circuit, even if the pool has space.
    let pool = Large::with_window(10, CONFIG);
    fail(&pool.get("a"), 3, at(0));
    assert!(pool.forget("a"));
    let changes = ["b", "a", "c"].map(|key| pool.get(key).admit(at(1)).unwrap().change);
    let forgotten = Change { from: Phase::Open, to: Phase::Closed, at: at(1), cause: ChangeCause::Evicted };
    assert_eq!(changes, [Some(forgotten), None, None]);
}

/// The slot of a removed circuit is used first, whatever failures it had recorded.
#[test]
fn the_slot_of_a_removed_circuit_is_used_first() {
    for failures in 0..=3 {
        let pool = Large::with_window(3, CONFIG);
        ["a", "c"].iter().for_each(|key| fail(&pool.get(key), 3, at(0)));
        fail(&pool.get("b"), failures, at(0));
        let held = pool.get("b");
        assert!(pool.forget("b"));
        assert!(pool.get("d").is_overflow(), "a handle still holds it");
        drop(held);
        let d = pool.get("d");
        assert_eq!((d.is_overflow(), d.phase(), d.circuit().unwrap().late()), (false, Phase::Closed, 0));
        assert_eq!((pool.counts().kept, pool.counts().evicted), (3, 0));
        assert!(pool.peek("b").is_none());
    }
}
