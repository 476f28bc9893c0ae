//! Uploads to S3 with object_store, against the server of `s3s` on loopback and real faults. It fails if a claim is false.
//!
//! `cargo run`, in this folder. Copy `uploads.rs`; the rest is the server, the faults and the claims.

use std::process::ExitCode;

use harness::claims::Claims;
use harness::wait::part;
use s3_upload::{Result, parts};

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut claims = Claims::default();
    println!(
        "The server is part of this program: s3s, with its objects in a temporary folder. A script in front of it answers \
         chosen requests."
    );
    println!("\n1. Answers of S3");
    part(parts::answers(&mut claims)).await??;
    println!("\n2. Multipart uploads");
    part(parts::multipart(&mut claims)).await??;
    println!("\n3. Dead letters");
    part(parts::letters(&mut claims)).await??;
    Ok(if claims.summary() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
