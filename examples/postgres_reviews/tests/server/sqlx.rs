//! The classes of sqlx's errors, each made by a real server or by sqlx itself.

use std::borrow::Cow;
use std::time::Duration;

use postgres_reviews::outage::server::{ROLE, Server};
use retry_core::{Class, Classify, Failure, Policy};
use retry_tokio::{error_chain, retry, sqlx_error};
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{Connection, Error, Executor, PgConnection, Row};

use crate::{REFUSED, REVIEW, server};

#[tokio::test]
async fn each_error_has_its_class() {
    let Some(server) = server().await else { return };
    let mut session = PgConnection::connect_with(&options(&server)).await.unwrap();
    session.execute(REVIEW).await.unwrap();
    for (statement, code, class) in REFUSED {
        let error = session.execute(*statement).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some(*code), "{statement}");
        assert_eq!(class_of(error), *class, "{statement}");
        session.execute("ROLLBACK; RESET ALL").await.unwrap();
    }

    let none = sqlx::query("SELECT id FROM products WHERE id = 7").fetch_one(&mut session).await;
    assert_eq!(class_of(none.err().unwrap()), Class::NotFound);
    let row = sqlx::query("SELECT 'a text'").fetch_one(&mut session).await.unwrap();
    assert_eq!(class_of(row.try_get::<i64, _>(0).unwrap_err()), Class::Serialization);
    assert_eq!(class_of(row.try_get::<&str, _>("no_such_column").unwrap_err()), Class::Serialization);
    assert_eq!(class_of(row.try_get::<&str, _>(7).unwrap_err()), Class::Serialization);

    assert_eq!(class_of(refused(options(&server).username("nobody")).await), Class::Client);
    assert_eq!(class_of(refused(options(&server).database("no_such_database")).await), Class::NotFound);
    assert_eq!(
        judged("postgres://localhost:many/".parse::<PgConnectOptions>().unwrap_err()),
        Failure::new(Class::Validation).neutral()
    );

    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(20));
    let pool = pool.connect_with(options(&server)).await.unwrap();
    let lent = pool.acquire().await.unwrap();
    assert_eq!(class_of(pool.acquire().await.err().unwrap()), Class::Timeout);
    drop(lent);
    pool.close().await;
    assert_eq!(judged(pool.acquire().await.err().unwrap()), Failure::new(Class::Permanent).neutral());
}

#[tokio::test]
async fn a_server_that_stops_is_the_network() {
    let Some(server) = server().await else { return };
    let mut session = PgConnection::connect_with(&options(&server)).await.unwrap();
    server.stop().unwrap();
    assert_eq!(class_of(session.execute("SELECT 1").await.unwrap_err()), Class::Network);
    assert_eq!(class_of(refused(options(&server)).await), Class::Network);
}

/// What the drivers of other databases answer with: the code, and the text with MySQL's number in front.
#[test]
fn codes_of_other_databases_have_their_class() {
    let table = [
        ("5", "database is locked", Class::Transient),   // SQLITE_BUSY
        ("517", "database is locked", Class::Transient), // SQLITE_BUSY_SNAPSHOT
        ("1555", "UNIQUE constraint failed: products.id", Class::Client), // SQLITE_CONSTRAINT_PRIMARYKEY
        ("40001", "1213 (40001): Deadlock found when trying to get lock", Class::Transient),
        ("HY000", "1205 (HY000): Lock wait timeout exceeded", Class::Transient), // HY000 alone says nothing
        ("HY000", "1836 (HY000): Running in read-only mode", Class::Transient),
        ("23000", "1062 (23000): Duplicate entry '1' for key 'PRIMARY'", Class::Client),
        ("22012", "19999 (22012): a number that the table leaves out", Class::Validation),
        ("HY000", "a text without a number", Class::Unknown),
        ("40001", "1062 (23000): another state than that of the error", Class::Transient),
        ("", "an error without a code", Class::Unknown),
    ];
    for (code, text, class) in table {
        assert_eq!(class_of(Error::Database(Box::new(Refusal { code, text }))), class, "{code} {text}");
    }
}

#[derive(Debug)]
struct Refusal {
    code: &'static str,
    text: &'static str,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

impl std::error::Error for Refusal {}

impl DatabaseError for Refusal {
    fn message(&self) -> &str {
        self.text
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        (!self.code.is_empty()).then_some(self.code.into())
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }
}

#[tokio::test]
async fn a_call_inside_has_made_its_attempts() {
    let inner = retry(&Policy::DEFAULT).classify(sqlx_error);
    let ended =
        inner.run(|| async { "postgres://localhost:many/".parse::<PgConnectOptions>() }).await.unwrap_err();
    let judged = ended.classify();
    assert_eq!(judged, sqlx_error(ended.inner().unwrap()).last());
    assert_eq!(error_chain().classify(&std::io::Error::other(ended)), judged);
}

fn options(server: &Server) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port());
    options.username(ROLE).database("postgres").ssl_mode(PgSslMode::Disable)
}

async fn refused(options: PgConnectOptions) -> Error {
    PgConnection::connect_with(&options).await.err().unwrap()
}

fn judged(error: Error) -> Failure {
    crate::judged(error, sqlx_error)
}

fn class_of(error: Error) -> Class {
    judged(error).class
}
