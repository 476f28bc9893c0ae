//! The parts of the program. Each locks the database in another way.

use core::cell::RefCell;
use core::time::Duration;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fs, process};

use harness::claims::Claims;
use harness::counted;
use retry_core::observe::{EventKind, Metrics, observer_fn};
use retry_core::runtime::StdRuntime;
use retry_core::{Class, Jitter, Policy, Verdict, retry};
use rusqlite::{Connection, ffi};

use crate::classify::{code, failure};
use crate::other_process::OtherProcess;
use crate::stock::{CallError, POLICY, Stock};

/// How often each of two processes adds 1.
const ADDITIONS: u32 = 300;

/// Plays all parts on a new database.
pub(crate) fn play() -> Result<Claims, Box<dyn Error>> {
    let folder = Folder::new()?;
    let database = folder.0.join("stock.db");
    let mut claims = Claims::default();
    println!("SQLite {}, a database in {}", rusqlite::version(), folder.0.display());

    Stock::open(&database, POLICY, ())?.add_article("apples", 10)?;
    let mut other = OtherProcess::start(&database)?;
    short_lock(&database, &mut other, &mut claims)?;
    long_lock(&database, &mut other, &mut claims)?;
    snapshot(&database, &mut other, &mut claims)?;
    constraints(&database, &mut claims)?;
    two_writers(&database, &mut other, &mut claims)?;
    Ok(claims)
}

/// The other process gives up its lock after the third failed attempt.
fn short_lock(database: &Path, other: &mut OtherProcess, claims: &mut Claims) -> Result<(), Box<dyn Error>> {
    println!("\n1. Another process holds the lock, and releases it after three attempts");
    other.obeys("lock")?;
    let mut failed = 0;
    let count = {
        let (other, failed) = (RefCell::new(&mut *other), RefCell::new(&mut failed));
        let mut stock = Stock::open(
            database,
            POLICY,
            observer_fn(|event| {
                let EventKind::Failed { failure, verdict: Verdict::Retry(delay), .. } = event.kind else {
                    return;
                };
                let text = event.text.map(|text| text.to_string()).unwrap_or_default();
                println!(
                    "  attempt {}: {text} ({}); retry in {} ms",
                    event.attempt,
                    failure.class,
                    delay.as_millis()
                );
                **failed.borrow_mut() += 1;
                if event.attempt == 3 {
                    other.borrow_mut().obeys("unlock").expect("the second process obeys");
                }
            }),
        )?;
        stock.add("apples", -3)?
    };
    claims.check(
        failed == 3,
        format_args!("{} failed with SQLITE_BUSY, then the change was made", counted(failed, "attempt")),
    );
    claims.check(count == 7, format_args!("{count} apples of 10 are left"));
    Ok(())
}

/// The other process holds its lock for the whole call.
fn long_lock(database: &Path, other: &mut OtherProcess, claims: &mut Claims) -> Result<(), Box<dyn Error>> {
    println!("\n2. Another process holds the lock for longer than the call may take");
    const IMPATIENT: Policy =
        Policy::exponential(Duration::from_millis(2)).max_attempts(5).jitter(Jitter::None);

    let mut stock = Stock::open(database, IMPATIENT, ())?;
    other.obeys("lock")?;
    let (error, alone) = failed(|| stock.add("apples", -1))?;
    println!("  {error}, after {} ms", alone.as_millis());
    claims.check(error.is_exhausted() && error.attempts() == 5, "the call gave up after 5 attempts");
    let busy = error.inner().and_then(code) == Some(ffi::SQLITE_BUSY);
    claims.check(busy, "the error has SQLite's own code, SQLITE_BUSY");

    // What the setting in `Stock::open` is for.
    let connection = Connection::open(database)?;
    connection.busy_timeout(DRIVER)?;
    let sell = || connection.execute("UPDATE stock SET count = count - 1 WHERE sku = 'apples'", ());
    let (_, both) = failed(|| retry(&IMPATIENT).classify(failure).run_blocking(sell).map_err(Box::new))?;
    println!("  with a busy_timeout of {} ms in SQLite as well: {} ms", DRIVER.as_millis(), both.as_millis());
    claims.check(both >= 5 * DRIVER, "two retries inside each other take 5 times as long as one");
    other.obeys("unlock")?;
    claims.check(stock.count("apples")? == 7, "a call that gave up has changed nothing");
    Ok(())
}

const DRIVER: Duration = Duration::from_millis(100);

/// The other process writes between the read and the write of a transaction.
fn snapshot(database: &Path, other: &mut OtherProcess, claims: &mut Claims) -> Result<(), Box<dyn Error>> {
    println!("\n3. Another process writes between the read and the write of a transaction");
    let codes = RefCell::new(Vec::new());
    let mut reads = Vec::new();
    let count = {
        let mut stock = Stock::open(
            database,
            POLICY,
            observer_fn(|event| {
                if let (EventKind::Failed { .. }, Some(text)) = (event.kind, event.text) {
                    println!("  attempt {}: {text}", event.attempt);
                    codes.borrow_mut().push(event.attempt);
                }
            }),
        )?;
        stock.recount("apples", |count| {
            reads.push(count);
            if reads.len() == 1 {
                other.obeys("add 5").expect("the second process obeys");
            }
            count * 2
        })?
    };
    println!("  read {reads:?}, wrote {count}");
    claims.check(reads == [7, 12], "the whole transaction was retried: it read 7, and then 12");
    claims.check(*codes.borrow() == [1], "SQLite refused the first write");
    claims.check(count == 24, "neither change was lost: (7 + 5) x 2 = 24");
    Ok(())
}

/// What would fail again is not retried.
fn constraints(database: &Path, claims: &mut Claims) -> Result<(), Box<dyn Error>> {
    println!("\n4. A change breaks a constraint");
    let mut stock = Stock::open(database, POLICY, ())?;
    let broken = [
        ("a second row of the same key", ffi::SQLITE_CONSTRAINT_PRIMARYKEY, stock.add_article("apples", 1)),
        ("a count below zero", ffi::SQLITE_CONSTRAINT_CHECK, stock.add("apples", -100).map(drop)),
    ];
    for (what, expected, ended) in broken {
        let error = ended.err().ok_or("the constraint was ignored")?;
        let (code, class) = (error.inner().and_then(code), error.class());
        let class = class.map_or("", Class::name);
        println!("  {what}: code {}, class {class}", code.unwrap_or_default());
        claims.check(error.attempts() == 1 && code == Some(expected), format_args!("{what} is not retried"));
    }
    let missing = stock.add("pears", 1).err().ok_or("there are no pears")?;
    claims.check(
        missing.attempts() == 1 && missing.class() == Some(Class::NotFound),
        "an article that does not exist is not retried",
    );
    Ok(())
}

/// Two processes write as fast as they can.
fn two_writers(database: &Path, other: &mut OtherProcess, claims: &mut Claims) -> Result<(), Box<dyn Error>> {
    println!("\n5. Two processes add {ADDITIONS} apples each, one at a time");
    let metrics = Metrics::new();
    let mut stock = Stock::open(database, POLICY, &metrics)?;
    let before = stock.count("apples")?;
    let start = StdRuntime.now();
    other.order(&format!("add {ADDITIONS}"))?;
    for _ in 0..ADDITIONS {
        stock.add("apples", 1)?;
    }
    let retries = other.answer()?;
    let took = StdRuntime.now().since(start);
    let after = stock.count("apples")?;
    println!("  {} changes in {} ms", 2 * ADDITIONS, took.as_millis());
    println!(
        "  retries after SQLITE_BUSY: {} here, {retries} in the other process",
        metrics.snapshot().retries()
    );
    claims.check(
        after == before + 2 * i64::from(ADDITIONS),
        format_args!("no change was lost: {before} + {} = {after}", 2 * ADDITIONS),
    );
    let calls = ["stock.open", "stock.change", "stock.count"]
        .map(|name| metrics.operation(name).map_or(0, |operation| operation.snapshot().calls()));
    let [opened, changed, counted] = calls;
    claims.check(
        calls == [1, ADDITIONS.into(), 2],
        format_args!(
            "the metrics count each operation by its name: {opened} open, {changed} change, {counted} count"
        ),
    );
    Ok(())
}

/// Runs a call that must fail, and returns its error and how long it took.
fn failed<T>(call: impl FnOnce() -> Result<T, CallError>) -> Result<(CallError, Duration), String> {
    let start = StdRuntime.now();
    let error = call().err().ok_or("the call succeeded, although the database is locked")?;
    Ok((error, StdRuntime.now().since(start)))
}

/// A folder for the database, which is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("sqlite_blocking-{}", process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
