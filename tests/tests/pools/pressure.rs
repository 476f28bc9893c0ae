//! What a full pool gives up, in which order, and what a flood leaves of it.

use rand_core::Rng;
use rand_pcg::Pcg64Mcg;
use retry_core::{
    CircuitConfig, Class, Instant,
    circuit::{Change, ChangeCause, Gate, Phase},
};

use super::{CONFIG, Circuit, Large, Pool, Shared, Small, at, fail, secs, succeed};

const FIVE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(5).open_for(secs(30));

fn keeps(pool: &impl Pool, key: &str) -> bool {
    pool.keys().iter().any(|(kept, _)| kept == key)
}

/// Each row: what the circuits have to remember, and the order in which new keys take their places.
#[test]
fn the_circuit_with_the_least_to_remember_goes_first_and_the_longest_idle_of_these() {
    fn check(pool: &impl Pool, now: Instant) {
        fail(&pool.circuit("past its open time"), 5, at(0)); // until 30
        fail(&pool.circuit("near opening"), 3, at(1));
        fail(&pool.circuit("failed, first"), 1, at(1));
        fail(&pool.circuit("failed, later"), 2, at(1));
        succeed(&pool.circuit("well"), at(1));
        fail(&pool.circuit("open"), 5, at(20)); // until 50
        let all = ["well", "failed, first", "failed, later", "near opening", "past its open time"];
        for (i, goes) in all.iter().enumerate() {
            let held = pool.circuit(&format!("new-{i}"));
            fail(&held, 4, now);
            // One that is held stays, too, so the list gets shorter.
            std::mem::forget(held);
            let left: Vec<_> = all.iter().filter(|key| keeps(pool, key)).collect();
            // Until a call without a circuit tells the time, the open time is not over.
            let expected = if i < 4 { &all[i + 1..] } else { &all[4..] };
            assert_eq!(left, expected.iter().collect::<Vec<_>>(), "{goes}");
        }
        assert_eq!(pool.counts().overflowed, 1);
        fail(&pool.circuit("new-5"), 1, now);
        assert!(!keeps(pool, "past its open time") && keeps(pool, "open"));
        let new = pool.circuit("new-6");
        assert_eq!((new.is_overflow(), keeps(pool, "new-5"), keeps(pool, "open")), (false, false, true));
    }
    check(&Large::with_window(6, FIVE), at(40));
    check(&Shared::new(Large::with_window(6, FIVE)), at(40));
    check(&Small::<6>::with_window(FIVE), at(40));
}

/// Each row: the rules, how many of 10 calls fail, and whether the circuit is then near opening.
#[test]
fn a_circuit_is_near_opening_from_more_than_half_of_the_way_on() {
    const NONE: CircuitConfig = CircuitConfig::WITHOUT_RULES;
    let rows = [
        ("2 in a row", NONE.consecutive_failures(2), 1, false),
        ("3 in a row", NONE.consecutive_failures(3), 1, false),
        ("3 in a row", NONE.consecutive_failures(3), 2, true),
        ("8 in a row", NONE.consecutive_failures(8), 4, false),
        ("8 in a row", NONE.consecutive_failures(8), 5, true),
        ("6 in the window", NONE.failures_in_window(6), 3, false),
        ("6 in the window", NONE.failures_in_window(6), 4, true),
        ("80 % of 10", NONE.failure_rate(80).minimum_calls(10), 4, false),
        ("80 % of 10", NONE.failure_rate(80).minimum_calls(10), 5, true),
    ];
    fn check(pool: &impl Pool, failures: u32, near: bool, what: &str) {
        fail(&pool.circuit("older"), failures, at(0));
        fail(&pool.circuit("newer"), 1, at(0));
        pool.circuit("new");
        // The older one goes, unless it is near opening and the newer one is not.
        assert_eq!(keeps(pool, "older"), near, "{what}, {failures} failures");
    }
    for (what, config, failures, near) in rows {
        check(&Large::with_window(2, config), failures, near, what);
        check(&Small::<2>::with_window(config), failures, near, what);
    }
}

/// A thousand names that fail, each as often as a row says, do not leave a new host without a circuit.
#[test]
fn names_that_failed_a_few_times_leave_room_for_a_new_host() {
    fn check(pool: &impl Pool, failures: u32) {
        (0..1_000).for_each(|i| fail(&pool.circuit(&format!("name-{i}")), failures, at(0)));
        for minute in 0..1_440 {
            let host = pool.circuit(&format!("host-{minute}"));
            assert!(!host.is_overflow(), "{failures} failures, minute {minute}");
            succeed(&host, at(60 * minute));
        }
        assert_eq!(pool.counts().overflowed, 0);
    }
    for failures in 1..=4 {
        check(&Large::with_window(1_000, FIVE), failures);
        check(&Small::<20>::with_window(FIVE), failures);
    }
    check(&Large::with_window(1_000, CONFIG.consecutive_failures(2)), 1);
}

/// A host that is asked again and again is not idle, so it opens while other names come and fail once.
#[test]
fn a_dead_host_opens_during_a_flood_of_names_that_fail_once() {
    fn check(pool: &impl Pool) {
        let (mut names, mut opened) = (0, None);
        for second in 0..1_000 {
            for _ in 0..10 {
                names += 1;
                fail(&pool.circuit(&format!("name-{names}")), 1, at(second));
            }
            let host = pool.circuit("dead.example.com");
            match host.admit(at(second)) {
                Ok(admission) => {
                    host.fail(admission.ticket, Class::Network, at(second), None, 0);
                }
                Err(_) => opened = opened.or(Some(second)),
            }
        }
        assert_eq!(opened, Some(5), "five failures, one per second");
    }
    check(&Large::with_window(100, FIVE));
    check(&Small::<100>::with_window(FIVE));
}

/// A day on which names come that open their circuits: each fails five times and is never asked again. A new host comes
/// per minute and is asked each second. Another host is down all day, and is asked each ten seconds.
///
/// A pool of 100 has room for 200 such names per minute, because each is open for 30 s. If more come, the circuits whose
/// open time is not over stay, and other keys go without a circuit at times. Each end of an open time makes room.
#[test]
fn a_day_of_flood_with_names_that_open() {
    const ROWS: [Row; 5] = [
        Row { from: 0, names_per_minute: 0, at_once: 60, after: 0, down_admits: 120 },
        Row { from: 1, names_per_minute: 60, at_once: 57, after: 1, down_admits: 120 },
        Row { from: 4, names_per_minute: 180, at_once: 50, after: 1, down_admits: 120 },
        Row { from: 8, names_per_minute: 1_200, at_once: 20, after: 45, down_admits: 360 },
        Row { from: 9, names_per_minute: 60, at_once: 57, after: 1, down_admits: 130 },
    ];
    /// What holds in each hour from this one on.
    struct Row {
        from: u64,
        names_per_minute: u64,
        /// How many of the 60 new hosts get a circuit at their first look-up, at least.
        at_once: u32,
        /// After how many seconds each of them has one, at most.
        after: u64,
        /// How many of the 360 attempts at the host that is down are admitted, at most.
        down_admits: u32,
    }
    fn check(pool: &impl Pool, what: &str) {
        let (mut names, mut second, mut rng) = (0, 0, Pcg64Mcg::new(7));
        fail(&pool.circuit("down"), 5, at(0));
        for hour in 0..24 {
            let row = ROWS.iter().rfind(|row| row.from <= hour).unwrap();
            let (mut at_once, mut after, mut down_admits) = (0, 0, 0);
            for minute in 0..60 {
                let mut without = 0;
                for tick in 0..60 {
                    let many = row.names_per_minute / 60;
                    // The look-ups of the hosts come at any place among those of the names.
                    let (host_at, down_at) = (rng.next_u64() % (many + 1), rng.next_u64() % (many + 1));
                    for i in 0..=many {
                        if i == down_at && tick % 10 == 0 {
                            let down = pool.circuit("down");
                            if let Ok(admission) = down.admit(at(second)) {
                                down.fail(admission.ticket, Class::Network, at(second), None, 0);
                                down_admits += 1;
                            }
                        }
                        if i == host_at {
                            let host = pool.circuit(&format!("host-{hour}-{minute}"));
                            if host.is_overflow() && without == tick {
                                without += 1;
                            }
                            succeed(&host, at(second));
                        }
                        if i < many {
                            names += 1;
                            fail(&pool.circuit(&format!("name-{names}")), 5, at(second));
                        }
                    }
                    second += 1;
                }
                at_once += u32::from(without == 0);
                after = after.max(without);
            }
            println!("{what}, hour {hour}: {at_once} at once, all after {after} s, {down_admits} attempts");
            assert!(at_once >= row.at_once && after <= row.after, "hour {hour}");
            assert!(down_admits <= row.down_admits, "hour {hour}: {down_admits}");
        }
    }
    check(&Large::with_window(100, FIVE), "large");
    check(&Small::<100>::with_window(FIVE), "small");
}

/// The open time grows with each opening in a row, but a new key begins anew.
#[test]
fn a_new_key_does_not_inherit_the_growth_of_the_key_before_it() {
    let config = CONFIG.open_for(secs(1)).open_growth(10.0, secs(1_000));
    fn check(pool: &impl Pool, what: &str) {
        fail(&pool.circuit("old"), 3, at(0)); // for 1 s
        fail(&pool.circuit("old"), 1, at(1)); // a probe: for 10 s
        fail(&pool.circuit("old"), 1, at(11)); // a probe: for 100 s
        assert!(pool.circuit("old").admit(at(110)).is_err(), "{what}");
        let mut new = pool.circuit("new");
        if new.is_overflow() {
            assert!(new.admit(at(200)).is_ok(), "the pool learns the time");
            new = pool.circuit("new");
        }
        let change = new.admit(at(200)).unwrap().change;
        let evicted =
            Change { from: Phase::Open, to: Phase::Closed, at: at(200), cause: ChangeCause::Evicted };
        assert_eq!(change, Some(evicted), "{what}");
        fail(&new, 3, at(200));
        let wait = new.admit(at(200)).err().expect("it is open").wait();
        assert_eq!(wait, secs(1), "{what}");
    }
    check(&Large::with_window(1, config), "large");
    check(&Shared::new(Large::with_window(1, config)), "shared");
    check(&Small::<1>::with_window(config), "small");
}

/// Each row: the time of a call without a circuit, in seconds, and whether a new key then gets the place of a circuit
/// that is open from 100 to 130.
#[test]
fn one_wrong_reading_of_the_clock_lasts_until_the_next_one() {
    let rows = [(100, false), (1_000_000, true), (101, false), (0, false), (129, false), (130, true)];
    fn check(pool: &impl Pool, rows: &[(u64, bool)]) {
        fail(&pool.circuit("a"), 3, at(100));
        let without = pool.circuit("without");
        rows.iter().for_each(|(time, _)| assert!(without.admit(at(*time)).is_ok()));
        assert_eq!(!pool.circuit("new").is_overflow(), rows.last().unwrap().1, "{rows:?}");
    }
    for row in 1..=rows.len() {
        check(&Large::with_window(1, CONFIG), &rows[..row]);
        check(&Small::<1>::with_window(CONFIG), &rows[..row]);
    }
}

/// Each row: the time, a key, and whether the key gets a circuit. The pool has two places, and all calls fail.
#[test]
fn after_a_step_back_an_open_circuit_is_safe_for_its_open_time_only() {
    fn check(pool: &impl Pool, rows: &[(u64, &str, bool)], what: &str) {
        for (row, (time, key, gets)) in rows.iter().enumerate() {
            let circuit = pool.circuit(key);
            assert_eq!(circuit.is_overflow(), !gets, "{what}, row {row}, at {time} s");
            if let Ok(admission) = circuit.admit(at(*time)) {
                circuit.fail(admission.ticket, Class::Server, at(*time), None, 0);
            }
        }
    }
    let config = CONFIG.consecutive_failures(1).open_for(secs(30));
    let rows: [&[_]; 3] = [
        // The pool knew the time before the step.
        &[
            (9_000, "a", true),
            (9_000, "b", true),
            (9_001, "c", false),
            (8_000, "c", false), // it may be a wrong reading
            (8_001, "c", false), // they are open for 30 s from here
            (8_030, "c", false),
            (8_031, "c", false), // this call tells the time
            (8_031, "c", true),
        ],
        // The pool learns the time after the step only.
        &[
            (9_000, "a", true),
            (9_000, "b", true),
            (8_000, "c", false),
            (8_001, "c", false),
            (8_030, "c", false),
            (8_031, "c", false),
            (8_031, "c", true),
        ],
        // What the pool knew is older than where the clock steps back to.
        &[
            (100, "a", true),
            (100, "b", true),
            (101, "c", false),
            (9_000, "a", true), // probes
            (9_000, "b", true),
            (8_000, "c", false),
            (8_001, "c", false),
            (8_030, "c", false),
            (8_031, "c", false),
            (8_031, "c", true),
        ],
    ];
    for rows in rows {
        check(&Large::with_window(2, config), rows, "large");
        check(&Small::<2>::with_window(config), rows, "small");
    }
}
