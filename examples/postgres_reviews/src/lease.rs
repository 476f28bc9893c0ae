//! A connection that goes back to its pool only after an attempt that ran to its end.

use std::ops::{Deref, DerefMut};

use deadpool_postgres::{ClientWrapper, Object, Pool, PoolError};

/// A connection of a pool, for one attempt.
///
/// If a timeout cuts the attempt, its query still runs on the connection. The next transaction would wait behind that
/// query, so such a connection is closed. The server then rolls its transaction back.
pub struct Lease {
    connection: Option<Object>,
}

impl Lease {
    /// Takes a connection from the pool, or makes one.
    ///
    /// # Errors
    /// Returns an error if the server refuses the connection, or if none is available in time.
    pub async fn of(pool: &Pool) -> Result<Self, PoolError> {
        Ok(Self { connection: Some(pool.get().await?) })
    }

    /// Gives the connection back.
    pub fn end(mut self) {
        self.connection = None;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}

impl Deref for Lease {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        self.connection.as_ref().expect("only `end` and `drop` take it")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        self.connection.as_mut().expect("only `end` and `drop` take it")
    }
}
