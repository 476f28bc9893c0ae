//! The stock of a shop in an SQLite database. Each change is a transaction, which is retried as a whole.

use core::time::Duration;
use std::path::Path;

use retry_core::budget::NoBudget;
use retry_core::circuit::NoCircuit;
use retry_core::classify::ByClosure;
use retry_core::observe::Observer;
use retry_core::runtime::StdRuntime;
use retry_core::{Error, Failure, Policy, Retry, retry};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::classify::failure;

/// A lock is usually held for milliseconds, so the first delays are short. The time limits the call, and not the
/// attempts.
pub(crate) const POLICY: Policy = Policy::exponential(Duration::from_millis(2))
    .max_delay(Duration::from_millis(100))
    .max_attempts(u32::MAX)
    .start_within(Duration::from_secs(5));

type Calls<O> = Retry<StdRuntime, Policy, NoCircuit, NoBudget, ByClosure<fn(&rusqlite::Error) -> Failure>, O>;

/// The error of a call. It is in a box, because an `Error` holds all that is known about its call.
pub(crate) type CallError = Box<Error<rusqlite::Error>>;

/// The stock. Each process, and each thread, has its own connection.
pub(crate) struct Stock<O> {
    connection: Connection,
    calls: Calls<O>,
}

impl<O: Observer> Stock<O> {
    /// Opens the database, and makes its table if it is new.
    pub(crate) fn open(path: &Path, policy: Policy, observer: O) -> Result<Self, CallError> {
        let calls = retry(policy).classify(failure as fn(&_) -> _).observe(observer).named("stock.change");
        let connection = calls.by_ref().named("stock.open").run_blocking(|| {
            let connection = Connection::open(path)?;
            // The driver's own retry, 5 s by default. Two retries, one inside the other, would multiply.
            connection.busy_timeout(Duration::ZERO)?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        });
        let connection = connection.map_err(Box::new)?;
        Ok(Self { connection, calls })
    }

    /// Adds a new article.
    pub(crate) fn add_article(&mut self, sku: &str, count: i64) -> Result<(), CallError> {
        self.change(|stock| stock.execute("INSERT INTO stock VALUES (?1, ?2)", (sku, count)).map(drop))
    }

    /// Changes the count of an article by `change`, and returns the new count.
    pub(crate) fn add(&mut self, sku: &str, change: i64) -> Result<i64, CallError> {
        self.change(|stock| {
            let update = "UPDATE stock SET count = count + ?2 WHERE sku = ?1 RETURNING count";
            stock.query_row(update, (sku, change), |row| row.get(0))
        })
    }

    /// Sets the count of an article to what `count` makes of the present one.
    ///
    /// The transaction begins as a reader, so that the computation locks nothing. If another process has written in the
    /// meantime, SQLite refuses the write with `SQLITE_BUSY_SNAPSHOT`, and the retry computes anew.
    pub(crate) fn recount(&mut self, sku: &str, mut count: impl FnMut(i64) -> i64) -> Result<i64, CallError> {
        let Self { connection, calls } = self;
        let counted = calls.run_blocking(|| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            let select = "SELECT count FROM stock WHERE sku = ?1";
            let counted = count(transaction.query_row(select, [sku], |row| row.get(0))?);
            transaction.execute("UPDATE stock SET count = ?2 WHERE sku = ?1", (sku, counted))?;
            transaction.commit()?;
            Ok(counted)
        });
        counted.map_err(Box::new)
    }

    /// Returns the count of an article.
    pub(crate) fn count(&self, sku: &str) -> Result<i64, CallError> {
        let select = "SELECT count FROM stock WHERE sku = ?1";
        let calls = self.calls.by_ref().named("stock.count");
        let count = calls.run_blocking(|| self.connection.query_row(select, [sku], |row| row.get(0)));
        count.map_err(Box::new)
    }

    /// Retries `change` as a whole transaction. It takes the lock at its begin, so nothing is computed in vain.
    fn change<T>(
        &mut self,
        mut change: impl FnMut(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, CallError> {
        let Self { connection, calls } = self;
        let changed = calls.run_blocking(|| {
            // If the change fails, the transaction is dropped, which rolls it back.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = change(&transaction)?;
            transaction.commit()?;
            Ok(changed)
        });
        changed.map_err(Box::new)
    }
}

/// With a write-ahead log, readers and the writer do not wait for each other.
const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS stock (
        sku TEXT PRIMARY KEY NOT NULL,
        count INTEGER NOT NULL CHECK (count >= 0)
    );
";
