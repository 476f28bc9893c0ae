//! A stand-in for Redis on machines without it. It speaks RESP2 on a socket.
//!
//! It knows what this program sends: strings that expire, streams, `PING`, `DEL` and `PTTL`. Its data is in memory, and
//! outlives a stop.
//!
//! Source: [RESP protocol specification](https://redis.io/docs/latest/develop/reference/protocol-spec/), and the page of
//! each command.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use retry_core::Instant;
use retry_core::runtime::StdRuntime;

/// A server that can be stopped and started again.
pub(crate) struct StandIn {
    address: SocketAddr,
    store: Arc<Mutex<Store>>,
    running: Option<Running>,
}

struct Running {
    stops: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    accepting: JoinHandle<()>,
}

impl StandIn {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (address, store) = (listener.local_addr()?, Arc::default());
        let running = Some(run(listener, &store));
        Ok(Self { address, store, running })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port and all connections.
    pub(crate) fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.stops.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes the thread that accepts
        let _ = running.accepting.join(); // it has no result
        for stream in locked(&running.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both); // the client may have closed it
        }
    }

    /// Opens the port again.
    pub(crate) fn start_again(&mut self) -> io::Result<()> {
        self.stop();
        self.running = Some(run(TcpListener::bind(self.address)?, &self.store));
        Ok(())
    }
}

fn run(listener: TcpListener, store: &Arc<Mutex<Store>>) -> Running {
    let (stops, open) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<_>>>::default());
    let (told, opened, store) = (stops.clone(), open.clone(), store.clone());
    let accepting = thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if told.load(Ordering::Relaxed) {
                break;
            }
            let Ok(copy) = stream.try_clone() else { continue };
            locked(&opened).push(copy);
            let store = store.clone();
            thread::spawn(move || serve(&stream, &store));
        }
    });
    Running { stops, open, accepting }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the commands of a connection, until it closes or breaks the protocol.
fn serve(stream: &TcpStream, store: &Mutex<Store>) {
    let mut requests = BufReader::new(stream);
    loop {
        let (reply, goes_on) = match read_command(&mut requests) {
            Ok(Some(command)) => (locked(store).answer(&command, StdRuntime.now()), true),
            Ok(None) => return,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                (Reply::error(&format!("ERR Protocol error: {error}")), false)
            }
            Err(_) => return,
        };
        let mut bytes = Vec::new();
        reply.write(&mut bytes);
        let mut answers = stream;
        if answers.write_all(&bytes).is_err() || !goes_on {
            let _ = stream.shutdown(Shutdown::Both); // the client may have closed it
            return;
        }
    }
}

/// Longer commands break the protocol. The limits of Redis are higher.
const MAX_WORDS: usize = 1 << 10;
const MAX_BYTES: usize = 1 << 20;

type Word = Vec<u8>;

/// Reads a command: an array of bulk strings. Returns `None` at the end of the connection.
fn read_command(requests: &mut impl BufRead) -> io::Result<Option<Vec<Word>>> {
    if requests.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let words = read_length(requests, b'*', MAX_WORDS)?;
    let word = |_| {
        let mut word = vec![0; read_length(requests, b'$', MAX_BYTES)? + 2];
        requests.read_exact(&mut word)?;
        if !word.ends_with(b"\r\n") {
            return Err(invalid("a bulk string is longer than its length"));
        }
        word.truncate(word.len() - 2);
        Ok(word)
    };
    (0..words).map(word).collect::<io::Result<_>>().map(Some)
}

fn read_length(requests: &mut impl BufRead, mark: u8, most: usize) -> io::Result<usize> {
    let mut line = Vec::new();
    requests.take(32).read_until(b'\n', &mut line)?;
    let digits = line.strip_prefix(&[mark]).and_then(|rest| rest.strip_suffix(b"\r\n"));
    let length = digits.and_then(|digits| str::from_utf8(digits).ok()).and_then(|text| text.parse().ok());
    length.filter(|&length| length <= most).ok_or_else(|| invalid("invalid length"))
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

enum Reply {
    Simple(&'static str),
    Error(String),
    Integer(i64),
    Bulk(Word),
    Array(Vec<Reply>),
    Nil,
}

impl Reply {
    fn error(text: &str) -> Self {
        Self::Error(text.into())
    }

    fn count(count: usize) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Simple(text) => to.extend(format!("+{text}\r\n").bytes()),
            Self::Error(text) => to.extend(format!("-{text}\r\n").bytes()),
            Self::Integer(number) => to.extend(format!(":{number}\r\n").bytes()),
            Self::Nil => to.extend(b"$-1\r\n"),
            Self::Bulk(bytes) => {
                to.extend(format!("${}\r\n", bytes.len()).bytes());
                to.extend(bytes);
                to.extend(b"\r\n");
            }
            Self::Array(replies) => {
                to.extend(format!("*{}\r\n", replies.len()).bytes());
                replies.iter().for_each(|reply| reply.write(to));
            }
        }
    }
}

#[derive(Default)]
struct Store {
    entries: HashMap<Word, Entry>,
}

struct Entry {
    value: Value,
    expires: Option<Instant>,
}

enum Value {
    Text(Word),
    Stream(Stream),
}

#[derive(Default)]
struct Stream {
    last: Id,
    items: Vec<(Id, Vec<Word>)>,
}

/// Milliseconds since 1970, and a number within the millisecond.
type Id = (u64, u64);

const SYNTAX: &str = "ERR syntax error";
const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

impl Store {
    fn answer(&mut self, command: &[Word], now: Instant) -> Reply {
        self.entries.retain(|_, entry| entry.expires.is_none_or(|at| now < at));
        let words: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        let Some((name, words)) = words.split_first() else { return Reply::error("ERR empty command") };
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        let reply = match (&*name, words) {
            ("PING", []) => Ok(Reply::Simple("PONG")),
            ("CLIENT", [..]) => Ok(Reply::Simple("OK")), // the driver gives its name and version
            ("GET", [key]) => self.get(key),
            ("SET", [key, value, options @ ..]) => self.set(key, value, options, now),
            ("DEL", [_, ..]) => {
                Ok(Reply::count(words.iter().filter_map(|key| self.entries.remove(*key)).count()))
            }
            ("PTTL", [key]) => Ok(self.life(key, now)),
            ("XADD", [key, id, fields @ ..]) => self.add(key, id, fields),
            ("XLEN", [key]) => {
                self.stream(key).map(|stream| Reply::count(stream.map_or(0, |s| s.items.len())))
            }
            ("XDEL", [key, ids @ ..]) => self.remove(key, ids),
            ("XRANGE", [key, from, to, options @ ..]) => self.range(key, from, to, options),
            ("PING" | "GET" | "SET" | "DEL" | "PTTL" | "XADD" | "XLEN" | "XDEL" | "XRANGE", _) => {
                let name = name.to_ascii_lowercase();
                return Reply::Error(format!("ERR wrong number of arguments for '{name}' command"));
            }
            _ => return Reply::Error(format!("ERR unknown command '{}'", name.escape_debug())),
        };
        reply.unwrap_or_else(Reply::error)
    }

    fn get(&self, key: &[u8]) -> Result<Reply, &'static str> {
        match self.entries.get(key).map(|entry| &entry.value) {
            None => Ok(Reply::Nil),
            Some(Value::Text(text)) => Ok(Reply::Bulk(text.clone())),
            Some(Value::Stream(_)) => Err(WRONG_TYPE),
        }
    }

    fn set(
        &mut self,
        key: &[u8],
        value: &[u8],
        options: &[&[u8]],
        now: Instant,
    ) -> Result<Reply, &'static str> {
        let is_new_only = matches!(options, [option] if option.eq_ignore_ascii_case(b"NX"));
        let expires = match options {
            [] => None,
            [_] if is_new_only => None,
            [unit, number] => {
                let number =
                    number_of(number).filter(|&n| n > 0).ok_or("ERR invalid expire time in 'set' command")?;
                let life = match &*unit.to_ascii_uppercase() {
                    b"PX" => Duration::from_millis(number),
                    b"EX" => Duration::from_secs(number),
                    _ => return Err(SYNTAX),
                };
                Some(now.after(life))
            }
            _ => return Err(SYNTAX),
        };
        if is_new_only && self.entries.contains_key(key) {
            return Ok(Reply::Nil);
        }
        self.entries.insert(key.into(), Entry { value: Value::Text(value.into()), expires });
        Ok(Reply::Simple("OK"))
    }

    /// The time that an entry has left, in milliseconds.
    fn life(&self, key: &[u8], now: Instant) -> Reply {
        match self.entries.get(key).map(|entry| entry.expires) {
            None => Reply::Integer(-2),
            Some(None) => Reply::Integer(-1),
            Some(Some(at)) => Reply::Integer(i64::try_from(at.since(now).as_millis()).unwrap_or(i64::MAX)),
        }
    }

    fn stream(&self, key: &[u8]) -> Result<Option<&Stream>, &'static str> {
        match self.entries.get(key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Stream(stream)) => Ok(Some(stream)),
            Some(Value::Text(_)) => Err(WRONG_TYPE),
        }
    }

    fn add(&mut self, key: &[u8], id: &[u8], fields: &[&[u8]]) -> Result<Reply, &'static str> {
        if id != b"*" || fields.is_empty() || !fields.len().is_multiple_of(2) {
            return Err(SYNTAX);
        }
        let new = || Entry { value: Value::Stream(Stream::default()), expires: None };
        let Value::Stream(stream) = &mut self.entries.entry(key.into()).or_insert_with(new).value else {
            return Err(WRONG_TYPE);
        };
        let (ms, number) = stream.last;
        stream.last = (StdRuntime::unix_secs() * 1_000, 0).max((ms, number + 1));
        stream.items.push((stream.last, fields.iter().map(|field| field.to_vec()).collect()));
        Ok(bulk(stream.last))
    }

    fn remove(&mut self, key: &[u8], ids: &[&[u8]]) -> Result<Reply, &'static str> {
        self.stream(key)?;
        let Some(Entry { value: Value::Stream(stream), .. }) = self.entries.get_mut(key) else {
            return Ok(Reply::Integer(0));
        };
        let ids: Vec<Id> = ids.iter().map(|id| id_of(id)).collect::<Option<_>>().ok_or(SYNTAX)?;
        let before = stream.items.len();
        stream.items.retain(|(id, _)| !ids.contains(id));
        Ok(Reply::count(before - stream.items.len()))
    }

    /// From `-` or an identifier, or after it with a leading `(`, to the end of the stream.
    fn range(&self, key: &[u8], from: &[u8], to: &[u8], options: &[&[u8]]) -> Result<Reply, &'static str> {
        let least = match (from, from.strip_prefix(b"(")) {
            (b"-", _) => Some((0, 0)),
            (_, Some(after)) => id_of(after).map(|(ms, number)| (ms, number + 1)),
            (_, None) => id_of(from),
        };
        let most = match options {
            [] => Some(u64::MAX),
            [count, number] if count.eq_ignore_ascii_case(b"COUNT") => number_of(number),
            _ => None,
        };
        let (Some(least), Some(most), b"+") = (least, most, to) else { return Err(SYNTAX) };
        let items = self.stream(key)?.map_or(&[][..], |stream| &stream.items);
        let items =
            items.iter().filter(|(id, _)| *id >= least).take(usize::try_from(most).unwrap_or(usize::MAX));
        let reply = |(id, fields): &(Id, Vec<Word>)| {
            Reply::Array(vec![bulk(*id), Reply::Array(fields.iter().cloned().map(Reply::Bulk).collect())])
        };
        Ok(Reply::Array(items.map(reply).collect()))
    }
}

fn bulk((ms, number): Id) -> Reply {
    Reply::Bulk(format!("{ms}-{number}").into())
}

fn id_of(text: &[u8]) -> Option<Id> {
    let (ms, number) = str::from_utf8(text).ok()?.split_once('-')?;
    Some((ms.parse().ok()?, number.parse().ok()?))
}

fn number_of(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use redis::{Client, Connection, RedisResult, Value};

    use super::*;

    fn connect(server: &StandIn) -> Connection {
        Client::open(format!("redis://{}/", server.address())).unwrap().get_connection().unwrap()
    }

    fn ask<T: redis::FromRedisValue>(connection: &mut Connection, line: &str) -> RedisResult<T> {
        let mut words = line.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>()).query(connection)
    }

    /// The same words as from Redis 7.
    #[test]
    fn it_answers_as_redis_does() {
        let server = StandIn::start().unwrap();
        let mut connection = connect(&server);
        let bulk = |text: &str| Value::BulkString(text.into());
        let rows: &[(&str, Result<Value, &str>)] = &[
            ("PING", Ok(Value::SimpleString("PONG".into()))),
            ("GET apple", Ok(Value::Nil)),
            ("PTTL apple", Ok(Value::Int(-2))),
            ("SET apple 7", Ok(Value::Okay)),
            ("get apple", Ok(bulk("7"))),
            ("SET apple 8 NX", Ok(Value::Nil)),
            ("GET apple", Ok(bulk("7"))),
            ("SET cherry 9 nx", Ok(Value::Okay)),
            ("GET cherry", Ok(bulk("9"))),
            ("PTTL apple", Ok(Value::Int(-1))),
            ("XADD apple * sku pear", Err("WRONGTYPE")),
            ("SET apple 7 PX 0", Err("ERR")),
            ("SET apple 7 soon", Err("ERR")),
            ("DEL apple pear", Ok(Value::Int(1))),
            ("XLEN letters", Ok(Value::Int(0))),
            ("XRANGE letters - +", Ok(Value::Array(vec![]))),
            ("XADD letters * sku", Err("ERR")),
            ("GET", Err("ERR")),
            ("FLUSHALL", Err("ERR")),
        ];
        for (line, answer) in rows {
            let got = ask::<Value>(&mut connection, line);
            let got = got.as_ref().map_err(|error| error.code().unwrap_or("no code"));
            assert_eq!(got, answer.as_ref().map_err(|code| *code), "{line}");
        }
    }

    #[test]
    fn an_entry_expires() {
        let second = Duration::from_secs(1);
        let (mut store, now) = (Store::default(), Instant::ORIGIN);
        let answer = |store: &mut Store, line: &str, now| {
            let words: Vec<Word> = line.split(' ').map(Word::from).collect();
            let mut bytes = Vec::new();
            store.answer(&words, now).write(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(answer(&mut store, "SET apple 7 EX 2", now), "+OK\r\n");
        assert_eq!(answer(&mut store, "PTTL apple", now.after(second)), ":1000\r\n");
        assert_eq!(answer(&mut store, "GET apple", now.after(second)), "$1\r\n7\r\n");
        assert_eq!(answer(&mut store, "GET apple", now.after(2 * second)), "$-1\r\n");
    }

    #[test]
    fn a_stream_is_read_in_pages_and_outlives_a_stop() {
        type Entries = Vec<(String, Vec<(String, String)>)>;

        let mut server = StandIn::start().unwrap();
        let mut connection = connect(&server);
        for sku in ["apple", "pear", "plum"] {
            ask::<String>(&mut connection, &format!("XADD letters * sku {sku}")).unwrap();
        }
        server.stop();
        assert!(ask::<Value>(&mut connection, "PING").is_err());
        assert!(Client::open(format!("redis://{}/", server.address())).unwrap().get_connection().is_err());

        server.start_again().unwrap();
        let mut connection = connect(&server);
        let first: Entries = ask(&mut connection, "XRANGE letters - + COUNT 2").unwrap();
        let rest: Entries = ask(&mut connection, &format!("XRANGE letters ({} +", first[1].0)).unwrap();
        let skus: Vec<_> = first.iter().chain(&rest).map(|(_, fields)| &*fields[0].1).collect();
        assert_eq!(skus, ["apple", "pear", "plum"]);
        assert_eq!(
            ask::<u32>(&mut connection, &format!("XDEL letters {} {}", first[0].0, first[0].0)).unwrap(),
            1
        );
        assert_eq!(ask::<u32>(&mut connection, "XLEN letters").unwrap(), 2);
    }

    #[test]
    fn what_is_not_resp_gets_an_error_and_ends_the_connection() {
        let server = StandIn::start().unwrap();
        for request in
            ["GET /stock HTTP/1.1\r\n\r\n", "*1\r\n$99999999\r\n", "*99999\r\n", "*1\r\n$4\r\nPING!\r\n"]
        {
            let mut connection = TcpStream::connect(server.address()).unwrap();
            connection.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            let _ = connection.read_to_string(&mut answer); // what was left unread resets the connection
            assert!(answer.starts_with("-ERR Protocol error"), "{request:?}: {answer:?}");
        }
    }
}
