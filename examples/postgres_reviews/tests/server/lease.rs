//! What becomes of a connection whose attempt was cut.

use std::future::poll_fn;
use std::task::Poll;

use deadpool_postgres::{Manager, Pool};
use postgres_reviews::lease::Lease;
use tokio_postgres::NoTls;

use crate::server;

#[tokio::test]
async fn a_connection_is_used_again_unless_its_attempt_was_cut() {
    let Some(server) = server().await else { return };

    let pool = Pool::builder(Manager::new(server.database(), NoTls)).max_size(1).build().unwrap();
    let whole = attempt(&pool, "SELECT pg_backend_pid()").await;
    assert_eq!(attempt(&pool, "SELECT pg_backend_pid()").await, whole);

    let mut cut = Box::pin(attempt(&pool, "SELECT pg_backend_pid() FROM pg_sleep(1)"));
    let is_under_way = poll_fn(|context| Poll::Ready(cut.as_mut().poll(context).is_pending())).await;
    assert!(is_under_way);
    drop(cut);
    assert_ne!(attempt(&pool, "SELECT pg_backend_pid()").await, whole);
}

async fn attempt(pool: &Pool, query: &str) -> i32 {
    let connection = Lease::of(pool).await.unwrap();
    let process = connection.query_one(query, &[]).await.unwrap().get(0);
    connection.end();
    process
}
