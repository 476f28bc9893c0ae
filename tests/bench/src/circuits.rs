//! Circuits, and calls through them.

use std::future::ready;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use retry_core::{
    Call, CircuitConfig, Class, Instant, SharedBudget, SharedCircuit, TokenBucket, circuit::Gate, retry,
};

use crate::calls::{POLICY, operation};
use crate::pools::Hosts;

static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);

/// One admission and its success. It uses only one bit of each result, so that copying the results is not measured.
#[inline(always)]
pub(crate) fn succeed(circuit: &SharedCircuit) {
    if let Ok(admission) = circuit.admit(|| Instant::ORIGIN) {
        black_box(circuit.succeed(admission.ticket, || Instant::ORIGIN).is_some());
    }
}

pub(crate) fn health_check_passed(count: u64) {
    for _ in 0..count {
        succeed(&CIRCUIT);
    }
}

pub(crate) fn busy(count: u64) {
    for i in 0..count {
        match CIRCUIT.admit(|| Instant::ORIGIN) {
            Ok(admission) if i % 100 == 0 => {
                black_box(
                    CIRCUIT.fail(admission.ticket, Class::Network, Instant::ORIGIN, None, 0).next.is_ok(),
                );
            }
            Ok(admission) => {
                black_box(CIRCUIT.succeed(admission.ticket, || Instant::ORIGIN).is_some());
            }
            Err(_) => unreachable!("1 % of failures does not open it"),
        }
    }
}

pub(crate) fn rejected(count: u64) {
    CIRCUIT.trip(Duration::from_secs(30), Instant::ORIGIN);
    let now = black_box(Instant::from_millis(1));
    for _ in 0..count {
        black_box(CIRCUIT.admit(now).is_err());
    }
}

pub(crate) fn blocking_healthy(count: u64) {
    let retry = retry(&POLICY).circuit(&CIRCUIT);
    for i in 0..count {
        black_box(retry.run_blocking(|| operation(i)).is_ok());
    }
}

pub(crate) fn async_healthy(count: u64) {
    let retry = retry_tokio::retry(&POLICY).circuit(&CIRCUIT);
    for i in 0..count {
        let call = pin!(retry.run(|| ready(operation(i))));
        black_box(call.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}

pub(crate) fn by_hand_healthy(count: u64) {
    for _ in 0..count {
        let mut call = Call::new(&POLICY, Instant::ORIGIN).circuit(&CIRCUIT);
        if let Ok(attempt) = call.attempt(Instant::ORIGIN) {
            black_box(());
            attempt.succeed(Instant::ORIGIN);
        }
    }
}

pub(crate) fn pool(count: u64) {
    Hosts::new(1_000).look_up(count);
}

/// Calls that are cancelled, give up and are rejected, while their circuit opens and closes.
pub(crate) fn ends(count: u64) {
    const ONE: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(Duration::ZERO);
    let circuit: &SharedCircuit = &SharedCircuit::new(ONE);
    let budget: &SharedBudget<TokenBucket> = &SharedBudget::new(TokenBucket::AWS.capacity(0));
    let now = black_box(Instant::from_millis(1));
    let call = || Call::new(&POLICY, now).circuit(circuit).budget(budget);
    for _ in 0..count {
        drop(call().attempt(now)); // cancelled
        if let Ok(attempt) = call().attempt(now) {
            let _ = black_box(attempt.fail(Class::Network, now, &mut Pcg64Mcg::new(7))); // given up, and the circuit opens
        }
        circuit.force_open(now);
        black_box(call().attempt(now).is_err()); // rejected
        circuit.reset(now);
    }
}
