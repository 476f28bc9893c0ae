//! The retry throttle of gRFC A6.

use harness::claims::Claims;
use retry_core::budget::RetryThrottle;
use retry_core::runtime::Clock;
use retry_tokio::Tokio;
use tonic::Code;

use super::{ANY_PORT, QUICK, stock};
use crate::Result;
use crate::server::{Answer, Running, Script};

/// A channel has 10 tokens. A failure takes one, a success earns a tenth, and above 5 tokens there are retries.
pub async fn throttle(claims: &mut Claims) -> Result<()> {
    let script = Script::default();
    let server = Running::start(&script, ANY_PORT)?;
    let stock = stock(server.address, QUICK, RetryThrottle::GRPC)?;
    let other_channel = super::stock(server.address, QUICK, RetryThrottle::GRPC)?;
    script.set("down", &[Answer::Fail(Code::Unavailable, None)]);
    script.set("missing", &[Answer::Fail(Code::NotFound, None)]);

    for _ in 0..50 {
        _ = stock.count("missing").await;
    }
    let held = stock.throttle().held_thousandths(Tokio.now());
    claims.check(
        held == 10_000,
        format_args!("50 answers NOT_FOUND took no token: {held} thousandths are left"),
    );

    let mut without_tokens = 0;
    for _ in 0..20 {
        let error = stock.clone().count("down").await.err().ok_or("a call that the server fails")?;
        without_tokens += u32::from(error.is_budget_empty());
    }
    let sent = script.seen("down").len();
    claims.check(
        sent == 23 && without_tokens == 19,
        format_args!("20 calls of 4 attempts each sent {sent} requests instead of 80; {without_tokens} ended for the throttle"),
    );

    script.set("down, other channel", &[Answer::Fail(Code::Unavailable, None)]);
    _ = other_channel.count("down, other channel").await;
    let sent = script.seen("down, other channel").len();
    claims.check(
        sent == 4,
        format_args!("another channel has its own throttle: its call sent {sent} requests"),
    );

    let mut successes = 0;
    while !stock.throttle().grants_retries(Tokio.now()) && successes < 1_000 {
        stock.count("apple").await?;
        successes += 1;
    }
    claims
        .check(successes == 51, format_args!("retries are granted again after {successes} successful calls"));
    script.set("flaky", &[Answer::Fail(Code::Unavailable, None), Answer::Amount(7)]);
    let error = stock.count("flaky").await.err().ok_or("a failure that uses up the tokens again")?;
    claims.check(error.is_budget_empty(), format_args!("one failure later they are not: {error}"));
    Ok(())
}
