//! The connections to Redis.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Client, Connection, ConnectionAddr, IntoConnectionInfo, RedisError, RedisResult};

/// Connections to Redis, as many as calls run at once. They are opened when they are needed, and again after they broke.
///
/// The lock is held only to take a connection and to put it back, so a call waits for the server alone. `run` makes one
/// attempt: the retries are in the layer above. The driver has no limit of time by default, so a server that is stopped
/// without closing its connections would block the caller for good.
pub(crate) struct Redis {
    client: Client,
    /// The longest wait for a connection, and for each answer.
    timeout: Duration,
    idle: Mutex<Vec<Connection>>,
}

impl Redis {
    /// Checks the address; nothing is sent yet.
    pub(crate) fn new(address: impl IntoConnectionInfo, timeout: Duration) -> RedisResult<Self> {
        Ok(Self { client: Client::open(address)?, timeout, idle: Mutex::default() })
    }

    /// Returns the same Redis, with its user, password, TLS and timeout, at another `host:port`.
    pub(crate) fn at(&self, address: &str) -> RedisResult<Self> {
        let info = self.client.get_connection_info();
        let mut to = info.addr().clone();
        match (&mut to, address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)))) {
            (
                ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. },
                Some((new_host, new_port)),
            ) => {
                // A node that does not know its own host sends none: it is that of the node that was asked.
                if !new_host.is_empty() {
                    new_host.clone_into(host);
                }
                *port = new_port;
            }
            _ => {
                return Err(
                    (redis::ErrorKind::InvalidClientConfig, "not a host and a port", address.into()).into()
                );
            }
        }
        Self::new(info.clone().set_addr(to), self.timeout)
    }

    /// Runs commands on a connection of their own.
    pub(crate) fn run<T>(&self, commands: impl FnOnce(&mut Connection) -> RedisResult<T>) -> RedisResult<T> {
        let idle = self.idle().pop(); // a statement of its own, which ends the lock
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = commands(&mut connection);
        if result.as_ref().is_err_and(needs_another_connection) {
            // What broke one connection has probably broken the idle ones, too.
            let idle = mem::take(&mut *self.idle());
            drop(idle);
        } else {
            self.idle().push(connection);
        }
        result
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the server answers now. It makes one attempt.
    pub(crate) fn is_up(&self) -> bool {
        self.run(|connection| redis::cmd("PING").query::<String>(connection)).is_ok()
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(self.timeout)?;
        connection.set_read_timeout(Some(self.timeout))?;
        connection.set_write_timeout(Some(self.timeout))?;
        Ok(connection)
    }
}

/// After a failed read, the answer may still arrive, and would be taken for the next one. After `READONLY`, the name of the
/// server may lead to the new master.
fn needs_another_connection(error: &RedisError) -> bool {
    error.is_io_error() || error.is_unrecoverable_error() || error.code() == Some("READONLY")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::StandIn;

    fn ping(connection: &mut Connection) -> RedisResult<()> {
        redis::cmd("PING").query(connection)
    }

    #[test]
    fn a_call_holds_no_lock_while_another_one_runs() {
        let server = StandIn::start().unwrap();
        let redis = Redis::new(format!("redis://{}/", server.address()), Duration::from_secs(10)).unwrap();
        let nested = redis.run(|outer| {
            let is_free = redis.idle.try_lock().is_ok();
            if is_free {
                redis.run(ping)?;
            }
            ping(outer).map(|()| is_free)
        });
        assert_eq!(nested, Ok(true));
        assert_eq!(redis.idle().len(), 2);
        redis.run(ping).unwrap();
        assert_eq!(redis.idle().len(), 2);
    }

    #[test]
    fn a_broken_connection_takes_the_idle_ones_with_it() {
        let mut server = StandIn::start().unwrap();
        let redis = Redis::new(format!("redis://{}/", server.address()), Duration::from_secs(10)).unwrap();
        redis.run(|outer| redis.run(ping).and_then(|()| ping(outer))).unwrap();
        server.stop();
        assert!(redis.run(ping).unwrap_err().is_io_error());
        assert!(redis.idle().is_empty());
        server.start_again().unwrap();
        assert_eq!(redis.run(ping), Ok(()));
    }

    #[test]
    fn another_address_keeps_the_user_and_tls() {
        let redis = Redis::new("redis://user:secret@one:1/2", Duration::from_secs(1)).unwrap();
        let moved = redis.at("two:7001").unwrap();
        let info = moved.client.get_connection_info();
        assert_eq!(*info.addr(), ConnectionAddr::Tcp("two".into(), 7001));
        let settings = info.redis_settings();
        assert_eq!(
            (settings.username(), settings.password(), settings.db()),
            (Some("user"), Some("secret"), 2)
        );
        assert_eq!(
            *redis.at(":7001").unwrap().client.get_connection_info().addr(),
            ConnectionAddr::Tcp("one".into(), 7001)
        );
        assert!(redis.at("two").is_err());
    }
}
