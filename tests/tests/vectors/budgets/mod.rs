//! Budgets of all the peers. Here is what their replays share: how ours are told and what is compared.

mod aws;
mod envoy;
mod failsafe_go;
mod finagle;
mod grpc;

use std::time::Duration;

use retry_core::{
    Class, Instant, SharedBudget,
    budget::{AdaptiveThrottle, Budget, Deposit, Price, Request},
    runtime::LocalLock,
    testing::FakeClock,
};

use crate::json::{Fields, Ms, Replayed, Secs, Typed, fail};
use crate::outcome::Outcome;

pub(crate) use aws::token_bucket as aws_token_bucket;
pub(crate) use envoy::cases as envoy;
pub(crate) use failsafe_go::cases as failsafe_go;
pub(crate) use finagle::{cases as finagle, tower as tower_tps_budget};
pub(crate) use grpc::{cases as grpc, retry_throttle};

/// How far a float of the peer's may be off.
const PRECISION: f64 = 1e-6;

pub(crate) type Shared<B> = SharedBudget<B, LocalLock>;

const FREE: Price = Price(0);
/// In millionths.
const TOKEN: u64 = 1_000_000;
const START: Deposit = Deposit::Started { first: true };
const RESTART: Deposit = Deposit::Started { first: false };

fn asked(class: Class) -> Request {
    Request::new(class, 1, 0)
}

fn succeeded(price: Price) -> Deposit {
    Deposit::Succeeded { first: false, price }
}

fn failed(price: Price) -> Deposit {
    let class = Class::Server;
    Deposit::Failed { class, price }
}

fn given_back(price: Price) -> Deposit {
    let started = true;
    Deposit::Cancelled { started, price }
}

/// Compares with what is expected under a key, if anything is.
fn same<'a, T: Typed<'a> + PartialEq + std::fmt::Debug>(
    expect: &Fields<'a>,
    key: &str,
    ours: impl FnOnce() -> T,
) -> Replayed {
    Ok(match expect.find::<T>(key)? {
        Some(theirs) => Outcome::same(key, ours(), theirs),
        None => Outcome::Pass,
    })
}

/// The same for a float, which may be off by this much.
fn near(expect: &Fields<'_>, key: &str, off: f64, ours: impl FnOnce() -> f64) -> Replayed {
    let Some(theirs) = expect.find::<f64>(key)? else {
        return Ok(Outcome::Pass);
    };
    let ours = ours();
    Ok(Outcome::check((ours - theirs).abs() <= off, || format!("{key}: {ours} for {theirs}")))
}

/// A clock as a case begins.
fn clock(case: &Fields<'_>) -> Replayed<FakeClock> {
    let clock = FakeClock::new();
    if let Some(Ms(start)) = case.find("start_epoch_ms")? {
        clock.advance(start);
    }
    Ok(clock)
}

/// The time that a step takes, if it is one that takes time.
fn passes(step: &Fields<'_>) -> Replayed<Option<Duration>> {
    Ok(match step.get("op")? {
        "advance" => Some(step.get::<Ms>("ms")?.0),
        "advance_s" => Some(step.get::<Secs>("s")?.0),
        _ => None,
    })
}

/// A number that can be written as a whole one.
fn whole(number: f64) -> Option<u32> {
    number.to_string().parse().ok()
}

/// A throttle that has seen so much.
fn throttled(rules: AdaptiveThrottle, requests: u64, accepts: u64) -> Replayed<Shared<AdaptiveThrottle>> {
    let budget = Shared::with_lock(rules);
    let Some(rejects) = requests.checked_sub(accepts) else {
        return fail(format!("{accepts} accepts of {requests} requests"));
    };
    (0..accepts).for_each(|_| budget.deposit(succeeded(FREE), Instant::ORIGIN));
    (0..rejects).for_each(|_| budget.deposit(failed(FREE), Instant::ORIGIN));
    Ok(budget)
}

fn probability(budget: &Shared<AdaptiveThrottle>) -> f64 {
    budget.rejection_probability(Instant::ORIGIN) as f64 / 2_f64.powi(32)
}
