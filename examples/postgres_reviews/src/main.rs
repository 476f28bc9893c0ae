//! Breaks a PostgreSQL server in nine ways while a repository uses it, and reports what its retries made of that.
//!
//! It exits with 1 if a claim fails. If PostgreSQL is not installed, it says so and exits with 0, or with 1 if the
//! variable `REQUIRE_SERVERS` is 1.
//!
//! Copy `reviews.rs`, `statements.rs`, `lease.rs` and `error.rs`; the rest is the server, the faults and the claims.

mod parts;

use std::process::ExitCode;

use harness::server::skipped;
use harness::wait::part;
use postgres_reviews::outage::server::Server;
use tokio::time::Instant;

use crate::parts::Stage;

#[tokio::main]
async fn main() -> ExitCode {
    let server = match Server::start().await {
        Ok(Some(server)) => server,
        Ok(None) => return skipped("PostgreSQL", "postgresql"),
        Err(error) => {
            eprintln!("postgres_reviews: the server did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(&Stage { server }).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("postgres_reviews: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(stage: &Stage) -> parts::Result<()> {
    macro_rules! parts {
        ($($title:literal: $part:ident;)*) => {$(
            println!("{}", $title);
            let start = Instant::now();
            let report = part(stage.$part()).await?.map_err(|error| format!("{}: {error}", $title))?;
            println!("    {report}, in {} ms", start.elapsed().as_millis());
        )*};
    }
    let start = Instant::now();
    parts! {
        "40001, serialization failures: 6 tasks add 10 reviews each to one product": conflicts;
        "40P01, a deadlock: two transactions lock two products in opposite orders": deadlock;
        "23505 and 23503, violated constraints": constraints;
        "57014, a statement timeout: another transaction holds the lock": statement_timeout;
        "53300, too many connections": too_many_connections;
        "57P01, the server is restarted while 4 tasks add reviews": restart;
        "the connection breaks when the answer to a commit arrives": lost_answer;
        "the server is paused by SIGSTOP": pause;
        "the server is stopped for longer than the policy waits": stop;
    }
    println!("all claims hold, in {} ms", start.elapsed().as_millis());
    Ok(())
}
