//! Words of a failover, from servers that are in it: READONLY, LOADING, CLUSTERDOWN, MOVED and ASK.

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use redis::{Connection, RedisError, RedisResult};
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
    let mut keys = Keys { node: connect(&nodes[0])?, asked: None };
    let (words, done) = until_done(|| keys.run(set("foo")));
    report.claim(
        done && words.contains("MOVED"),
        format!("a cluster begins, and the key is on its other node: {words}"),
    );

    // The slot begins to move to the first node: new keys are there already.
    let [to, from] = [connect(&nodes[0])?, connect(&nodes[1])?];
    let id =
        |node: &Redis| node.run(|connection| redis::cmd("CLUSTER").arg("MYID").query::<String>(connection));
    for (node, state, peer) in [(&to, "IMPORTING", id(&from)?), (&from, "MIGRATING", id(&to)?)] {
        node.run(|connection| {
            redis::cmd("CLUSTER").arg("SETSLOT").arg(SLOT).arg(state).arg(&peer).query::<()>(connection)
        })?;
    }
    let (words, done) = until_done(|| keys.run(set("{foo}new")));
    let is_back = keys.run(set("foo")).is_ok(); // the old key has not moved
    report.claim(
        done && is_back && words.contains("ASK"),
        format!("the slot is being moved, and a new key is on the first node: {words}"),
    );
    Ok(())
}

/// The slot of all keys with the tag `foo`.
const SLOT: u16 = 12_182;

/// The node that has the keys, as far as the program knows.
struct Keys {
    node: Redis,
    /// Where the next command goes, and only that one: the node is about to get the slot.
    asked: Option<Redis>,
}

impl Keys {
    /// Makes one attempt. After a redirection, the next attempt goes to the other node.
    fn run(&mut self, command: impl Fn(&mut Connection) -> RedisResult<()>) -> RedisResult<()> {
        let result = match self.asked.take() {
            // Without ASKING, a node that is about to get a slot answers MOVED.
            Some(asked) => asked.run(|connection| {
                redis::cmd("ASKING").query::<()>(connection)?;
                command(connection)
            }),
            None => self.node.run(command),
        };
        if let Err(error) = &result
            && let Some((address, _)) = error.redirect_node()
        {
            let other = self.node.at(address)?;
            if error.code() == Some("MOVED") {
                self.node = other;
            } else {
                self.asked = Some(other);
            }
        }
        result
    }
}

fn connect(server: &Process) -> Result<Redis> {
    Ok(Redis::new(format!("redis://{}/", server.address()), TIMEOUT)?)
}

fn set(key: &str) -> impl Fn(&mut Connection) -> RedisResult<()> {
    move |connection| redis::cmd("SET").arg(key).arg(7).query(connection)
}

/// Retries until the write succeeds. Returns the words of the answers before that, and whether it succeeded.
fn until_done(attempt: impl FnMut() -> RedisResult<()>) -> (String, bool) {
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
