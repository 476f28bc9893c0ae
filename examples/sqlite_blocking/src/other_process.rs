//! The second process: this program, which obeys orders from its standard input. It locks the database with SQLite's
//! own locks.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use retry_core::observe::Metrics;
use rusqlite::{Connection, TransactionBehavior};

use crate::stock::{POLICY, Stock};

/// The second process, as the first one sees it. It ends when this value is dropped.
pub(crate) struct OtherProcess {
    process: Child,
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl OtherProcess {
    pub(crate) fn start(database: &Path) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--second-process").arg(database).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        Ok(Self { process, orders, answers })
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: &str) -> io::Result<()> {
        writeln!(self.orders.as_mut().expect("it is open until the end"), "{order}")
    }

    /// Waits for the answer to an order.
    pub(crate) fn answer(&mut self) -> io::Result<String> {
        self.answers.next().unwrap_or_else(|| Err(io::Error::other("the second process has ended")))
    }

    /// Gives an order, and waits for its answer.
    pub(crate) fn obeys(&mut self, order: &str) -> io::Result<String> {
        self.order(order)?;
        self.answer()
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        self.orders = None; // the end of its input ends the process
        let _ = self.process.wait();
    }
}

/// Obeys orders until the end of standard input.
///
/// - `lock`: begins a transaction that writes; `unlock` commits it
/// - `add N`: adds 1 to the apples, `N` times
///
/// Each answer is the number of retries so far.
pub(crate) fn obey(database: &Path) -> Result<(), Box<dyn Error>> {
    let connection = Connection::open(database)?;
    let metrics = Metrics::new();
    let mut stock = Stock::open(database, POLICY, &metrics)?;
    let mut lock = None;
    for order in io::stdin().lines() {
        let order = order?;
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("lock", _) => {
                let transaction =
                    rusqlite::Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
                lock = Some(transaction);
            }
            ("unlock", _) => {
                if let Some(transaction) = lock.take() {
                    transaction.commit()?;
                }
            }
            ("add", times) => {
                for _ in 0..times.parse()? {
                    stock.add("apples", 1)?;
                }
            }
            _ => return Err(format!("unknown order: {order}").into()),
        }
        println!("{}", metrics.snapshot().retries());
    }
    Ok(())
}
