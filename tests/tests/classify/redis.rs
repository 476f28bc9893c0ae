//! The errors of the crate redis, made from what a server sends, byte by byte.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;

use redis::{Client, ErrorKind, RedisError, RedisResult, parse_redis_value};
use retry_core::{Class, Failure, Policy};
use retry_tokio::{error_chain, redis_error};
use tests::ms;

/// The error of an answer in RESP.
fn answered(line: &str) -> RedisError {
    parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap().extract_error().unwrap_err()
}

/// Calls a server that reads once from each connection and answers these bytes, and then closes the connection.
fn against(answer: &'static [u8], call: fn(&mut redis::Connection) -> RedisResult<()>) -> RedisError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut read = [0; 1_024];
        assert!(connection.read(&mut read).unwrap() > 0, "the client introduces itself");
        connection.write_all(b"+OK\r\n+OK\r\n").unwrap();
        assert!(connection.read(&mut read).unwrap() > 0, "the command");
        connection.write_all(answer).unwrap();
    });
    let error = call(&mut Client::open(url).unwrap().get_connection().unwrap()).unwrap_err();
    server.join().unwrap();
    error
}

const NOT_SENT: Failure = Failure::new(Class::Validation).neutral();

#[test]
fn an_answer_has_the_class_of_its_first_word_or_of_its_text() {
    let rows: &[(&str, Class)] = &[
        ("LOADING Redis is loading the dataset in memory", Class::Transient),
        ("READONLY You can't write against a read only replica.", Class::Transient),
        ("MOVED 3999 127.0.0.1:6381", Class::Transient),
        ("CLUSTERDOWN Hash slot not served", Class::Transient),
        ("OOM command not allowed when used memory > 'maxmemory'.", Class::Transient),
        ("MISCONF Errors writing to the AOF file: No space left on device", Class::Server),
        ("NOAUTH Authentication required.", Class::Client),
        ("NOPERM this user has no permissions to run the 'get' command", Class::Client),
        ("NOSCRIPT No matching script.", Class::NotFound),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", Class::Validation),
        ("ERR max number of clients reached", Class::Transient),
        ("ERR syntax error", Class::Validation),
        ("ERR the script says so", Class::Unknown),
        ("STOCKOUT a word of a script's own", Class::Unknown),
    ];
    for &(line, class) in rows {
        assert_eq!(redis_error(&answered(line)), class.into(), "{line}");
    }
}

#[test]
fn an_error_of_the_client_has_the_class_of_its_kind() {
    let io = |kind: io::ErrorKind| RedisError::from(io::Error::from(kind));
    let of_kind = |kind: ErrorKind| RedisError::from((kind, "of the client"));
    let rows: Vec<(RedisError, Failure)> = vec![
        (io(io::ErrorKind::ConnectionRefused), Class::Network.into()),
        (io(io::ErrorKind::BrokenPipe), Class::Network.into()),
        (io(io::ErrorKind::NotFound), Class::Network.into()), // the socket of a server on this machine
        (io(io::ErrorKind::TimedOut), Class::Timeout.into()),
        (io(io::ErrorKind::WouldBlock), Class::Timeout.into()), // the read timeout of a blocking connection
        (io(io::ErrorKind::InvalidData), Class::Permanent.into()), // of a TLS handshake
        (of_kind(ErrorKind::Io), Class::Network.into()),
        (of_kind(ErrorKind::Parse), Class::Serialization.into()),
        (of_kind(ErrorKind::UnexpectedReturnType), Class::Serialization.into()),
        (of_kind(ErrorKind::AuthenticationFailed), Class::Client.into()),
        (of_kind(ErrorKind::MasterNameNotFoundBySentinel), Class::Transient.into()),
        (of_kind(ErrorKind::ClusterConnectionNotFound), Class::Transient.into()),
        (of_kind(ErrorKind::RESP3NotSupported), Class::Permanent.into()),
        (of_kind(ErrorKind::Client), NOT_SENT),
        (Client::open("redis:///stock").unwrap_err(), NOT_SENT),
        (redis::from_redis_value::<u32>(redis::Value::Okay).unwrap_err().into(), Class::Serialization.into()),
    ];
    for (error, failure) in rows {
        assert_eq!(redis_error(&error), failure, "{error}");
        let boxed: Box<dyn std::error::Error + Send + Sync> = io::Error::other(error).into();
        assert_eq!(error_chain().classify(&*boxed), failure, "in an io::Error: {boxed}");
    }
}

/// Both commands of the pipeline are repeated, so the one that cannot succeed decides.
#[test]
fn a_pipeline_is_retried_if_each_of_its_errors_may_pass() {
    let both = |connection: &mut redis::Connection| {
        redis::pipe().cmd("GET").arg("apple").cmd("GET").arg("pear").query::<()>(connection)
    };
    let rows: &[(&[u8], Class)] = &[
        (b"-LOADING now\r\n-LOADING now\r\n", Class::Transient),
        (b"-LOADING now\r\n$1\r\n7\r\n", Class::Transient),
        (b"-LOADING now\r\n-WRONGTYPE no text\r\n", Class::Validation),
        (b"", Class::Network),
    ];
    for &(answer, class) in rows {
        let error = against(answer, both);
        assert_eq!(redis_error(&error), class.into(), "{error}");
    }
    let nonsense = against(b"HTTP/1.1 400 Bad Request\r\n", |connection| {
        redis::cmd("GET").arg("apple").query::<()>(connection)
    });
    assert_eq!(redis_error(&nonsense), Class::Serialization.into(), "{nonsense}");
}

/// The error of an inner call ends the outer one, although its cause is one that is retried.
#[test]
fn nested_retries_do_not_multiply() {
    const POLICY: Policy = Policy::fixed(ms(0)).max_attempts(3);

    let inner = retry_core::retry(&POLICY).classify(redis_error);
    let mut sent = 0;
    let mut call = || {
        let load = || {
            sent += 1;
            Err::<(), _>(answered("LOADING now"))
        };
        inner.run_blocking(load).map_err(io::Error::other)
    };
    let outer = retry_core::retry(&POLICY).classifier(error_chain());
    let error = outer.run_blocking(&mut call).unwrap_err();
    assert_eq!((error.class(), error.attempts(), sent), (Some(Class::Exhausted), 1, 3));
}
