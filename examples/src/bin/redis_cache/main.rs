//! A cache over Redis: cache-aside, with retries, a recovery manager, and dead letters in a stream.
//!
//! It uses the Redis of `REDIS_URL` or at localhost:6379. Where none runs, it starts `redis-server`, or else a stand-in, and
//! says so. Then it makes outages by real means, and checks what the calls did: it kills and pauses the server, and cuts
//! connections. It fails if a claim is false. If `REQUIRE_SERVERS` is 1, it also fails if a part was skipped.

mod cache;
mod connection;
mod error;
mod letters;
mod parts;
mod recovery;
mod report;
mod server;

use std::process::ExitCode;

use parts::Setup;
use report::Report;
use server::{Process, Server};

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        eprintln!("redis_cache: takes no arguments, but the variables REDIS_URL and REQUIRE_SERVERS");
        return ExitCode::from(2);
    }
    let server_is_required = std::env::var_os("REQUIRE_SERVERS").is_some_and(|value| value == "1");
    let mut report = Report::default();
    match run(&mut report) {
        Ok(()) => report.end(server_is_required),
        Err(error) => {
            eprintln!("redis_cache: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(report: &mut Report) -> parts::Result {
    let mut server = Server::find()?;
    println!("Redis: {server}");
    let setup = Setup { prefix: format!("cache:{}", std::process::id()) };

    report.part("Three configurations");
    parts::configurations::run(&setup, &mut server, report)?;
    report.part("Operations that succeed, at once and after retries");
    parts::operations::run(&setup, &mut server, report)?;
    report.part("The computed delays");
    parts::delays::run(report);
    report.part("The recovery manager");
    parts::recoveries::run(&setup, &mut server, report)?;
    report.part("Errors, classes and severities");
    parts::classes::run(&setup, &mut server, report)?;
    report.part("The context of an error");
    parts::context::run(&setup, &mut server, report)?;
    report.part("Failover");
    if Process::is_installed() {
        parts::failover::run(report)?;
    } else {
        report.skip("READONLY, LOADING, MOVED and ASK need redis-server: apt-get install redis-server");
    }
    report.part("Dead letters");
    parts::replay::run(&setup, &mut server, report)?;
    Ok(())
}
