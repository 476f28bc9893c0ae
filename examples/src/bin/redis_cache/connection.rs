//! The connection to Redis.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{Client, Connection, IntoConnectionInfo, RedisError, RedisResult};

/// One connection to Redis, which is opened when it is needed, and again after it broke.
///
/// It makes one attempt: the retries are in the layer above. The driver has no limit of time by default, so a server that
/// is stopped without closing its connections would block the caller for good.
pub(crate) struct Redis {
    client: Client,
    /// The longest wait for a connection, and for each answer.
    timeout: Duration,
    connection: Mutex<Option<Connection>>,
}

impl Redis {
    /// Checks the address; nothing is sent yet.
    pub(crate) fn new(address: impl IntoConnectionInfo, timeout: Duration) -> RedisResult<Self> {
        Ok(Self { client: Client::open(address)?, timeout, connection: Mutex::new(None) })
    }

    /// Runs commands on the connection.
    pub(crate) fn run<T>(&self, commands: impl FnOnce(&mut Connection) -> RedisResult<T>) -> RedisResult<T> {
        let mut idle = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match idle.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let result = commands(&mut connection);
        if !result.as_ref().is_err_and(needs_another_connection) {
            *idle = Some(connection);
        }
        result
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
