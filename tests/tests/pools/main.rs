//! Pools of circuits: which circuits they keep, which they evict, and when a key has no circuit.

mod flood;
mod forget;
mod keys;
mod operations;
mod pressure;
mod reconfigure;
mod renewed;
mod threads;

use std::sync::Arc;

use proptest::prelude::*;
use retry_core::{
    CircuitConfig, CircuitPool, Class, Instant, Policy, Retry,
    circuit::{CountWindow, Gate, Phase},
    observe::Event,
    pool::{FixedCircuit, FixedCircuitPool, OwnedCircuit, PoolCounts, PooledCircuit},
    runtime::LocalLock,
    testing::FakeClock,
};
use tests::secs;

fn at(secs: u64) -> Instant {
    Instant::from_millis(secs * 1_000)
}

const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(3).open_for(secs(30));

type Large = CircuitPool<CountWindow<10>>;
type Small<const N: usize> = FixedCircuitPool<N, CountWindow<10>, LocalLock>;

/// A large pool. Its handles own a reference to the pool.
struct Shared(Arc<Large>);

impl Shared {
    fn new(pool: Large) -> Self {
        Self(Arc::new(pool))
    }
}

/// The methods of all kinds of pools.
trait Pool {
    type Circuit<'p>: Circuit
    where
        Self: 'p;
    fn circuit(&self, key: &str) -> Self::Circuit<'_>;
    fn counts(&self) -> PoolCounts;
    fn keys(&self) -> Vec<(String, Phase)>;
}

trait Circuit: Gate {
    fn phase(&self) -> Phase;
    fn is_overflow(&self) -> bool;
}

impl Pool for Large {
    type Circuit<'p> = PooledCircuit<'p, CountWindow<10>>;
    fn circuit(&self, key: &str) -> Self::Circuit<'_> {
        self.get(key)
    }
    fn counts(&self) -> PoolCounts {
        self.counts()
    }
    fn keys(&self) -> Vec<(String, Phase)> {
        let mut keys: Vec<_> = self.iter().map(|circuit| (circuit.name(), circuit.phase())).collect();
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        keys
    }
}

impl Circuit for PooledCircuit<'_, CountWindow<10>> {
    fn phase(&self) -> Phase {
        self.phase()
    }
    fn is_overflow(&self) -> bool {
        self.is_overflow()
    }
}

impl Pool for Shared {
    type Circuit<'p> = OwnedCircuit<CountWindow<10>>;
    fn circuit(&self, key: &str) -> Self::Circuit<'_> {
        self.0.get_owned(key)
    }
    fn counts(&self) -> PoolCounts {
        self.0.counts()
    }
    fn keys(&self) -> Vec<(String, Phase)> {
        Pool::keys(&*self.0)
    }
}

impl Circuit for OwnedCircuit<CountWindow<10>> {
    fn phase(&self) -> Phase {
        self.phase()
    }
    fn is_overflow(&self) -> bool {
        self.is_overflow()
    }
}

impl<const N: usize> Pool for Small<N> {
    type Circuit<'p> = FixedCircuit<'p, N, CountWindow<10>, LocalLock>;
    fn circuit(&self, key: &str) -> Self::Circuit<'_> {
        self.get(key)
    }
    fn counts(&self) -> PoolCounts {
        self.counts()
    }
    fn keys(&self) -> Vec<(String, Phase)> {
        let mut keys: Vec<_> = self.iter().map(|(key, phase)| (key.to_string(), phase)).collect();
        keys.sort_by(|a, b| a.0.cmp(&b.0));
        keys
    }
}

impl<const N: usize> Circuit for FixedCircuit<'_, N, CountWindow<10>, LocalLock> {
    fn phase(&self) -> Phase {
        self.phase()
    }
    fn is_overflow(&self) -> bool {
        self.is_overflow()
    }
}

fn fail(circuit: &impl Gate, times: u32, now: Instant) {
    for _ in 0..times {
        let ticket = circuit.admit(now).expect("admitted").ticket;
        circuit.fail(ticket, Class::Server, now, None, 0);
    }
}

fn succeed(circuit: &impl Gate, now: Instant) {
    let ticket = circuit.admit(now).expect("admitted").ticket;
    circuit.succeed(ticket, now);
}

#[test]
fn each_key_has_one_circuit_of_its_own() {
    fn check(pool: &impl Pool) {
        fail(&pool.circuit("a"), 3, at(0));
        fail(&pool.circuit("b"), 2, at(0));
        fail(&pool.circuit("b"), 1, at(0));
        succeed(&pool.circuit("c"), at(0));
        let (a, b, c) = ("a".to_owned(), "b".to_owned(), "c".to_owned());
        assert_eq!(pool.keys(), [(a, Phase::Open), (b, Phase::Open), (c, Phase::Closed)]);
        assert!(pool.circuit("a").admit(at(29)).is_err());
        assert!(pool.circuit("c").admit(at(29)).is_ok());
        assert_eq!((pool.counts().evicted, pool.counts().overflowed), (0, 0));
    }
    check(&Large::with_window(3, CONFIG));
    check(&Shared::new(Large::with_window(3, CONFIG)));
    check(&Small::<3>::with_window(CONFIG));
}

#[test]
fn blocking_and_spawned_calls_use_the_pool_and_events_contain_the_key() {
    static HOSTS: std::sync::LazyLock<CircuitPool> =
        std::sync::LazyLock::new(|| CircuitPool::new(10, CONFIG));
    static SENSORS: FixedCircuitPool<4> = FixedCircuitPool::new(CONFIG);

    let keys = std::sync::Mutex::new(Vec::new());
    let log = |event: &Event| keys.lock().unwrap().push(event.to_string());
    let clock = FakeClock::new();
    let host = HOSTS.get("a.example.com");
    let retry = Retry::new(&Policy::DEFAULT, &clock).named("read").on_event(log);
    let read = retry.by_ref().circuit(&host).keyed(&host);
    read.run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    let sensor = SENSORS.get("boiler");
    retry.circuit(&sensor).keyed(&sensor).run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    assert_eq!((HOSTS.get("a.example.com").phase(), sensor.phase()), (Phase::Open, Phase::Open));
    let lines = keys.into_inner().unwrap();
    for line in ["read[a.example.com]: closed -> open", "read[boiler]: closed -> open"] {
        assert_eq!(lines.iter().filter(|other| other.starts_with(line)).count(), 1, "{lines:?}");
    }

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let task = runtime.spawn(async {
        let host = HOSTS.get("b.example.com");
        let retry = retry_tokio::retry(&Policy::DEFAULT).keyed(&host);
        retry.by_ref().circuit(&host).run(|| async { Ok::<_, Class>(7) }).await.unwrap();
        let sensor = SENSORS.get("boiler");
        sensor.force_open(at(0)); // with another clock than above
        retry.circuit(&sensor).run(|| async { Ok::<_, Class>(7) }).await
    });
    assert!(runtime.block_on(task).unwrap().unwrap_err().is_circuit_open());
}

#[test]
fn an_invalid_pool_is_an_error() {
    let rows = [
        (Large::try_with_window(0, CONFIG).err(), "capacity = 0: must be from 1 to a billion"),
        (
            Large::try_with_window(5, CONFIG.window(11)).err(),
            "window = 11: must be at most 10, what its type holds",
        ),
        (Small::<0>::try_with_window(CONFIG).err(), "N = 0: must be at least 1"),
        (
            Small::<5>::try_with_window(CONFIG.window(11)).err(),
            "window = 11: must be at most 10, what its type holds",
        ),
    ];
    for (error, line) in rows {
        assert_eq!(error.unwrap().to_string(), line);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// If all keys fit, a pool behaves like a map.
    #[test]
    fn a_pool_with_space_behaves_like_a_map(
        steps in prop::collection::vec((0_u32..3, 0_u32..60), 0..400),
        capacity in 60_usize..1_000,
    ) {
        let pool = Large::with_window(capacity, CONFIG);
        let mut model = std::collections::BTreeMap::new();
        for (what, number) in steps {
            let key = format!("{number}");
            match what {
                0 => {
                    let failures = model.entry(key.clone()).or_insert(0_u32);
                    if *failures < 3 {
                        *failures += 1;
                        fail(&pool.get(&key), 1, at(0));
                    }
                }
                1 => prop_assert_eq!(pool.forget(&key), model.remove(&key).is_some()),
                _ => {
                    let phase = |failures: &u32| if *failures == 3 { Phase::Open } else { Phase::Closed };
                    prop_assert_eq!(pool.peek(&key).map(|circuit| circuit.phase()), model.get(&key).map(phase));
                }
            }
            prop_assert_eq!(pool.counts().kept, model.len());
        }
        let keys: Vec<_> = pool.keys().into_iter().map(|(key, _)| key).collect();
        prop_assert_eq!(keys, model.into_keys().collect::<Vec<_>>());
        prop_assert_eq!((pool.counts().evicted, pool.counts().overflowed), (0, 0));
    }
}
