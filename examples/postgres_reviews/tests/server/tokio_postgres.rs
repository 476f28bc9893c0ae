//! The classes of tokio-postgres' errors, each made by a real server.

use std::time::Duration;

use postgres_reviews::outage::server::connect;
use retry_core::{Class, Classify, Failure, Policy};
use retry_tokio::{error_chain, retry, tokio_postgres_error};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error, NoTls};

use crate::{REFUSED, REVIEW, server};

#[tokio::test]
async fn each_error_has_its_class() {
    let Some(server) = server().await else { return };
    let session = connect(&server.database()).await.unwrap();
    session.batch_execute(REVIEW).await.unwrap();
    for (statement, code, class) in REFUSED {
        let error = session.batch_execute(statement).await.unwrap_err();
        assert_eq!(error.code().map(|code| code.code()), Some(*code), "{statement}");
        assert_eq!(class_of(error), *class, "{statement}");
        session.batch_execute("ROLLBACK; RESET ALL").await.unwrap();
    }

    let error = |statement: &'static str| async { session.query_one(statement, &[]).await.unwrap_err() };
    assert_eq!(class_of(error("SELECT id FROM products WHERE id = 7").await), Class::NotFound);
    let row = session.query_one("SELECT 'a text'", &[]).await.unwrap();
    assert_eq!(class_of(row.try_get::<_, i64>(0).unwrap_err()), Class::Serialization);
    assert_eq!(class_of(row.try_get::<_, &str>("no_such_column").unwrap_err()), Class::Serialization);

    let not_sent = Failure::new(Class::Validation).neutral();
    let error = session.query("SELECT $1::bigint", &[&"a text"]).await.unwrap_err();
    assert_eq!(judged(error), not_sent);
    assert_eq!(judged("host=localhost port=many".parse::<Config>().unwrap_err()), not_sent);
    assert_eq!(judged(Config::new().user("reviews").connect(NoTls).await.err().unwrap()), not_sent);
    let error = session.batch_execute("SELECT '\0'").await.unwrap_err();
    assert_eq!(judged(error), not_sent);

    assert_eq!(class_of(refused(server.database().user("nobody")).await), Class::Client);
    assert_eq!(class_of(refused(server.database().dbname("no_such_database")).await), Class::NotFound);
    let with_tls = refused(server.database().ssl_mode(SslMode::Require)).await;
    assert_eq!(class_of(with_tls), Class::Permanent);
}

#[tokio::test]
async fn a_server_that_stops_is_the_network() {
    let Some(server) = server().await else { return };
    let by_socket = connect(&server.by_socket()).await.unwrap();
    let (sleeps, idle) =
        (connect(&server.database()).await.unwrap(), connect(&server.database()).await.unwrap());
    let sleeping = async { sleeps.batch_execute("SELECT pg_sleep(60)").await.unwrap_err() };
    let stopped = async {
        until_active(&idle).await;
        tokio::task::spawn_blocking(move || server.stop().map(|()| server)).await.unwrap().unwrap()
    };
    let (error, server) = tokio::join!(sleeping, stopped);
    assert_eq!(error.code().map(|code| code.code()), Some("57P01"));
    assert_eq!(class_of(error), Class::Network);
    assert_eq!(class_of(by_socket.batch_execute("SELECT 1").await.unwrap_err()), Class::Network); // the session ended
    assert_eq!(class_of(refused(&server.database()).await), Class::Network);
    assert_eq!(class_of(refused(&server.by_socket()).await), Class::Network); // the socket's file is missing
}

#[tokio::test]
async fn a_peer_that_is_not_postgres_is_the_network() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let answer = async {
        let (mut peer, _) = listener.accept().await.unwrap();
        peer.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    };
    let config = at(&listener);
    let (error, ()) = tokio::join!(refused(&config), answer);
    assert_eq!(class_of(error), Class::Network);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_a_timeout() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap(); // it accepts nothing, so its queue is full after two connections
    let address = listener.local_addr().unwrap();
    let _queue = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
    assert_eq!(
        class_of(refused(at(&listener).connect_timeout(Duration::from_millis(20))).await),
        Class::Timeout
    );
}

#[tokio::test]
async fn a_call_inside_has_made_its_attempts() {
    let inner = retry(&Policy::DEFAULT).classify(tokio_postgres_error);
    let ended = inner.run(|| async { "host=localhost port=many".parse::<Config>() }).await.unwrap_err();
    let judged = ended.classify();
    assert_eq!(judged, tokio_postgres_error(ended.inner().unwrap()).last());
    assert_eq!(error_chain().classify(&std::io::Error::other(ended)), judged);
}

fn at(listener: &TcpListener) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(listener.local_addr().unwrap().port()).user("reviews");
    config
}

async fn refused(config: &Config) -> Error {
    config.connect(NoTls).await.err().unwrap()
}

async fn until_active(session: &Client) {
    let sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while session.query(sleeping, &[]).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn judged(error: Error) -> Failure {
    crate::judged(error, tokio_postgres_error)
}

fn class_of(error: Error) -> Class {
    judged(error).class
}
