//! All interleavings of two threads at a pool of circuits, when one thread evicts or moves what the other looks up,
//! explored by loom.
#![cfg(loom)]

use std::hash::{DefaultHasher, Hasher};

use loom::sync::Arc;
use loom::thread;
use loom_tests::LoomLock;
use retry_core::{
    CircuitConfig, CircuitPool, Instant,
    circuit::{CountWindow, Gate, Phase},
    pool::FixedCircuitPool,
};

type Pool = CircuitPool<CountWindow<2>, LoomLock>;

const NOW: Instant = Instant::from_millis(1_000);

fn pool(capacity: usize, keys: &[&str]) -> Arc<Pool> {
    let pool = Pool::with_window(capacity, CircuitConfig::WITHOUT_RULES.consecutive_failures(2).window(2));
    keys.iter().for_each(|key| drop(pool.get(key)));
    Arc::new(pool)
}

/// Returns the address of a key's circuit.
fn address(pool: &Pool, key: &str) -> usize {
    std::ptr::from_ref(pool.get(key).circuit().expect("there is room")).addr()
}

/// Returns three keys with the same slot in a pool of three. With loom, the hash has no secret.
fn neighbours() -> [&'static str; 3] {
    const NAMES: [&str; 26] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t",
        "u", "v", "w", "x", "y", "z",
    ];
    let home = |name: &str| {
        let mut hasher = DefaultHasher::new();
        hasher.write(name.as_bytes());
        ((hasher.finish() & u64::from(u32::MAX)) * 5) >> 32
    };
    (0..5)
        .find_map(|place| {
            let mut there = NAMES.into_iter().filter(|name| home(name) == place);
            Some([there.next()?, there.next()?, there.next()?])
        })
        .expect("26 names share 5 slots")
}

/// While a circuit is held, its entry keeps its key, also if another key needs the entry.
#[test]
fn a_held_entry_is_not_given_to_another_key() {
    loom::model(|| {
        let pool = pool(1, &["a"]);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let b = pool.get("b");
                if !b.is_overflow() {
                    assert_eq!(b.name(), "b");
                }
            })
        };
        let a = pool.get("a");
        if !a.is_overflow() {
            assert_eq!(a.name(), "a");
            assert_eq!(a.name(), "a");
        }
        drop(a);
        other.join().unwrap();
        assert_eq!(pool.counts().kept, 1);
        assert!(!pool.get("c").is_overflow(), "the entry is free again");
    });
}

/// A failure that opens a circuit while another key looks for room prevents the eviction.
#[test]
fn a_circuit_that_opens_is_not_evicted() {
    loom::model(|| {
        let pool = pool(1, &[]);
        let a = pool.get("a");
        let first = a.admit(NOW).unwrap().ticket;
        a.fail(first, retry_core::Class::Server, NOW, None, 0);
        let ticket = a.admit(NOW).unwrap().ticket;
        drop(a);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let Some(a) = pool.peek("a") else { return };
                a.fail(ticket, retry_core::Class::Server, NOW, None, 0);
            })
        };
        let b = pool.get("b");
        let took_its_place = !b.is_overflow();
        drop(b);
        other.join().unwrap();
        let a = pool.peek("a");
        assert_ne!(took_its_place, a.is_some());
        if let Some(a) = a {
            assert_eq!(a.phase(), Phase::Open);
            drop(a);
            assert!(pool.get("c").is_overflow(), "an open circuit is not evicted");
        }
    });
}

#[test]
fn a_new_key_gets_one_circuit() {
    loom::model(|| {
        let pool = pool(2, &[]);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || address(&pool, "a"))
        };
        let here = address(&pool, "a");
        assert_eq!(here, other.join().unwrap());
        assert_eq!(pool.counts().kept, 1);
    });
}

/// If one of three neighbouring keys is removed, the others move up, and are still found.
#[test]
fn a_key_that_moves_is_found() {
    let [a, b, c] = neighbours();
    loom::model(move || {
        let pool = pool(3, &[a, b, c]);
        let before = address(&pool, c);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.forget(a)))
        };
        assert_eq!(address(&pool, c), before);
        other.join().unwrap();
        assert_eq!(address(&pool, c), before);
        assert_eq!((pool.counts().kept, pool.peek(a).is_none(), pool.peek(b).is_some()), (2, true, true));
    });
}

/// If a key is looked up while the pool examines it for eviction, the look-up finds it.
#[test]
fn a_key_that_is_examined_and_kept_is_found() {
    loom::model(|| {
        let pool = pool(1, &["a"]);
        let a = pool.get("a");
        a.force_open(NOW);
        drop(a);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.get("b").is_overflow()))
        };
        assert!(!pool.get("a").is_overflow());
        other.join().unwrap();
        assert!(!pool.get("a").is_overflow());
        assert!(pool.forget("a"));
        assert!(!pool.get("b").is_overflow(), "the entry is free again");
    });
}

/// A circuit that is created while its pool is reconfigured gets the new configuration, too.
#[test]
fn a_circuit_created_during_a_reconfiguration_is_reconfigured() {
    loom::model(|| {
        let pool = pool(1, &[]);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || drop(pool.get("a")))
        };
        pool.reconfigure(CircuitConfig::WITHOUT_RULES.consecutive_failures(1).window(2), NOW).unwrap();
        other.join().unwrap();
        let a = pool.get("a");
        let ticket = a.admit(NOW).unwrap().ticket;
        a.fail(ticket, retry_core::Class::Server, NOW, None, 0);
        assert_eq!(a.phase(), Phase::Open, "one failure opens it with the new configuration");
    });
}

/// A fixed pool, too, keeps the circuit of a held key, and one key has one circuit.
#[test]
fn a_held_circuit_of_a_fixed_pool_is_not_given_to_another_key() {
    loom::model(|| {
        let config = CircuitConfig::WITHOUT_RULES.consecutive_failures(2).window(2);
        let pool = Arc::new(FixedCircuitPool::<1, CountWindow<2>, LoomLock>::with_window(config));
        let fail = |key: &str, pool: &FixedCircuitPool<1, CountWindow<2>, LoomLock>| {
            let circuit = pool.get(key);
            let ticket = circuit.admit(NOW).unwrap().ticket;
            circuit.fail(ticket, retry_core::Class::Server, NOW, None, 0);
            circuit.is_overflow()
        };
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || fail("a", &pool))
        };
        let overflow = fail("b", &pool);
        let overflows = u64::from(overflow) + u64::from(other.join().unwrap());
        let counts = pool.counts();
        assert_eq!((counts.kept, counts.overflowed), (1, overflows));
        assert_eq!(counts.evicted + counts.overflowed, 1);
        assert!(
            pool.iter().all(|(_, phase)| phase == Phase::Closed),
            "no circuit got the failure of another key"
        );
    });
}
