//! Uploads to S3 with object_store, against a small server on loopback and real faults. It fails if a claim is false.
//!
//! `cargo run`, in this folder.

use std::process::ExitCode;

use harness::claims::Claims;
use s3_upload::{Result, parts};

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut claims = Claims::default();
    println!("The server is part of this program: objects in memory, without signatures.");
    println!("\n1. Answers of S3");
    parts::answers(&mut claims).await?;
    println!("\n2. Multipart uploads");
    parts::multipart(&mut claims).await?;
    println!("\n3. Dead letters");
    parts::letters(&mut claims).await?;
    Ok(if claims.summary() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
