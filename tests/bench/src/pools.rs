//! Lookups in a pool of many circuits: every key once in a round, in an order that has nothing to do with where they
//! are kept.

use std::hint::black_box;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use retry_core::{CircuitConfig, CircuitPool};

const CIRCUITS: usize = 100_000;
const LOOKUPS: usize = 2_000;
const ROUNDS: usize = 500;
/// As long as names of hosts are.
const LENGTH: usize = 32;

pub(crate) struct Hosts {
    pool: CircuitPool,
    /// One after the other, in shuffled order, so that reading a key costs next to nothing.
    keys: Vec<[u8; LENGTH]>,
}

impl Hosts {
    pub(crate) fn new() -> Self {
        let pool = CircuitPool::new(CIRCUITS, CircuitConfig::DEFAULT);
        let keys: Vec<_> = (0..CIRCUITS).map(|i| key(i * 61_027 % CIRCUITS)).collect();
        (0..CIRCUITS).for_each(|i| drop(pool.get(text(&key(i)))));
        assert_eq!(pool.counts().kept, CIRCUITS);
        Self { pool, keys }
    }

    pub(crate) fn look_up(&self, count: u64) {
        for key in self.keys.iter().cycle().take(usize::try_from(count).unwrap_or(usize::MAX)) {
            black_box(&self.pool.get(text(key)));
        }
    }

    /// Nanoseconds of wall time per lookup of these keys, by each of so many threads at once: the best of many short
    /// rounds, of those in which all threads ran at the same time.
    fn best(&self, threads: usize, keys: usize) -> f64 {
        let arrived = AtomicUsize::new(0);
        let rounds = &|thread: usize| -> Vec<Range<Instant>> {
            let mut next = thread * keys / threads;
            let mut round = |round: usize| {
                arrived.fetch_add(1, Relaxed);
                while arrived.load(Relaxed) < (round + 1) * threads {
                    std::thread::yield_now();
                }
                let start = Instant::now();
                for _ in 0..LOOKUPS {
                    black_box(&self.pool.get(text(&self.keys[next])));
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
        let best = (0..ROUNDS).filter_map(round).min().unwrap_or(Duration::MAX);
        best.as_secs_f64() * 1e9 / LOOKUPS as f64
    }
}

pub(crate) fn run() {
    let hosts = Hosts::new();
    println!("| per lookup, 100,000 circuits | 1 thread | 2 threads | ratio |");
    println!("|---|---|---|---|");
    for (keys, what) in [(CIRCUITS, "all in turn"), (1_000, "1,000 in turn"), (1, "always the same")] {
        let (one, two) = (hosts.best(1, keys), hosts.best(2, keys));
        println!("| {what} | {one:.1} ns | {two:.1} ns | {:.2} |", two / one);
    }
}

fn key(i: usize) -> [u8; LENGTH] {
    let mut key = *b"host-000000.eu-west-1.my.example";
    let mut rest = i;
    for digit in key[5..11].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    key
}

fn text(key: &[u8; LENGTH]) -> &str {
    std::str::from_utf8(key).unwrap_or("")
}
