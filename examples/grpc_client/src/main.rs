//! Retries of gRPC calls, against a server on loopback and real faults. It fails if a claim is false.
//!
//! `cargo run`, in this folder. Copy `client.rs`; the rest is the server, the faults and the claims.

use std::process::ExitCode;

use grpc_client::{Result, parts};
use harness::claims::Claims;
use harness::wait::part;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut claims = Claims::default();
    println!("1. Status codes");
    part(parts::codes(&mut claims)).await??;
    println!("\n2. Streams: trailers only, trailers, and no trailers");
    part(parts::streams(&mut claims)).await??;
    println!("\n3. Pushback");
    part(parts::pushback(&mut claims)).await??;
    println!("\n4. The retry throttle of a channel");
    part(parts::throttle(&mut claims)).await??;
    println!("\n5. A server that is killed, stopped, and started again");
    part(parts::outage(&mut claims)).await??;
    println!("\n6. A connection that is cut while the server works");
    part(parts::cut(&mut claims)).await??;
    println!("\n7. Deadlines");
    part(parts::deadlines(&mut claims)).await??;
    Ok(if claims.summary() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
