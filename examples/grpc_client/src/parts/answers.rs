//! What the server answers: codes, trailers and pushback.

use core::time::Duration;

use harness::claims::Claims;
use harness::counted;
use retry_core::policy::Hints;
use retry_core::{Jitter, Policy};
use tonic::Code;

use super::{ANY_PORT, QUICK, WIDE, ms, stock};
use crate::Result;
use crate::server::{Answer, Running, Script};

const CODES: [(Code, &str); 16] = [
    (Code::Cancelled, "retried"),
    (Code::Unknown, "retried"),
    (Code::InvalidArgument, "final"),
    (Code::DeadlineExceeded, "retried"),
    (Code::NotFound, "final"),
    (Code::AlreadyExists, "final"),
    (Code::PermissionDenied, "final"),
    (Code::ResourceExhausted, "retried"),
    (Code::FailedPrecondition, "final"),
    (Code::Aborted, "retried"),
    (Code::OutOfRange, "final"),
    (Code::Unimplemented, "final"),
    (Code::Internal, "retried"),
    (Code::Unavailable, "retried"),
    (Code::DataLoss, "final"),
    (Code::Unauthenticated, "final"),
];

/// Each code of gRPC: those that may pass are retried, and an order is retried for none of them.
pub async fn codes(claims: &mut Claims) -> Result<()> {
    let script = Script::default();
    let server = Running::start(&script, ANY_PORT)?;
    let stock = stock(server.address, QUICK, WIDE)?;
    let (mut as_said, mut orders) = (0, 0);
    for (code, meaning) in CODES {
        let (read, order) = (format!("read {code:?}"), format!("order {code:?}"));
        script.set(&read, &[Answer::Fail(code, None)]);
        script.set(&order, &[Answer::Fail(code, None)]);
        let error = stock.count(&read).await.err().ok_or("a call that the server fails")?;
        _ = stock.order(&order, 1).await;
        let attempts = script.seen(&read).len();
        as_said += u32::from(attempts == if meaning == "retried" { 4 } else { 1 });
        orders += script.seen(&order).len();
        let class = error.class().map_or(String::new(), |class| class.to_string());
        println!("  {:<18} {class:<13} {meaning:<8} {}", format!("{code:?}"), counted(attempts, "attempt"));
    }
    claims.check(as_said == 16, format_args!("{as_said} of 16 codes are retried as the table says"));
    claims.check(
        orders == 16,
        format_args!("16 orders that the server failed were sent {}", counted(orders, "time")),
    );

    script.set("flaky", &[Answer::Fail(Code::Unavailable, None), Answer::Amount(7)]);
    let count = stock.count("flaky").await?;
    let previous: Vec<_> = script.seen("flaky").iter().map(|seen| seen.previous).collect();
    claims.check(
        count == 7 && previous == [0, 1],
        format_args!("the server was told how many attempts came before: {previous:?}"),
    );
    Ok(())
}

/// A stream may fail before, after and amid its messages. All of it is read again.
pub async fn streams(claims: &mut Claims) -> Result<()> {
    let script = Script::default();
    let server = Running::start(&script, ANY_PORT)?;
    let stock = stock(server.address, QUICK, WIDE)?;
    let rows = [
        ("trailers only", Answer::Fail(Code::Unavailable, None)),
        ("trailers after two messages", Answer::FailInTrailers(Code::Unavailable)),
    ];
    for (sku, fault) in rows {
        script.set(sku, &[fault, fault, Answer::Amount(5)]);
        let amounts = stock.list(sku).await?;
        let attempts = script.seen(sku).len();
        claims.check(
            amounts == [1, 2, 3, 4, 5] && attempts == 3,
            format_args!(
                "{sku}: read again, {} after {}",
                counted(amounts.len(), "amount"),
                counted(attempts, "attempt")
            ),
        );
    }
    script.set("final", &[Answer::FailInTrailers(Code::DataLoss)]);
    let error = stock.list("final").await.err().ok_or("a stream that the server fails")?;
    claims.check(error.attempts() == 1, format_args!("a final code in the trailers ended the call: {error}"));
    Ok(())
}

/// The server decides when the next attempt begins, or that there is none. The backoff alone would be 3 s.
pub async fn pushback(claims: &mut Claims) -> Result<()> {
    const BACKOFF: Duration = Duration::from_secs(3);
    const SLOW: Policy = Policy::fixed(BACKOFF)
        .jitter(Jitter::None)
        .max_attempts(4)
        .hints(Hints::Exact)
        .max_hint(Duration::from_secs(10));

    let script = Script::default();
    let server = Running::start(&script, ANY_PORT)?;
    let stock = stock(server.address, SLOW, WIDE)?;
    for (value, wait) in [("0", ms(0)), ("300", ms(300))] {
        script.set(value, &[Answer::Fail(Code::Unavailable, Some(value)), Answer::Amount(7)]);
        let count = stock.count(value).await?;
        let gaps = script.gaps(value);
        let as_asked = matches!(gaps[..], [gap] if gap >= wait && gap < BACKOFF);
        claims.check(
            count == 7 && as_asked,
            format_args!(
                "grpc-retry-pushback-ms: {value:<7} the next attempt came after {} ms",
                gaps.first().map_or(0, Duration::as_millis)
            ),
        );
    }
    for value in ["-1", "soon", "86400000"] {
        script.set(value, &[Answer::Fail(Code::Unavailable, Some(value))]);
        let error = stock.count(value).await.err().ok_or("a call that the server fails")?;
        claims.check(
            error.attempts() == 1 && script.seen(value).len() == 1,
            format_args!("grpc-retry-pushback-ms: {value:<9} {error}"),
        );
    }
    Ok(())
}
