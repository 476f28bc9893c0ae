//! gRPC's calls against a server that answers by a script, retried by a policy and perhaps under a throttle.

use std::collections::BTreeSet;

use retry_core::{
    Backoff, Call, Class, Policy, Verdict,
    budget::{Budget, NoBudget},
    circuit::NoCircuit,
    testing::FakeClock,
};

use crate::budgets;
use crate::json::{Fields, Ms, Replayed, fail};
use crate::machine::{built, fail_once, policy};
use crate::outcome::Outcome;

pub(crate) fn calls(case: &Fields<'_>) -> Replayed {
    let config = case.fields("config")?;
    let Ms(backoff) = config.get("backoff_ms")?;
    let policy = policy(Backoff::fixed(backoff), None)?;
    let policy = built(policy.try_max_attempts(config.get("max_attempts")?))?;
    let retryable = config.find("retryable")?.unwrap_or_else(|| vec!["UNAVAILABLE"]);
    let server = Server::parse(case.fields("given")?.get("server")?)?;
    if config.has("max_tokens") {
        let budget = budgets::retry_throttle(&config)?;
        made(case, &policy, &budget, &retryable, &server)
    } else {
        made(case, &policy, &NoBudget, &retryable, &server)
    }
}

fn made<B: Budget>(
    case: &Fields<'_>,
    policy: &Policy,
    budget: &B,
    retryable: &[&str],
    server: &Server<'_>,
) -> Replayed {
    let (clock, mut next) = (FakeClock::new(), 0);
    let mut outcome = Outcome::Pass;
    for step in case.list("steps")? {
        match step.get("op")? {
            "call" => {}
            other => return fail(format!("unknown op: {other}")),
        }
        let mut call = Call::new(policy, clock.now()).budget(budget);
        let ours = loop {
            let status = server.answer(next);
            next += 1;
            if status == "OK" {
                succeed(&mut call, &clock)?;
                break status;
            }
            // What is not retried says nothing against the server, so the throttle does not count it.
            let class = if retryable.contains(&status) { Class::Server } else { Class::Permanent };
            match fail_once(&mut call, class, &clock, 0)? {
                Verdict::Retry(delay) => clock.advance(delay),
                Verdict::GiveUp(_) | Verdict::Rejected(_) => break status,
            }
        };
        let expect = step.fields("expect")?;
        outcome = outcome.and(Outcome::same("final", ours, expect.get("final")?));
        if let Some(theirs) = expect.find::<u64>("server_attempt_index_after")? {
            outcome = outcome.and(Outcome::same("last attempt", next - 1, theirs));
        }
    }
    Ok(outcome)
}

fn succeed<B: Budget>(call: &mut Call<&Policy, NoCircuit, B>, clock: &FakeClock) -> Replayed<()> {
    match call.attempt(clock.now()) {
        Ok(attempt) => {
            attempt.succeed(clock.now());
            Ok(())
        }
        Err(rejected) => fail(format!("rejected without a circuit: {rejected}")),
    }
}

/// Which attempt, of all that reach it, gets which status.
struct Server<'a> {
    listed: Vec<(BTreeSet<u64>, &'a str)>,
    others: &'a str,
}

impl<'a> Server<'a> {
    /// `i in {0,2} OK; i in {6} INTERNAL; else ALREADY_EXISTS`, or
    /// `attempt index i succeeds when i in {0,3}, else UNAVAILABLE`.
    fn parse(text: &'a str) -> Replayed<Self> {
        let parse = || {
            let (lists, others) = text.rsplit_once("else ")?;
            let mut listed = Vec::new();
            let mut rest = lists;
            while let Some((before, after)) = rest.split_once('{') {
                let (numbers, after) = after.split_once('}')?;
                let numbers = numbers.split(',').map(|number| number.trim().parse().ok());
                let status = after.split([';', ',']).next()?.trim();
                let status = if status.is_empty() && before.contains("succeeds") { "OK" } else { status };
                listed.push((numbers.collect::<Option<_>>()?, is_status(status).then_some(status)?));
                rest = after;
            }
            Some(Self { listed, others: is_status(others.trim()).then_some(others.trim())? })
        };
        parse().map_or_else(|| fail(format!("unknown server: {text}")), Ok)
    }

    fn answer(&self, attempt: u64) -> &'a str {
        let listed = self.listed.iter().find(|(attempts, _)| attempts.contains(&attempt));
        listed.map_or(self.others, |(_, status)| status)
    }
}

fn is_status(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}
