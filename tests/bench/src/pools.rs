//! Lookups in a pool of many circuits, and in a map of the standard library. The keys are as long as host names, in an
//! order that differs from that in memory.

use std::collections::HashMap;
use std::hint::black_box;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, RwLock};
use std::time::Instant;

use retry_core::{CircuitConfig, CircuitPool, SharedCircuit};

const CIRCUITS: usize = 100_000;
const LOOKUPS: usize = 2_000;
const ROUNDS: usize = 500;
const LENGTH: usize = 32;

pub(crate) struct Hosts {
    pool: CircuitPool,
    /// All keys in the order of their lookups, in one string, so that reading a key is cheap.
    keys: String,
}

impl Hosts {
    pub(crate) fn new(circuits: usize) -> Self {
        let pool = CircuitPool::new(circuits, CircuitConfig::DEFAULT);
        (0..circuits).for_each(|i| drop(pool.get(&name(i))));
        assert_eq!(pool.counts().kept, circuits);
        Self { pool, keys: (0..circuits).map(|i| name(i * 61_027 % circuits)).collect() }
    }

    pub(crate) fn look_up(&self, count: u64) {
        let keys = self.keys.len() / LENGTH;
        for i in 0..usize::try_from(count).unwrap_or(usize::MAX) {
            black_box(&self.pool.get(self.key(i % keys)));
        }
    }

    fn key(&self, i: usize) -> &str {
        &self.keys[i * LENGTH..(i + 1) * LENGTH]
    }

    /// Returns the nanoseconds of wall time per lookup, if each of `threads` threads looks up `keys` keys in turn.
    ///
    /// It is the best of many short rounds in which all threads ran at the same time, or `None` if there was no such
    /// round.
    fn best(&self, threads: usize, keys: usize, look_up: impl Fn(&str) + Sync) -> Option<f64> {
        let arrived = AtomicUsize::new(0);
        let (arrived, look_up) = (&arrived, &look_up);
        let rounds = |thread: usize| -> Vec<Range<Instant>> {
            let mut next = thread * keys / threads;
            let mut round = |round: usize| {
                arrived.fetch_add(1, Relaxed);
                while arrived.load(Relaxed) < (round + 1) * threads {
                    std::thread::yield_now();
                }
                let start = Instant::now();
                for _ in 0..LOOKUPS {
                    look_up(self.key(next));
                    next = if next + 1 == keys { 0 } else { next + 1 };
                }
                start..Instant::now()
            };
            (0..ROUNDS).map(&mut round).collect()
        };
        let times: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || rounds(thread))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        let round = |round: usize| {
            let times = times.iter().map(|times| &times[round]);
            let (first, last) =
                (times.clone().map(|time| time.start).min()?, times.clone().map(|time| time.end).max()?);
            let slowest = times.map(|time| time.end - time.start).max()?;
            (last - first <= slowest + slowest / 8).then_some(slowest)
        };
        let best = (0..ROUNDS).filter_map(round).min()?;
        Some(best.as_secs_f64() * 1e9 / LOOKUPS as f64)
    }
}

pub(crate) fn run() {
    let hosts = Hosts::new(CIRCUITS);
    let map = || Arc::new(SharedCircuit::new(CircuitConfig::DEFAULT));
    let map: RwLock<HashMap<String, _>> = RwLock::new((0..CIRCUITS).map(|i| (name(i), map())).collect());
    let in_pool = |key: &str| drop(black_box(hosts.pool.get(key)));
    let in_map = |key: &str| drop(black_box(map.read().map(|map| map.get(key).cloned())));

    println!("| per lookup, 100,000 circuits | 1 thread | 2 threads | map, 1 thread | map, 2 threads |");
    println!("|---|---|---|---|---|");
    for (keys, what) in [(CIRCUITS, "all in turn"), (1_000, "1,000 in turn"), (1, "always the same one")] {
        print!("| {what} |");
        for threads in [1, 2] {
            print!(" {} |", shown(hosts.best(threads, keys, in_pool)));
        }
        for threads in [1, 2] {
            print!(" {} |", shown(hosts.best(threads, keys, in_map)));
        }
        println!();
    }
}

fn shown(best: Option<f64>) -> String {
    best.map_or("not measured".into(), |nanos| format!("{nanos:.1} ns"))
}

fn name(i: usize) -> String {
    format!("host-{i:06}.eu-west-1.my.example")
}
