//! Faults of servers and connections, and deadlines.

use core::time::Duration;

use harness::claims::Claims;
use harness::counted;
use harness::proxy::Proxy;
use harness::wait::came;
use retry_core::Policy;
use retry_core::runtime::Clock;
use retry_tokio::Tokio;
use tokio::time::{Instant, sleep};

use super::{ANY_PORT, QUICK, WIDE, ms, stock};
use crate::Result;
use crate::client::POLICY;
use crate::server::{Answer, Running, Script};

/// While the server is away, connections are refused. Both reads and orders wait for it.
pub async fn outage(claims: &mut Claims) -> Result<()> {
    const PATIENT: Policy = POLICY.max_attempts(30).total_timeout(Duration::from_secs(20));

    let script = Script::default();
    let server = Running::start(&script, ANY_PORT)?;
    let address = server.address;
    let stock = stock(address, PATIENT, WIDE)?;
    stock.count("apple").await?;

    script.set("pear", &[Answer::Hang, Answer::Amount(12)]);
    let read = tokio::spawn({
        let stock = stock.clone();
        async move { stock.count("pear").await }
    });
    script.until_seen("pear", 1).await;
    let killed = Instant::now();
    server.kill();
    // The failed read takes a token. So the client knows by then that the connection is lost.
    let noticed = came(async {
        while stock.throttle().held_thousandths(Tokio.now()) == WIDE.max_thousandths() {
            sleep(ms(1)).await;
        }
    });
    claims.check(noticed.await, "the client noticed that the server was killed");
    let order = tokio::spawn({
        let stock = stock.clone();
        async move { stock.order("plum", 3).await }
    });
    sleep(ms(400)).await;
    let server = Running::start(&script, address)?;
    let (read, order) = (read.await?, order.await?);
    claims.check(
        read.as_ref().is_ok_and(|count| *count == 12),
        format_args!("a read that was under way when the server was killed: {}", said(&read)),
    );
    let sent = script.seen("plum");
    claims.check(
        order.is_ok() && sent.len() == 1 && sent[0].previous > 0,
        format_args!(
            "an order while the server was away: {}, received {}, after {} that were refused",
            said(&order),
            counted(sent.len(), "time"),
            counted(sent.first().map_or(0, |seen| seen.previous), "attempt")
        ),
    );
    println!("         both were done {} ms after the server was killed", killed.elapsed().as_millis());

    let orders = tokio::spawn({
        let stock = stock.clone();
        async move {
            let mut accepted = Vec::new();
            for number in 0..200 {
                accepted.push(stock.order(&format!("order {number}"), 1).await.is_ok());
            }
            accepted
        }
    });
    script.until_seen("order 20", 1).await;
    server.stop().await;
    let _server = Running::start(&script, address)?;
    let accepted = orders.await?;
    let accepted = accepted.iter().filter(|accepted| **accepted).count();
    let once = (0..200).filter(|number| script.seen(&format!("order {number}")).len() == 1).count();
    claims.check(
        accepted == 200 && once == 200,
        format_args!("200 orders, while the server was stopped in good order: {accepted} accepted, {once} received once"),
    );
    Ok(())
}

/// The proxy cuts the connection after the server has begun. The server may have acted, so only reads are sent again.
pub async fn cut(claims: &mut Claims) -> Result<()> {
    let script = Script::default();
    let server = Running::start(&script, ANY_PORT)?;
    let proxy = Proxy::start(server.address).await?;
    let stock = stock(proxy.address, QUICK, WIDE)?;

    script.set("read", &[Answer::Hang, Answer::Amount(7)]);
    let (count, ()) = tokio::join!(stock.count("read"), async {
        script.until_seen("read", 1).await;
        proxy.cut();
    });
    let sent = script.seen("read").len();
    claims.check(
        count.as_ref().is_ok_and(|count| *count == 7) && sent == 2,
        format_args!("a read: {}, sent {}", said(&count), counted(sent, "time")),
    );

    script.set("list", &[Answer::StopInTheMiddle, Answer::Amount(5)]);
    let (amounts, ()) = tokio::join!(stock.list("list"), async {
        script.until_seen("list", 1).await;
        sleep(ms(50)).await; // two messages arrive
        proxy.cut();
    });
    let sent = script.seen("list").len();
    let amounts = amounts.map(|amounts| amounts.len());
    claims.check(
        amounts.as_ref().is_ok_and(|amounts| *amounts == 5) && sent == 2,
        format_args!("a stream, in its middle: {} amounts, sent {}", said(&amounts), counted(sent, "time")),
    );

    script.set("order", &[Answer::Hang, Answer::Amount(8)]);
    let (order, ()) = tokio::join!(stock.order("order", 1), async {
        script.until_seen("order", 1).await;
        proxy.cut();
    });
    let sent = script.seen("order").len();
    claims.check(
        order.is_err() && sent == 1,
        format_args!("an order, sent {}: {}", counted(sent, "time"), said(&order)),
    );
    claims.check(script.until_idle().await, "the server works on none of the calls that were cut");
    Ok(())
}

/// A call has a deadline, whatever its attempts do. The server knows it.
pub async fn deadlines(claims: &mut Claims) -> Result<()> {
    const SHORT: Policy = QUICK.attempt_timeout(ms(200)).total_timeout(ms(500));

    let script = Script::default();
    let server = Running::start(&script, ANY_PORT)?;
    let stock = stock(server.address, SHORT, WIDE)?;
    script.set("slow", &[Answer::Hang]);
    let start = Instant::now();
    let error = stock.count("slow").await.err().ok_or("a call without an answer")?;
    let (elapsed, seen) = (start.elapsed(), script.seen("slow"));
    let left: Vec<_> = seen.iter().filter_map(|seen| seen.timeout).map(|left| left.as_millis()).collect();
    claims.check(
        error.is_timeout() && (2..=3).contains(&seen.len()) && elapsed >= ms(500),
        format_args!("{} in {} ms: {error}", counted(seen.len(), "attempt"), elapsed.as_millis()),
    );
    claims.check(
        left.len() == seen.len()
            && left.first().is_some_and(|left| *left <= 500)
            && left.is_sorted_by(|before, after| before > after),
        format_args!("the server was told how much time was left: {left:?} ms"),
    );
    claims.check(script.until_idle().await, "the server works on no attempt that was given up");

    script.set("slow once", &[Answer::Hang, Answer::Amount(7)]);
    let count = stock.count("slow once").await;
    claims.check(count.is_ok(), format_args!("a server that hangs once: {}", said(&count)));

    script.set("slow order", &[Answer::Hang]);
    let order = stock.order("slow order", 1).await;
    let sent = script.seen("slow order").len();
    claims.check(
        order.is_err() && sent == 1,
        format_args!("an order, sent {}: {}", counted(sent, "time"), said(&order)),
    );
    Ok(())
}

fn said<T: ToString, E: ToString>(result: &Result<T, E>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => error.to_string(),
    }
}
