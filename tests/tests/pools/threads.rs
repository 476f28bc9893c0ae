//! Many threads that use one pool.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand_core::Rng;
use rand_pcg::Pcg64Mcg;
use retry_core::{CircuitPool, circuit::Phase};

use super::{CONFIG, Large, at, fail, secs, succeed};

/// All threads that hold the circuit of a key hold the same circuit.
#[test]
fn threads_that_hold_a_key_hold_the_same_circuit() {
    const KEYS: usize = 40;
    let pool = Large::with_window(16, CONFIG);
    // For each key, how many threads hold it, and the address of its circuit.
    let held: Vec<_> = (0..KEYS).map(|_| (AtomicUsize::new(0), AtomicUsize::new(0))).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (pool, held) = (&pool, &held);
            scope.spawn(move || {
                let mut rng = Pcg64Mcg::new(thread);
                for _ in 0..20_000 {
                    let key = rng.next_u32() as usize % KEYS;
                    let circuit = pool.get(&key.to_string());
                    if circuit.is_overflow() {
                        continue;
                    }
                    let address = std::ptr::from_ref(circuit.circuit().unwrap()).addr();
                    assert_eq!(circuit.name(), key.to_string());
                    let (count, others) = &held[key];
                    // The first holder stores the address, and the last one removes it.
                    let before = others.compare_exchange(0, address, Ordering::SeqCst, Ordering::SeqCst);
                    count.fetch_add(1, Ordering::SeqCst);
                    if let Err(other) = before {
                        assert_eq!(other, address, "two circuits of {key}");
                    }
                    succeed(&circuit, at(0));
                    assert_eq!(circuit.name(), key.to_string(), "a held circuit keeps its name");
                    if count.fetch_sub(1, Ordering::SeqCst) == 1 {
                        let _ = others.compare_exchange(address, 0, Ordering::SeqCst, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let counts = pool.counts();
    assert!(counts.kept <= 16 && counts.evicted > 0, "{counts:?}");
    assert_eq!(pool.iter().count(), counts.kept);
}

#[test]
fn threads_that_use_a_new_key_at_once_get_one_circuit() {
    for round in 0..200 {
        let pool = CircuitPool::new(100, CONFIG.consecutive_failures(8));
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    fail(&pool.get("host"), 2, at(0));
                });
            }
        });
        assert_eq!((pool.get("host").phase(), pool.counts().kept), (Phase::Open, 1), "round {round}");
    }
}

#[test]
fn a_flood_from_many_threads_stays_within_bounds() {
    let pool = CircuitPool::new(300, CONFIG.open_for(secs(100_000)));
    (0..50).for_each(|i| fail(&pool.get(&format!("down-{i}")), 3, at(0)));
    let most = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (pool, most) = (&pool, &most);
            scope.spawn(move || {
                for i in 0..25_000 {
                    drop(pool.get(&format!("{thread}-{i}")));
                    most.fetch_max(pool.counts().kept, Ordering::Relaxed);
                    if i % 1_000 == 0 {
                        assert!(pool.iter().count() <= 300);
                    }
                }
            });
        }
    });
    assert_eq!(most.into_inner(), 300);
    assert!((0..50).all(|i| pool.peek(&format!("down-{i}")).unwrap().phase() == Phase::Open));
}
