//! Tests with a real server: the classes of both drivers' errors, and what becomes of a connection.

mod lease;
mod sqlx;
mod tokio_postgres;

use harness::server::or_skipped;
use postgres_reviews::outage::server::Server;
use retry_core::{Class, Failure};
use retry_tokio::error_chain;

/// The server, or `None` where PostgreSQL is not installed and no test requires it.
async fn server() -> Option<Server> {
    or_skipped(Server::start().await.unwrap(), "PostgreSQL")
}

/// What the classifier says, which is also what the chain says of the error inside of another one.
fn judged<E>(error: E, classify: fn(&E) -> Failure) -> Failure
where
    E: std::error::Error + Send + Sync + 'static,
{
    let failure = classify(&error);
    if failure.class != Class::Unknown {
        assert_eq!(error_chain().classify(&std::io::Error::other(error)), failure);
    }
    failure
}

/// A product with a review.
const REVIEW: &str = "INSERT INTO products (id) VALUES (1); INSERT INTO reviews VALUES ('1', 1, 'author', 5)";

/// A statement that the server refuses, the SQLSTATE that it answers with, and the class of the error.
const REFUSED: &[(&str, &str, Class)] = &[
    ("INSERT INTO reviews VALUES ('2', 1, 'author', 5)", "23505", Class::Client),
    ("INSERT INTO reviews VALUES ('2', 2, 'author', 5)", "23503", Class::Client),
    ("INSERT INTO reviews VALUES ('2', 1, 'another', 6)", "23514", Class::Validation),
    ("INSERT INTO reviews VALUES ('2', 1, NULL, 5)", "23502", Class::Validation),
    ("SELECT 1 / 0", "22012", Class::Validation),
    ("SELEC 1", "42601", Class::Validation),
    ("SELECT * FROM no_such_table", "42P01", Class::NotFound),
    ("CREATE TABLE products ()", "42P07", Class::Client),
    ("SELECT * FROM pg_authid", "42501", Class::Client),
    ("BEGIN READ ONLY; DELETE FROM reviews", "25006", Class::Transient),
    ("SET statement_timeout = '1ms'; SELECT pg_sleep(60)", "57014", Class::Timeout),
    ("DO $$ BEGIN RAISE 'own' USING ERRCODE = '40001'; END $$", "40001", Class::Transient),
    ("DO $$ BEGIN RAISE 'own' USING ERRCODE = '40P01'; END $$", "40P01", Class::Transient),
    ("DO $$ BEGIN RAISE 'own' USING ERRCODE = '55P03'; END $$", "55P03", Class::Transient),
    ("DO $$ BEGIN RAISE 'own' USING ERRCODE = '53100'; END $$", "53100", Class::Permanent),
    ("DO $$ BEGIN RAISE 'own' USING ERRCODE = '58030'; END $$", "58030", Class::Server),
    ("DO $$ BEGIN RAISE 'own'; END $$", "P0001", Class::Unknown),
];
