//! The reconfiguration of a pool while calls are in progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use allocation_counter::measure;
use retry_core::{
    CircuitConfig, CircuitPool, Instant,
    circuit::{Gate, Mode, Phase},
};

use super::{CONFIG, Circuit, Large, Pool, Shared, Small, at, fail, secs, succeed};

/// Opens sooner than [`CONFIG`], and for a shorter time.
const SOONER: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(2).open_for(secs(5));

/// Returns how long a circuit rejects calls from now, in seconds.
fn refuses_for(circuit: &impl Gate, now: Instant) -> Option<u64> {
    circuit.admit(now).err().map(|rejected| rejected.wait().as_secs())
}

#[test]
fn every_circuit_gets_the_new_configuration() {
    fn check(pool: &impl Pool, reconfigure: &dyn Fn(CircuitConfig, Instant) -> String) {
        fail(&pool.circuit("failed once"), 1, at(0));
        fail(&pool.circuit("open"), 3, at(0)); // until 30
        succeed(&pool.circuit("well"), at(0));
        let kept = pool.circuit("kept");

        assert_eq!(
            reconfigure(SOONER.minimum_calls(11), at(1)),
            "minimum_calls = 11: must be at most 10, the window",
        );
        assert_eq!(refuses_for(&pool.circuit("open"), at(1)), Some(29), "the configuration has not changed");

        assert_eq!(reconfigure(SOONER, at(1)), "");
        assert_eq!(refuses_for(&pool.circuit("open"), at(1)), Some(5));
        // The counts are kept.
        fail(&pool.circuit("failed once"), 1, at(1));
        assert_eq!(refuses_for(&pool.circuit("failed once"), at(1)), Some(5));
        for circuit in [&pool.circuit("well"), &kept, &pool.circuit("made later")] {
            fail(circuit, 1, at(2));
            assert_eq!(circuit.phase(), Phase::Closed);
            fail(circuit, 1, at(2));
            assert_eq!((circuit.phase(), refuses_for(circuit, at(3))), (Phase::Open, Some(4)));
        }
        // Once more, to replace a configuration that is not the first.
        assert_eq!(reconfigure(CONFIG.consecutive_failures(1), at(4)), "");
        assert_eq!(refuses_for(&kept, at(4)), Some(3), "not longer than before");
        let last = pool.circuit("made last");
        fail(&last, 1, at(4));
        assert_eq!(refuses_for(&last, at(4)), Some(30));
    }
    let text =
        |result: Result<(), retry_core::ConfigError>| result.err().map_or(String::new(), |it| it.to_string());

    let large = Large::with_window(20, CONFIG);
    check(&large, &|config, now| text(large.reconfigure(config, now)));
    let shared = Shared::new(Large::with_window(20, CONFIG));
    check(&shared, &|config, now| text(shared.0.reconfigure(config, now)));
    let small = Small::<20>::with_window(CONFIG);
    check(&small, &|config, now| text(small.reconfigure(config, now)));
}

#[test]
fn a_mode_set_by_hand_stays() {
    let pool = Large::with_window(10, CONFIG);
    pool.get("forced").force_open(at(0));
    pool.get("tripped").trip(secs(100), at(0));
    pool.get("disabled").disable(at(0));
    pool.get("counting").count_only(at(0));
    let small = Small::<10>::with_window(CONFIG);
    small.get("forced").force_open(at(0));
    small.get("tripped").trip(secs(100), at(0));
    small.get("disabled").disable(at(0));
    small.get("counting").count_only(at(0));

    pool.reconfigure(SOONER, at(1)).unwrap();
    small.reconfigure(SOONER, at(1)).unwrap();
    let rows = [
        ("forced", Phase::Open, Mode::ForcedOpen),
        ("tripped", Phase::Open, Mode::Automatic),
        ("disabled", Phase::Closed, Mode::Disabled),
        ("counting", Phase::Closed, Mode::CountOnly),
    ];
    for (key, phase, mode) in rows {
        let (large, small) = (pool.get(key), small.get(key));
        assert_eq!((large.phase(), large.mode(), small.phase(), small.mode()), (phase, mode, phase, mode));
    }
    assert_eq!(refuses_for(&pool.get("tripped"), at(50)), Some(50));
    assert_eq!(refuses_for(&small.get("tripped"), at(50)), Some(50));
}

#[test]
fn the_overflow_circuit_gets_the_new_configuration() {
    let (alone, shared) = (Large::with_window(1, CONFIG), Large::with_window(1, CONFIG).share_overflow());
    for (pool, phase) in [(&alone, Phase::Closed), (&shared, Phase::Open)] {
        let _full = pool.get("kept");
        pool.reconfigure(SOONER, at(0)).unwrap();
        fail(&pool.get("a"), 1, at(0));
        fail(&pool.get("b"), 1, at(0));
        assert_eq!(pool.get("c").phase(), phase);
        assert_eq!(refuses_for(&pool.get("d"), at(1)), (phase == Phase::Open).then_some(4));
    }
}

/// With several blocks of circuits, some made before and some after.
#[test]
fn a_thousand_reconfigurations_use_no_more_memory() {
    let pool = CircuitPool::new(5_000, CONFIG);
    (0..3_000).for_each(|i| drop(pool.get(&i.to_string())));
    pool.reconfigure(SOONER, at(0)).unwrap(); // the first configuration is also kept while circuits were made with it
    let reloads = measure(|| {
        for i in 1..=1_000 {
            pool.reconfigure(SOONER.open_for(secs(i)), at(i)).unwrap();
        }
    });
    assert_eq!((reloads.count_current, reloads.bytes_current), (0, 0));
    (3_000..5_000).for_each(|i| drop(pool.get(&i.to_string())));
    for key in ["0", "2999", "3000", "4999"] {
        fail(&pool.get(key), 2, at(1_000));
        assert_eq!(refuses_for(&pool.get(key), at(1_000)), Some(1_000), "{key}");
    }
}

/// Threads create circuits meanwhile. In the end, all circuits have the last configuration.
#[test]
fn circuits_created_during_a_reconfiguration_are_reconfigured() {
    const KEYS: usize = 4_000;
    for round in 0..5 {
        let pool = Arc::new(CircuitPool::new(KEYS, CONFIG));
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let made: Vec<_> = (0..2)
                .map(|half| {
                    let pool = &pool;
                    scope.spawn(move || {
                        for i in (half..KEYS).step_by(2) {
                            succeed(&pool.get_owned(&i.to_string()), at(0));
                        }
                    })
                })
                .collect();
            for open_for in [5, 7] {
                let (pool, done) = (&pool, &done);
                scope.spawn(move || {
                    loop {
                        let config = SOONER.consecutive_failures(1).open_for(secs(open_for));
                        pool.reconfigure(config, at(0)).unwrap();
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                });
            }
            made.into_iter().for_each(|thread| thread.join().unwrap());
            done.store(true, Ordering::Relaxed);
        });
        let mut waits: Vec<_> = pool
            .iter()
            .map(|circuit| {
                fail(&circuit, 1, at(10));
                refuses_for(&circuit, at(10))
            })
            .collect();
        assert_eq!(waits.len(), KEYS);
        waits.dedup();
        assert!(waits == [Some(5)] || waits == [Some(7)], "round {round}: {waits:?}");
    }
}

#[test]
fn an_owned_circuit_keeps_its_pool() {
    let pool = Arc::new(Large::with_window(1, CONFIG));
    let host = pool.get_owned("a.example.com");
    let (other, again) = (pool.get_owned("b.example.com"), host.clone());
    assert_eq!(
        (host.is_overflow(), other.is_overflow(), other.name().as_str()),
        (false, true, "b.example.com")
    );
    assert_eq!(Arc::strong_count(&pool), 4);
    drop(host);
    assert!(pool.get("b.example.com").is_overflow(), "a clone holds the circuit of a.example.com");
    drop(pool);
    let task = std::thread::spawn(move || {
        fail(&again, 3, at(0));
        again.phase()
    });
    assert_eq!(task.join().unwrap(), Phase::Open);

    let pool = Arc::new(Large::with_window(1, CONFIG));
    drop(pool.get_owned("a"));
    assert!(!pool.get_owned("b").is_overflow(), "its slot is free");
    assert_eq!(Arc::strong_count(&pool), 1);
}
