//! The simulation behind "Exponential Backoff And Jitter": clients that update one row with optimistic locking,
//! and wait by our delays when another was faster.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use rand_core::Rng;
use retry_core::{Backoff, Call, Class, Instant, Jitter, Policy, Verdict};
use serde_json::Value;

use crate::draw;
use crate::json::{Fields, Ms, Replayed, fail, replay};
use crate::machine::policy;
use crate::outcome::Outcome;

/// How often the simulation is run. The peer's means are of `trials` runs.
const RUNS: u32 = 100;

pub(crate) fn cases(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let (given, expect) = (case.fields("given")?, case.fields("expect")?);
        let trials: u32 = expect.get("trials")?;
        let number = |key| expect.get::<f64>(key);
        let (calls, calls_deviation) = (number("mean_calls")?, number("sd_calls")?);
        let (time, time_deviation) = (number("mean_time_ms")?, number("sd_time_ms")?);

        let simulation = Simulation {
            clients: given.get::<u32>("clients")? as usize,
            network: Network { mean: given.get("net_mean_ms")?, deviation: given.get("net_sd_ms")? },
            policy: strategy(&given)?,
        };
        let mut rng = draw::generator();
        let mut sum = Totals { calls: 0, time: Duration::ZERO };
        for _ in 0..RUNS {
            let run = simulation.run(&mut rng)?;
            sum.calls += run.calls;
            sum.time += run.time;
        }
        // Two means of independent runs: four standard deviations of their difference.
        let within = |what: &str, ours: f64, theirs: f64, deviation: f64| {
            let bound = 4.0 * deviation * (1.0 / f64::from(RUNS) + 1.0 / f64::from(trials)).sqrt();
            Outcome::check((ours - theirs).abs() <= bound, || {
                format!("{what}: {ours:.2} for {theirs}, more than {bound:.2} apart")
            })
        };
        let runs = f64::from(RUNS);
        Ok(within("mean calls", f64::from(sum.calls) / runs, calls, calls_deviation).and(within(
            "mean time in ms",
            sum.time.as_secs_f64() * 1e3 / runs,
            time,
            time_deviation,
        )))
    })
}

/// Their first delay is for exponent 1, ours for exponent 0 of the same curve.
fn strategy(given: &Fields<'_>) -> Replayed<Policy> {
    let (Ms(base), Ms(cap)) = (given.get("base_ms")?, given.get("cap_ms")?);
    let exponential =
        |jitter| Ok(policy(Backoff::exponential(base.saturating_mul(2)), Some(cap))?.jitter(jitter));
    match given.get("algorithm")? {
        "None" => policy(Backoff::fixed(Duration::ZERO), Some(cap)),
        "Exponential" => exponential(Jitter::None),
        "FullJitter" => exponential(Jitter::Full),
        "EqualJitter" => exponential(Jitter::Equal),
        "Decorr" => Ok(policy(Backoff::fixed(base), Some(cap))?.jitter(Jitter::Decorrelated)),
        other => fail(format!("unknown algorithm: {other}")),
    }
}

struct Simulation {
    clients: usize,
    network: Network,
    policy: Policy,
}

struct Totals {
    calls: u32,
    time: Duration,
}

/// What reaches the server next, from which client.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Request {
    Read,
    /// With the version that was read.
    Write(u32),
}

impl Simulation {
    /// One run: how often all clients together wrote, and when the last knew that it had succeeded.
    fn run(&self, rng: &mut impl Rng) -> Replayed<Totals> {
        let mut calls: Vec<_> = (0..self.clients).map(|_| Call::new(&self.policy, Instant::ORIGIN)).collect();
        let mut queue = BinaryHeap::new();
        for client in 0..self.clients {
            queue.push(Reverse((Instant::ORIGIN.after(self.network.delay(rng)), client, Request::Read)));
        }
        let (mut version, mut writes, mut end) = (0, 0, Instant::ORIGIN);
        while let Some(Reverse((now, client, request))) = queue.pop() {
            let (next, request) = match request {
                Request::Read => {
                    let there_and_back = self.network.delay(rng).saturating_add(self.network.delay(rng));
                    (now.after(there_and_back), Request::Write(version))
                }
                Request::Write(read) => {
                    writes += 1;
                    let answered = now.after(self.network.delay(rng));
                    let Ok(attempt) = calls[client].attempt(answered) else {
                        return fail("rejected without a circuit");
                    };
                    if read == version {
                        attempt.succeed(answered);
                        version += 1;
                        end = end.max(answered);
                        continue;
                    }
                    match attempt.fail(Class::Transient, answered, rng) {
                        Verdict::Retry(delay) => {
                            (answered.after(delay).after(self.network.delay(rng)), Request::Read)
                        }
                        end => return fail(end.to_string()),
                    }
                }
            };
            queue.push(Reverse((next, client, request)));
        }
        Ok(Totals { calls: writes, time: end.since(Instant::ORIGIN) })
    }
}

/// Delays of normal distribution, in milliseconds, their sign dropped.
struct Network {
    mean: f64,
    deviation: f64,
}

impl Network {
    fn delay(&self, rng: &mut impl Rng) -> Duration {
        // Box and Muller; the first draw is above 0, so that its logarithm is finite.
        let mut draw = || (rng.next_u64() >> 11) as f64 / 2_f64.powi(53);
        let (radius, angle) = ((-2.0 * (1.0 - draw()).ln()).sqrt(), std::f64::consts::TAU * draw());
        let ms = (self.mean + self.deviation * radius * angle.cos()).abs();
        Duration::try_from_secs_f64(ms / 1e3).unwrap_or(Duration::MAX)
    }
}
