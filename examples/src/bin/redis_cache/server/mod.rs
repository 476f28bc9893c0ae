//! The Redis that the program uses, and its faults.

mod process;
mod proxy;
mod stand_in;
// One file for two workspaces: a package of this one cannot depend on the other's root.
#[expect(unreachable_pub, reason = "it is public in its own package")]
#[path = "../../../../harness/src/watchdog.rs"]
mod watchdog;

use std::fmt;
use std::io;
use std::time::Duration;

use redis::{Client, ConnectionAddr, ConnectionInfo};
use retry_core::observe::ErrorText;

use crate::connection::Redis;

pub(crate) use process::Process;
pub(crate) use proxy::Proxy;
pub(crate) use stand_in::StandIn;

/// A Redis whose faults are real: it is killed, paused, and cut off.
pub(crate) struct Server {
    kind: Kind,
    /// The address itself, with what the handshake needs.
    info: ConnectionInfo,
    /// Stands between the program and a server that it must not stop.
    front: Proxy,
    /// Cuts connections, whatever the server is.
    cutter: Proxy,
}

enum Kind {
    /// It was running before, so it is left alone: the proxies make the faults.
    Running,
    Process(Process),
    StandIn(StandIn),
}

impl Server {
    /// Finds a server: that of `REDIS_URL`, or the one at localhost:6379. Otherwise it starts `redis-server`, or the
    /// stand-in.
    pub(crate) fn find() -> Result<Self, Box<dyn std::error::Error>> {
        if let Ok(url) = std::env::var("REDIS_URL") {
            return Self::running(&url).map_err(|error| format!("REDIS_URL: {error}").into());
        }
        const LOCAL: &str = "redis://127.0.0.1:6379/";
        if let Ok(running) = Self::running(LOCAL) {
            return Ok(running);
        }
        match Process::start(&[]) {
            Ok(process) => {
                let url = format!("redis://{}/", process.address());
                Self::new(Kind::Process(process), &url)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let stand_in = StandIn::start()?;
                let url = format!("redis://{}/", stand_in.address());
                Self::new(Kind::StandIn(stand_in), &url)
            }
            Err(error) => Err(format!("redis-server does not start: {error}").into()),
        }
    }

    /// Uses a server that runs already, and answers within a second. Without the right password, it says so.
    fn running(url: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let ping = |redis: Redis| redis.run(|connection| redis::cmd("PING").query::<String>(connection));
        match Redis::new(url, Duration::from_secs(1)).and_then(ping) {
            Ok(_) => Self::new(Kind::Running, url),
            Err(error) => Err(format!("the PING to {} failed: {error}", ErrorText::new(&url)).into()),
        }
    }

    fn new(kind: Kind, url: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let info = Client::open(url)?.get_connection_info().clone();
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err("must be redis://host:port/, because the faults are made by a TCP proxy".into());
        };
        let target = format!("{host}:{port}");
        let (front, cutter) = (Proxy::start(target.clone())?, Proxy::start(target)?);
        Ok(Self { kind, info, front, cutter })
    }

    /// The address that `stop` and `pause` apply to.
    pub(crate) fn address(&self) -> ConnectionInfo {
        match self.kind {
            Kind::Process(_) => self.info.clone(),
            Kind::Running | Kind::StandIn(_) => self.through(&self.front),
        }
    }

    /// The address whose connections the `cutter` cuts.
    pub(crate) fn address_to_cut(&self) -> ConnectionInfo {
        self.through(&self.cutter)
    }

    pub(crate) fn cutter(&self) -> &Proxy {
        &self.cutter
    }

    fn through(&self, proxy: &Proxy) -> ConnectionInfo {
        let address = proxy.address();
        self.info.clone().set_addr(ConnectionAddr::Tcp(address.ip().to_string(), address.port()))
    }

    /// Begins an outage.
    pub(crate) fn stop(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Process(process) => process.kill(),
            Kind::StandIn(stand_in) => {
                stand_in.stop();
                Ok(())
            }
            Kind::Running => {
                self.front.shut();
                self.cutter.shut();
                Ok(())
            }
        }
    }

    /// Ends an outage.
    pub(crate) fn start_again(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Process(process) => process.start_again(&[]),
            Kind::StandIn(stand_in) => stand_in.start_again(),
            Kind::Running => {
                self.front.open();
                self.cutter.open();
                Ok(())
            }
        }
    }

    /// Keeps the connections open, and lets nothing through.
    pub(crate) fn pause(&self) -> io::Result<()> {
        match &self.kind {
            Kind::Process(process) => process.pause(),
            Kind::Running | Kind::StandIn(_) => {
                self.front.hold(true);
                Ok(())
            }
        }
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) -> io::Result<()> {
        match &self.kind {
            Kind::Process(process) => process.resume(),
            Kind::Running | Kind::StandIn(_) => {
                self.front.hold(false);
                Ok(())
            }
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.info.addr();
        match self.kind {
            Kind::Running => {
                write!(f, "the Redis at {address}. It is left running: outages and pauses are a proxy's")
            }
            Kind::Process(_) => {
                write!(f, "redis-server, started at {address}. Outage: SIGKILL. Pause: SIGSTOP")
            }
            Kind::StandIn(_) => write!(
                f,
                "a stand-in at {address}, because no redis-server is installed (`apt-get install redis-server`)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_refuses_the_password_is_not_said_to_be_silent() {
        let server = StandIn::start().unwrap();
        let address = server.address();
        assert!(Server::running(&format!("redis://{address}/")).is_ok());
        let refused = Server::running(&format!("redis://:secret@{address}/")).err().unwrap().to_string();
        assert!(refused.contains("authentication failed") && !refused.contains("secret"), "{refused}");
    }
}
