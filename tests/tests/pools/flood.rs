//! A million keys.

use allocation_counter::measure;
use retry_core::{CircuitConfig, Phase};

use super::{CONFIG, Large, Pool, Small, at, fail, secs, succeed};

const KEYS: u32 = 1_000_000;

/// Keys that succeed, or that open their circuit.
fn flood(pool: &impl Pool, failures: u32) {
    for i in 0..KEYS {
        let circuit = pool.circuit(&i.to_string());
        match failures {
            0 => succeed(&circuit, at(u64::from(i) / 1_000)),
            _ => fail(&circuit, failures, at(u64::from(i) / 1_000)),
        }
    }
}

#[test]
fn no_flood_makes_a_pool_grow_or_forget_an_open_circuit() {
    const CONFIG: CircuitConfig = super::CONFIG.open_for(secs(100_000));

    for failures in [0, 3] {
        const CAPACITY: usize = 1_000;
        let pool = Large::new(CAPACITY, CONFIG);
        let filled = measure(|| {
            for i in 0..100 {
                fail(&pool.get(&format!("down-{i}")), 3, at(0));
            }
            (0..CAPACITY - 100).for_each(|i| succeed(&pool.get(&format!("well-{i}")), at(0)));
        });
        let flooded = measure(|| flood(&pool, failures));
        // A circuit is made before the next is forgotten, so a few more at most; the tables have grown already.
        let each = filled.bytes_current / 1_000;
        assert!(flooded.bytes_current <= each, "{failures} failures: {flooded:?}");
        assert!(flooded.bytes_max.cast_signed() <= 4 * each, "{failures} failures: {flooded:?}");
        let counts = pool.counts();
        assert_eq!(counts.kept, CAPACITY);
        assert_eq!(pool.iter().count(), CAPACITY);
        assert_eq!(
            counts.forgotten + counts.overflowed,
            KEYS as usize,
            "each is counted as one or the other"
        );
        for i in 0..100 {
            assert_eq!(pool.peek(&format!("down-{i}")).unwrap().phase(), Phase::Open, "{i}");
        }
    }
}

#[test]
fn nor_a_fixed_one() {
    let pool = Small::<8>::new(CONFIG.open_for(secs(100_000)));
    fail(&pool.get("down"), 3, at(0));
    let flooded = measure(|| flood(&pool, 0));
    assert_eq!((pool.get("down").phase(), pool.overflowed()), (Phase::Open, 0));
    // No allocation but the test's own texts.
    assert_eq!((flooded.count_total, flooded.bytes_current), (u64::from(KEYS), 0));
}

/// As many as there are places, and no more than a handful of the places' own.
#[test]
fn a_circuit_takes_a_bounded_amount_of_memory() {
    const CIRCUITS: usize = 100_000;
    let mut pool = None;
    let memory = measure(|| {
        let made = pool.insert(Large::new(CIRCUITS, CONFIG));
        (0..CIRCUITS).for_each(|i| drop(made.get(&format!("host-{i:06}.eu-west-1.my.example"))));
    });
    assert_eq!(pool.unwrap().counts().kept, CIRCUITS);
    let each = memory.bytes_current / 100_000;
    println!("{each} bytes a circuit");
    assert!(each <= 450, "{each} bytes a circuit");
}
