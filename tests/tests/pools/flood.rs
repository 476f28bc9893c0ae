//! A flood of a million keys.

use allocation_counter::measure;
use retry_core::{CircuitConfig, Key, circuit::Phase};

use super::{CONFIG, Large, Pool, Small, at, fail, secs, succeed};

const KEYS: u32 = 1_000_000;

/// Makes calls with many keys, which succeed or open their circuits.
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
fn a_flood_neither_grows_a_pool_nor_evicts_an_open_circuit() {
    const CONFIG: CircuitConfig = super::CONFIG.open_for(secs(100_000));

    for failures in [0, 3] {
        const CAPACITY: usize = 1_000;
        let pool = Large::with_window(CAPACITY, CONFIG);
        for i in 0..100 {
            fail(&pool.get(&format!("down-{i}")), 3, at(0));
        }
        (0..CAPACITY - 100).for_each(|i| succeed(&pool.get(&format!("well-{i}")), at(0)));
        let flooded = measure(|| flood(&pool, failures));
        // Only the texts of the test are allocated, because the circuits are reused.
        assert_eq!((flooded.count_total, flooded.bytes_current), (u64::from(KEYS), 0), "{failures} failures");
        let counts = pool.counts();
        assert_eq!(counts.kept, CAPACITY);
        assert_eq!(pool.iter().count(), CAPACITY);
        assert_eq!(
            counts.evicted + counts.overflowed,
            u64::from(KEYS),
            "each key is counted as evicted or as overflowed"
        );
        for i in 0..100 {
            assert_eq!(pool.peek(&format!("down-{i}")).unwrap().phase(), Phase::Open, "{i}");
        }
    }
}

#[test]
fn a_flood_neither_grows_a_fixed_pool_nor_evicts_an_open_circuit() {
    let pool = Small::<8>::with_window(CONFIG.open_for(secs(100_000)));
    fail(&pool.get("down"), 3, at(0));
    let flooded = measure(|| flood(&pool, 0));
    assert_eq!((pool.get("down").phase(), pool.counts().overflowed), (Phase::Open, 0));
    // Only the texts of the test are allocated.
    assert_eq!((flooded.count_total, flooded.bytes_current), (u64::from(KEYS), 0));
}

/// On 64-bit: one cache line for a look-up, half a cache line in the index, and the circuit.
#[test]
fn a_circuit_takes_a_bounded_amount_of_memory() {
    const CIRCUITS: usize = 100_000;
    let mut pool = None;
    let memory = measure(|| {
        let made = pool.insert(Large::with_window(CIRCUITS, CONFIG));
        (0..CIRCUITS).for_each(|i| drop(made.get(&format!("host-{i:06}.eu-west-1.my.example"))));
    });
    assert_eq!(pool.unwrap().counts().kept, CIRCUITS);
    let each = memory.bytes_current / 100_000;
    println!("{each} bytes per circuit");
    assert!(each <= 280, "{each} bytes per circuit");
}

/// With this many keys, some have the same hash, as far as it is stored.
#[test]
fn keys_with_the_same_hash_are_distinguished() {
    const KEYS: usize = 300_000;
    for before in [0, 40, 100] {
        let before = "x".repeat(before);
        let key = |i: usize| format!("{before}{i}");
        let pool = Large::with_window(KEYS, CONFIG);
        (0..KEYS).for_each(|i| drop(pool.get(&key(i))));
        assert_eq!(pool.counts().kept, KEYS);
        for i in 0..KEYS {
            let (key, circuit) = (key(i), pool.get(&key(i)));
            assert_eq!(circuit.key(), Key::new(&key));
            assert!(key.len() > 96 || circuit.name() == key, "{key}");
        }
    }
}

/// Host names of all lengths that are stored in different ways. Some are cut in the middle of a character.
#[test]
fn a_call_by_key_does_not_allocate() {
    let pool = Large::with_window(2_000, CONFIG);
    let characters = ["x", "\u{e9}", "\u{20ac}", "\u{1f34e}"];
    let name = |i: usize| "-".repeat(i % 4) + &characters[i / 4 % 4].repeat(i / 16);
    let names: Vec<_> = (0..1_600).map(name).collect();
    names.iter().for_each(|name| drop(pool.get(name)));
    for name in &names {
        let mut key = Key::NONE;
        let allocated = measure(|| key = Key::from(&pool.get(name)));
        assert_eq!((key, allocated.count_total), (Key::new(name), 0), "{name}");
    }
}
