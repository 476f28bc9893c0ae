//! Retries of HTTP requests, against servers on loopback and real faults. It fails if a claim is false.
//!
//! `cargo run`, in this folder. Copy `client.rs`; the rest is the server, the faults and the claims.

use std::process::ExitCode;

use harness::claims::Claims;
use harness::wait::part;
use http_client::{Result, parts};

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut claims = Claims::default();
    println!("1. Which requests are sent again");
    part(parts::idempotency(&mut claims)).await??;
    println!("\n2. When the next attempt begins");
    part(parts::hints(&mut claims)).await??;
    println!("\n3. A circuit per host");
    part(parts::circuits(&mut claims)).await??;
    println!("\n4. Bodies of requests");
    part(parts::uploads(&mut claims)).await??;
    println!("\n5. Bodies of responses");
    part(parts::downloads(&mut claims)).await??;
    Ok(if claims.summary() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
