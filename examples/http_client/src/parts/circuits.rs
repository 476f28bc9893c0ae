//! A circuit per host, from a pool.

use core::time::Duration;

use harness::claims::Claims;
use harness::proxy::Proxy;
use harness::wait::PATIENCE;
use retry_core::circuit::Phase;
use tokio::time::{Instant, sleep};

use super::{client, get, url};
use crate::Result;
use crate::client::CIRCUIT;
use crate::server::Shop;

/// One host is down, another one works. Then the first comes back.
pub async fn circuits(claims: &mut Claims) -> Result<()> {
    let (flaky_shop, steady_shop) = (Shop::default(), Shop::default());
    let flaky = Proxy::start(flaky_shop.start().await?).await?;
    let steady = steady_shop.start().await?;
    let http = client()?;
    let circuit = http.circuit(&url(flaky.address, "/")?);

    flaky.down();
    let (mut refused, mut answered) = (0, 0);
    for _ in 0..20 {
        refused +=
            u32::from(http.send(get(flaky.address, "/")?).await.is_err_and(|error| error.is_circuit_open()));
        answered += u32::from(http.send(get(steady, "/")?).await.is_ok());
    }
    let connections = flaky.accepted();
    claims.check(
        connections == 6 && refused == 19 && circuit.phase() == Phase::Open,
        format_args!(
            "a host was down: 20 calls made {connections} connections instead of 80, {refused} were refused"
        ),
    );
    claims.check(answered == 20, format_args!("meanwhile, another host answered {answered} of 20 calls"));

    flaky.up();
    let (back, mut refused) = (Instant::now(), 0);
    while http.send(get(flaky.address, "/")?).await.is_err() && back.elapsed() < PATIENCE {
        refused += 1;
        sleep(Duration::from_millis(50)).await;
    }
    claims.check(
        circuit.phase() == Phase::Closed && flaky_shop.seen("/").len() == 1,
        format_args!(
            "the host came back: after {} ms and {refused} refused calls, one probe closed the circuit",
            back.elapsed().as_millis(),
        ),
    );
    println!("         the circuit: {CIRCUIT}");
    Ok(())
}
