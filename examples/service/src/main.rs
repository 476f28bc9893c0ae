//! An HTTP service that calls unreliable hosts, with retries, circuits, a retry budget and dead letters. One
//! configuration file sets them all.

mod client;
mod config;
mod demo;
mod front;
mod letters;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::{fs, io};

use anyhow::{Context, Result, anyhow};
use log::{error, info, warn};
use metrics_exporter_prometheus::PrometheusBuilder;
use retry_tokio::Tokio;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::{Network, Upstream};
use crate::config::{Changes, Config};
use crate::front::Front;
use crate::letters::Letters;

#[tokio::main]
async fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let ran = match &arguments[..] {
        [file] => run(Path::new(file), false).await,
        [file, demo] if demo == "--demo" => run(Path::new(file), true).await,
        _ => Err(anyhow!("usage: service FILE [--demo]")),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the service until SIGTERM or ctrl-c.
async fn run(file: &Path, is_demo: bool) -> Result<()> {
    let changes = Changes::of(file)?;
    let config = Config::read(file)?;
    let metrics = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    if is_demo {
        demo::start(&config.upstream).await?;
    }

    let (shutdown, orders) = (CancellationToken::new(), TaskTracker::new());
    let letters = Letters::open(&config.paths.letters)?;
    let upstream = Upstream::new(&config, letters, shutdown.clone(), Tokio, Network);
    let upstream = Arc::new(upstream.with_context(|| file.display().to_string())?);
    log_rules(&config);
    tokio::spawn(cancel_when_told(shutdown.clone())?);
    tokio::spawn(reload_on(changes, file.into(), upstream.clone()));

    let front = Front { upstream: upstream.clone(), orders: orders.clone(), metrics: metrics.clone() };
    let listener = TcpListener::bind(config.listen).await?;
    info!("listening on {}", listener.local_addr()?);
    axum::serve(listener, front.routes()).with_graceful_shutdown(shutdown.cancelled_owned()).await?;

    orders.close();
    orders.wait().await;
    upstream.letters.close().await;
    fs::write(&config.paths.metrics, metrics.render())?;
    info!("stopped");
    Ok(())
}

/// Cancels `shutdown` on SIGTERM and on ctrl-c.
fn cancel_when_told(shutdown: CancellationToken) -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        shutdown.cancel();
    })
}

/// Reloads the file when it changes. If it is invalid, the old settings stay.
async fn reload_on(mut changes: Changes, file: PathBuf, upstream: Arc<Upstream<Tokio, Network>>) {
    loop {
        changes.next().await;
        let reloaded = Config::read(&file).and_then(|config| {
            upstream.reload(&config).with_context(|| file.display().to_string())?;
            Ok(config)
        });
        match reloaded {
            Ok(config) => log_rules(&config),
            Err(error) => warn!("not reloaded: {error:#}"),
        }
    }
}

/// Logs the settings that can be reloaded, one per line.
fn log_rules(config: &Config) {
    info!("policy: {}", config.policy);
    info!("circuit: {}", config.circuit);
}

/// The limits of the histograms, in seconds. The last one is the total timeout of `service.toml`.
const BUCKETS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
