//! Words of a failover, from servers that are in it: READONLY, LOADING, CLUSTERDOWN and MOVED.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use redis::{Connection, RedisError};
use retry_core::runtime::StdRuntime;
use retry_core::{Cause, retry};
use retry_tokio::redis_error;

use super::{PATIENT, Result, TIMEOUT};
use crate::connection::Redis;
use crate::report::Report;
use crate::server::Process;

/// Keys of a server that takes a while to load them.
const KEYS: usize = 2_000;

pub(crate) fn run(report: &mut Report) -> Result {
    readonly(report)?;
    loading(report)?;
    moved(report)
}

/// A replica refuses a write, until it is promoted.
fn readonly(report: &mut Report) -> Result {
    let master = Process::start(&[])?;
    let of = format!("127.0.0.1 {}", master.address().port());
    let replica = Process::start(&["--replicaof", &of])?;
    let (redis, operator) = (connect(&replica)?, connect(&replica)?);
    let (words, done) = thread::scope(|scope| {
        let promoted = scope.spawn(|| {
            StdRuntime.sleep(Duration::from_millis(200));
            operator.run(|connection| redis::cmd("REPLICAOF").arg("NO").arg("ONE").query::<()>(connection))
        });
        let done = until_done(|| redis.run(set("apple")));
        promoted.join().unwrap_or(Ok(())).map(|()| done)
    })?;
    report.claim(
        done && words.contains("READONLY"),
        format!("a replica is written to, and then promoted: {words}"),
    );
    Ok(())
}

/// A server was started again and reads its file. A setting for tests makes that slow.
fn loading(report: &mut Report) -> Result {
    let mut server = Process::start(&["--appendonly", "no"])?;
    let redis = connect(&server)?;
    redis.run(|connection| {
        let mut pipe = redis::pipe();
        for key in 0..KEYS {
            pipe.cmd("SET").arg(key).arg("seven apples ".repeat(80)).ignore();
        }
        pipe.cmd("SAVE").ignore().query::<()>(connection)
    })?;
    server.kill()?;
    server.start_again(&["--key-load-delay", "200", "--loading-process-events-interval-bytes", "1024"])?;
    let (words, done) = until_done(|| redis.run(set("apple")));
    report
        .claim(done && words.contains("LOADING"), format!("a server loads its file after a crash: {words}"));
    Ok(())
}

/// One half of the slots is on another node. A driver for clusters follows by itself; here, the program does.
fn moved(report: &mut Report) -> Result {
    let nodes =
        [Process::start(&["--cluster-enabled", "yes"])?, Process::start(&["--cluster-enabled", "yes"])?];
    for (node, slots) in nodes.iter().zip([("0", "8191"), ("8192", "16383")]) {
        connect(node)?.run(|connection: &mut Connection| {
            redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(slots.0).arg(slots.1).query::<()>(connection)
        })?;
    }
    let other = nodes[1].address();
    connect(&nodes[0])?.run(|connection: &mut Connection| {
        let mut meet = redis::cmd("CLUSTER");
        meet.arg("MEET").arg(other.ip().to_string()).arg(other.port()).query::<()>(connection)
    })?;
    let node = RefCell::new(connect(&nodes[0])?);
    let (words, done) = until_done(|| {
        let result = node.borrow().run(set("foo")); // slot 12182
        if let Err(error) = &result
            && let Some((address, _)) = error.redirect_node()
        {
            *node.borrow_mut() = Redis::new(format!("redis://{address}/"), TIMEOUT)?;
        }
        result
    });
    report.claim(
        done && words.contains("MOVED"),
        format!("a cluster begins, and the key is on its other node: {words}"),
    );
    Ok(())
}

fn connect(server: &Process) -> Result<Redis> {
    Ok(Redis::new(format!("redis://{}/", server.address()), TIMEOUT)?)
}

fn set(key: &str) -> impl Fn(&mut Connection) -> redis::RedisResult<()> {
    move |connection| redis::cmd("SET").arg(key).arg(7).query(connection)
}

/// Retries until the write succeeds. Returns the words of the answers before that, and whether it succeeded.
fn until_done(attempt: impl FnMut() -> redis::RedisResult<()>) -> (String, bool) {
    let words: RefCell<Vec<(String, u32)>> = RefCell::default();
    let note = |cause: &Cause<RedisError>, _, _| {
        let word = cause.error().and_then(RedisError::code).unwrap_or("no answer");
        let mut words = words.borrow_mut();
        match words.last_mut() {
            Some((last, count)) if last == word => *count += 1,
            _ => words.push((word.into(), 1)),
        }
    };
    let calls = retry(PATIENT).classify(redis_error).on_error(note).named("failover.set");
    let result = calls.run_blocking(attempt);
    let words = words.borrow().iter().map(|(word, count)| format!("{count} x {word}, ")).collect::<String>();
    match result {
        Ok(()) => (words + "then done", true),
        Err(error) => (format!("{words}then {error}"), false),
    }
}
