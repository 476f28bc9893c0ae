//! A `redis-server` that this program starts, kills, pauses and starts again.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{fs, io};

use retry_core::{Jitter, Policy, retry};

use super::watchdog::Watchdog;
use crate::connection::Redis;

/// A `redis-server` on a port of its own, with its files in a folder of its own. Both go with this value, and if a signal
/// ends the program, by the watchdog.
pub(crate) struct Process {
    address: SocketAddr,
    folder: PathBuf,
    options: Vec<String>,
    watchdog: Watchdog,
    child: Child,
}

/// Kills the server, and removes its folder, `$1`.
const CLEAN_UP: &str = r#"[ -z "$server" ] || kill -KILL "$server"; rm -rf "$1""#;

/// Until a server that was started answers, also with `LOADING`.
const STARTING: Policy = Policy::fixed(Duration::from_millis(10))
    .jitter(Jitter::None)
    .max_attempts(u32::MAX)
    .start_within(Duration::from_secs(10));

impl Process {
    /// Returns whether `redis-server` is installed.
    pub(crate) fn is_installed() -> bool {
        Command::new("redis-server").arg("--version").output().is_ok_and(|output| output.status.success())
    }

    /// Starts a server with these options, such as `["--replicaof", "127.0.0.1 6379"]`.
    pub(crate) fn start(options: &[&str]) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("redis-cache-{}-{count}", std::process::id()));
        let address = free_address()?;
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        fs::create_dir_all(&folder)?;
        let started = Watchdog::start(CLEAN_UP, &[&folder]).and_then(|mut watchdog| {
            let child = spawn(address, &folder, &options, &mut watchdog)?;
            Ok((watchdog, child))
        });
        let (watchdog, child) = started.inspect_err(|_| {
            let _ = fs::remove_dir_all(&folder); // the error says more
        })?;
        let process = Self { address, folder, options, watchdog, child };
        process.wait_until_it_answers()?;
        Ok(process)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills the server, as a crash or the out-of-memory killer would.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.watchdog.server(None)
    }

    /// Starts the server again, on the same port and with the same files, and with more options.
    pub(crate) fn start_again(&mut self, more: &[&str]) -> io::Result<()> {
        let options: Vec<_> =
            self.options.iter().cloned().chain(more.iter().map(|&more| more.to_owned())).collect();
        self.child = spawn(self.address, &self.folder, &options, &mut self.watchdog)?;
        self.wait_until_it_answers()
    }

    /// Pauses the server: its connections stay open, and nothing is answered.
    pub(crate) fn pause(&self) -> io::Result<()> {
        self.signal("-STOP")
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) -> io::Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("kill {signal}: {status}"))) }
    }

    fn wait_until_it_answers(&self) -> io::Result<()> {
        let redis = Redis::new(format!("redis://{}/", self.address), Duration::from_secs(1))
            .map_err(io::Error::other)?;
        let ping = || match redis.run(|connection| redis::cmd("PING").query::<String>(connection)) {
            Err(error) if error.is_io_error() => Err(io::Error::other(error)),
            Ok(_) | Err(_) => Ok(()),
        };
        retry(STARTING).named("redis-server").run_blocking(ping).map_err(io::Error::other)
    }
}

/// What is acknowledged is on disk, also after a kill.
fn spawn(
    address: SocketAddr,
    folder: &Path,
    options: &[String],
    watchdog: &mut Watchdog,
) -> io::Result<Child> {
    let port = address.port().to_string();
    let child = Command::new("redis-server")
        .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", "always", "--logfile", "redis.log", "--dir"])
        .arg(folder)
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    watchdog.server(Some(child.id()))?;
    Ok(child)
}

/// Returns a free port. A server of a cluster also uses the port that is 10,000 above its own.
fn free_address() -> io::Result<SocketAddr> {
    loop {
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        if address.port() < 55_536 {
            return Ok(address);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = (self.kill(), fs::remove_dir_all(&self.folder)); // an error here cannot be reported
    }
}
