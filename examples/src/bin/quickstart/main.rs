//! An outage over real sockets: callers share one circuit while a server fails in three ways and recovers.

mod claims;
mod client;
mod screen;
mod server;
mod summary;

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use examples::outage::{
    CALLERS, CIRCUIT, History, Message, POLICY, SCRIPT, Tally, Told, call_until_stopped, script_time,
};
use examples::plot;
use retry_core::{SharedCircuit, runtime::Clock};
use retry_tokio::Tokio;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::claims::Run;
use crate::client::Client;
use crate::screen::Screen;
use crate::server::Server;

const USAGE: &str = "\
Plays an outage: an HTTP server on a loopback port fails in three ways, while callers share a circuit breaker.
Prints what happens, checks it, and writes a plot to target/quickstart.svg. Takes about 11 seconds.

Usage: quickstart [--help]
";

/// The circuit that all calls to the stock service share.
static STOCK: SharedCircuit = SharedCircuit::new(CIRCUIT);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [] => {}
        [only] if only == "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [.., last] => {
            eprintln!("quickstart: unexpected argument {}; try --help", last.display());
            return ExitCode::from(2);
        }
    }
    match quickstart() {
        Ok(()) => ExitCode::SUCCESS,
        // The program that reads the output, such as `head`, has ended.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn quickstart() -> io::Result<()> {
    let screen = Screen::new(script_time());
    let run = play(&screen)?;

    screen.line("")?;
    for line in summary::table(&run) {
        screen.line(&line)?;
    }
    screen.line("")?;
    let claims = run.claims();
    for claim in &claims {
        screen.line(&format!("{} {}", screen.mark(claim.holds), claim.text))?;
    }
    screen.line("")?;
    let path = plot_path();
    write(&path, &plot::outage(&run.history)?)?;
    screen.line(&format!("plot: {}", path.display()))?;

    match claims.iter().find(|claim| !claim.holds) {
        None => Ok(()),
        Some(broken) => Err(io::Error::other(format!("claim does not hold: {}", broken.text))),
    }
}

/// Returns the path of the plot, in cargo's target directory.
fn plot_path() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    PathBuf::from(target).join("quickstart.svg")
}

fn write(path: &Path, svg: &str) -> io::Result<()> {
    let explain = |error: io::Error| io::Error::other(format!("cannot write {}: {error}", path.display()));
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(explain)?;
    }
    fs::write(path, svg).map_err(explain)
}

/// Runs the server, the script and the callers until all have ended.
///
/// It runs on one thread, so that the log is in the order of the circuit's decisions and the claims about it are exact.
/// The circuit itself works on any number of threads.
#[tokio::main(flavor = "current_thread")]
async fn play(screen: &Screen) -> io::Result<Run> {
    let start = Tokio.now();
    let server = Server::start()?;
    let client = Arc::new(Client::new(server.address())?);
    let stop = Arc::new(AtomicBool::new(false));
    let (log, mut entries) = mpsc::unbounded_channel();

    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (client, stop, log) = (Arc::clone(&client), Arc::clone(&stop), log.clone());
        callers.spawn(async move {
            let stock = retry_tokio::retry(&POLICY).circuit(&STOCK).named("stock.read").on_event(|event| {
                // If the log is not read any more, the run has ended.
                let _ = log.send(Message::Event(Told::of(caller, event)));
            });
            let client = &*client;
            let read = |sku| stock.run(move || client.read(sku));
            call_until_stopped(caller, read, sleep, &stop).await
        });
    }
    let script = tokio::spawn(async move {
        let server = play_script(server, &log).await;
        // Also if the script failed. Otherwise the callers would never stop.
        stop.store(true, Relaxed);
        server
    });

    screen.header()?;
    let mut history = History::starting(start);
    let mut redraw = every(Duration::from_millis(100));
    loop {
        tokio::select! {
            entry = entries.recv() => match entry {
                Some(entry) => {
                    history.add(&entry);
                    screen.show(&entry, &history)?;
                }
                // The script and all callers have ended.
                None => break,
            },
            _ = redraw.tick() => screen.progress(&history, history.time(Tokio.now())),
        }
    }
    history.finish(Tokio.now());
    screen.finish();

    let server = script.await??;
    let mut tally = Tally::default();
    while let Some(ended) = callers.join_next().await {
        tally += ended?;
    }
    Ok(Run { history, tally, requests: client.requests(), received: server.received() })
}

/// Sets the server's mode, step by step of the script.
async fn play_script(mut server: Server, log: &UnboundedSender<Message>) -> io::Result<Server> {
    for step in &SCRIPT {
        // If the log is not read any more, the run has ended.
        let _ = log.send(Message::Step(step, Tokio.now()));
        server = server.set_mode(step.mode).await?;
        step.wait(&STOCK, Tokio).await;
    }
    Ok(server)
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
