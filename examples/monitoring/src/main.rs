//! A program to monitor: it calls a server that fails, and exports metrics for Prometheus at `/metrics`. Alert rules
//! and a dashboard are in the same directory.

mod callers;
mod letters;
mod server;
mod watch;

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use crate::callers::Caller;
use crate::server::{Mode, Server};

const USAGE: &str = "\
Calls an unreliable server on a loopback port, and exports metrics of these calls.

Usage: monitoring [ADDRESS]    the address to listen on; default: 127.0.0.1:9600

GET  /metrics       metrics for Prometheus
GET  /              a summary in a few lines
POST /mode/MODE     sets the server's mode: healthy, flaky, limited or down; before that, the mode changes once per minute
";

/// How long each mode lasts before one is chosen.
const TURN: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let address = match arguments.as_slice() {
        [] => "127.0.0.1:9600",
        [only] if only == "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [address] => address,
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Ok(address) = address.parse() else {
        eprintln!("monitoring: not an address with a port: {address}");
        return ExitCode::from(2);
    };
    // With this load, a warning is logged every few milliseconds. `RUST_LOG=warn` shows them.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    match run(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("monitoring: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(address: SocketAddr) -> io::Result<()> {
    // Before the first call, because the observer looks its counters up only once.
    let metrics = PrometheusBuilder::new()
        .set_buckets(&[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5])
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(io::Error::other)?;

    let server = Server::start().await?;
    let watched = TcpListener::bind(address).await?;
    println!("http://{}/metrics", watched.local_addr()?);

    let caller = Caller::new(server.address())?;
    callers::start(&caller);
    tokio::spawn(letters::send_again(caller));
    tokio::spawn(take_turns(Arc::clone(&server)));
    tokio::spawn(keep_up(metrics.clone()));
    let routes = Router::new()
        .route("/metrics", get(|State((metrics, _)): State<Shared>| async move { metrics.render() }))
        .route("/", get(|| async { watch::summary() }))
        .route("/mode/{mode}", post(choose))
        .with_state((metrics, server));
    axum::serve(watched, routes).await
}

type Shared = (PrometheusHandle, Arc<Server>);

async fn choose(Path(mode): Path<String>, State((_, server)): State<Shared>) -> StatusCode {
    match Mode::named(&mode) {
        Some(mode) => {
            server.choose(mode);
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    }
}

/// Changes the mode once per minute, until a mode is chosen.
async fn take_turns(server: Arc<Server>) {
    for mode in Mode::ALL.into_iter().cycle() {
        if !server.turn_to(mode) {
            break;
        }
        tokio::time::sleep(TURN).await;
    }
}

/// Sorts recorded values into the buckets of their histograms, so that they do not fill the memory.
async fn keep_up(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}
