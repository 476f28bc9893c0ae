//! One fault each, with the claims about what the repository makes of it.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use harness::proxy::{Cut, Proxy};
use harness::wait::PATIENCE;
use harness::{claim, counted};
use postgres_reviews::error::ReviewError;
use postgres_reviews::outage::seen::Seen;
use postgres_reviews::outage::server::{self, CONNECTIONS, Server};
use postgres_reviews::reviews::Reviews;
use postgres_reviews::statements::{Added, Rating, Review};
use retry_core::circuit::Phase;
use retry_core::observe::Metrics;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_postgres::{Client, Config};

/// A failed claim, or an error that ended a part.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn StdError + Send + Sync>>;

type Watched = Reviews<(Arc<Metrics>, Arc<Seen>)>;

/// The server that the parts break.
pub(crate) struct Stage {
    pub(crate) server: Server,
}

/// A new repository with an empty pool, and what is seen of its calls.
struct Trial {
    reviews: Arc<Watched>,
    metrics: Arc<Metrics>,
    seen: Arc<Seen>,
}

impl Stage {
    /// Concurrent transactions that read and write the same rows.
    pub(crate) async fn conflicts(&self) -> Result<String> {
        let (trial, product) = (Trial::of(self.server.database()), self.product(1).await?);
        finish(trial.begin_adding(product, 6)).await?;
        let rating = trial.reviews.rating(product).await?;
        claim!(rating == Rating { reviews: 6 * PER_TASK, stars: 6 * PER_TASK * 4 }, "{rating:?}");
        claim!(trial.seen.count("40001") > 0, "{}", trial.seen);
        let neutral = trial.metrics.snapshot().neutral();
        claim!(neutral == u64::from(trial.seen.count("40001")), "{neutral}: the circuit counts no conflict");
        Ok(format!("{} added, each once; {}", rating.reviews, trial.report()))
    }

    /// While `holder` keeps them waiting, the repository and `other` queue for the same product. Then the repository is
    /// next, and waits for the product of `other`. That one lets the server look for deadlocks only after a minute, so the
    /// repository's transaction is the one that the server ends.
    pub(crate) async fn deadlock(&self) -> Result<String> {
        let (trial, from, to) =
            (Trial::of(self.server.database()), self.product(2).await?, self.product(3).await?);
        trial.add(from, "author").await?;
        let (holder, other) = (self.holder_of(from).await?, self.holder_of(to).await?);
        other.batch_execute("SET LOCAL deadlock_timeout = '1min'").await?;
        let reviews = Arc::clone(&trial.reviews);
        let moved = tokio::spawn(async move { reviews.move_all(from, to).await });
        self.until_waiting(1).await?;
        let last = lock(from);
        let released = async {
            self.until_waiting(2).await?;
            Ok(holder.batch_execute("COMMIT").await?)
        };
        let (locked, released): (_, Result<()>) = tokio::join!(other.batch_execute(&last), released);
        locked?;
        released?;
        other.batch_execute("COMMIT").await?;
        let moved = moved.await??;
        claim!(moved == 1 && trial.seen.count("40P01") == 1, "{moved}; {}", trial.seen);
        let ratings = (trial.reviews.rating(from).await?, trial.reviews.rating(to).await?);
        claim!(ratings == (Rating::default(), Rating { reviews: 1, stars: 4 }), "{ratings:?}");
        Ok(format!("the whole transaction was run again; {}", trial.report()))
    }

    /// What the server refuses stays refused, so it is asked once.
    pub(crate) async fn constraints(&self) -> Result<String> {
        let (trial, product) = (Trial::of(self.server.database()), self.product(4).await?);
        let review = review(product, "author");
        claim!(trial.reviews.add(&review).await? == Added::Now, "the first time");
        claim!(trial.reviews.add(&review).await? == Added::Before, "the same review again");
        let second = Review { id: "another id".to_owned(), ..review.clone() };
        let error = trial.reviews.add(&second).await.err().ok_or("a second review was stored")?;
        claim!(
            matches!(error.inner(), Some(ReviewError::AlreadyReviewed)) && error.attempts() == 1,
            "{error}"
        );
        let unknown = Review { id: "third id".to_owned(), product: -1, ..review };
        let error = trial.reviews.add(&unknown).await.err().ok_or("a review of no product was stored")?;
        claim!(
            matches!(error.inner(), Some(ReviewError::UnknownProduct)) && error.attempts() == 1,
            "{error}"
        );
        Ok(format!("neither was retried; {}", trial.report()))
    }

    /// The lock is released after the first timeout.
    pub(crate) async fn statement_timeout(&self) -> Result<String> {
        let (trial, product) = (Trial::of(self.server.database()), self.product(5).await?);
        let holder = self.holder_of(product).await?;
        let added = trial.begin_adding(product, 1);
        trial.until_seen("57014").await?;
        holder.batch_execute("COMMIT").await?;
        finish(added).await?;
        claim!(trial.reviews.rating(product).await?.reviews == 1, "{}", trial.seen);
        Ok(format!("stored after the lock was released; {}", trial.report()))
    }

    /// Other clients hold all connections of the role, and leave after the first refusal.
    pub(crate) async fn too_many_connections(&self) -> Result<String> {
        let (trial, product) = (Trial::of(self.server.database()), self.product(6).await?);
        let (start, mut others) = (Instant::now(), Vec::new());
        while others.len() < CONNECTIONS {
            match server::connect(&self.server.database()).await {
                Ok(client) => others.push(client),
                Err(error) => {
                    claim!(start.elapsed() < PATIENCE, "{} connections, then {error}", others.len());
                    tokio::time::sleep(Duration::from_millis(5)).await; // until earlier sessions have ended
                }
            }
        }
        let added = trial.begin_adding(product, 1);
        trial.until_seen("53300").await?;
        drop(others);
        finish(added).await?;
        claim!(trial.reviews.rating(product).await?.reviews == 1, "{}", trial.seen);
        Ok(format!("stored after {CONNECTIONS} other sessions had ended; {}", trial.report()))
    }

    /// One transaction waits for a lock in the server, so that the restart ends it in the middle.
    pub(crate) async fn restart(&self) -> Result<String> {
        let (trial, held, busy) =
            (Trial::of(self.server.database()), self.product(7).await?, self.product(8).await?);
        let _holder = self.holder_of(held).await?;
        let waiting = trial.begin_adding(held, 1);
        self.until_waiting(1).await?;
        let writers = trial.begin_adding(busy, 4);
        let restarted = tokio::task::block_in_place(|| self.server.restart());
        restarted?;
        finish(waiting).await?;
        finish(writers).await?;
        claim!(trial.seen.count("57P01") > 0, "{}", trial.seen);
        let ratings = (trial.reviews.rating(held).await?.reviews, trial.reviews.rating(busy).await?.reviews);
        claim!(ratings == (1, 4 * PER_TASK), "{ratings:?}");
        Ok(format!("{} added, each once; {}", 4 * PER_TASK + 1, trial.report()))
    }

    /// The transaction is committed, and the client cannot know it. The id of the review makes the next attempt safe.
    pub(crate) async fn lost_answer(&self) -> Result<String> {
        let proxy = Proxy::start(([127, 0, 0, 1], self.server.port()).into()).await?;
        // The client writes a commit alone, after the answers of the statements before it.
        let commit = |query: &[u8]| query.windows(7).any(|bytes| bytes == b"COMMIT\0");
        proxy.cut_at_answers(1, move |exchange| commit(exchange.request).then_some(Cut::BeforeAnswer));
        let mut database = Config::new();
        database.host("127.0.0.1").port(proxy.address.port()).user(server::ROLE).dbname("postgres");
        let (trial, product) = (Trial::of(database), self.product(9).await?);
        let added = trial.reviews.add(&review(product, "author")).await?;
        claim!(proxy.cuts() == 1 && added == Added::Before, "{added:?}; {}", trial.seen);
        claim!(trial.reviews.rating(product).await?.reviews == 1, "{}", trial.seen);
        Ok(format!("the second attempt found the review of the first; {}", trial.report()))
    }

    /// The attempt's own timeout ends it, and its connection is not used again.
    pub(crate) async fn pause(&self) -> Result<String> {
        let (trial, product) = (Trial::of(self.server.database()), self.product(10).await?);
        trial.add(product, "earlier").await?;
        let paused = self.server.pause()?;
        let added = trial.begin_adding(product, 1);
        trial.until_seen("Timeout").await?;
        drop(paused);
        finish(added).await?;
        claim!(trial.reviews.rating(product).await?.reviews == 2, "{}", trial.seen);
        Ok(format!("stored after the pause; {}", trial.report()))
    }

    /// The circuit opens, refuses calls at once, and closes after the server is back.
    pub(crate) async fn stop(&self) -> Result<String> {
        let (trial, product) = (Trial::of(self.server.database()), self.product(11).await?);
        tokio::task::block_in_place(|| self.server.stop())?;
        let mut callers = JoinSet::new();
        for number in 0..6 {
            let (reviews, review) = (Arc::clone(&trial.reviews), review(product, &format!("early {number}")));
            callers.spawn(async move { reviews.add(&review).await.is_err() });
        }
        let failed = callers.join_all().await;
        claim!(failed == [true; 6], "{failed:?}");
        claim!(trial.reviews.phase() == Phase::Open, "{}", trial.report());
        let start = Instant::now();
        let refused =
            trial.add(product, "refused").await.err().ok_or("stored by a server that is stopped")?;
        let took = start.elapsed();
        claim!(refused.is_circuit_open() && refused.attempts() == 0, "{refused}");
        tokio::task::block_in_place(|| self.server.start_again())?;
        let mut refusals = 1;
        while let Err(error) = trial.add(product, "late").await {
            claim!(error.is_circuit_open() && start.elapsed() < PATIENCE, "{error}");
            refusals += 1;
            tokio::time::sleep(Duration::from_millis(50)).await; // as the next caller would
        }
        claim!(trial.reviews.phase() == Phase::Closed, "{}", trial.report());
        Ok(format!(
            "6 calls failed; then {refusals} refused, the first in {} us, until the circuit closed; {}",
            took.as_micros(),
            trial.report()
        ))
    }

    /// Makes a product, and returns its number.
    async fn product(&self, id: i64) -> Result<i64> {
        self.server.superuser().await?.execute("INSERT INTO products (id) VALUES ($1)", &[&id]).await?;
        Ok(id)
    }

    /// A session that holds the lock of a product until it commits or ends.
    async fn holder_of(&self, product: i64) -> Result<Client> {
        let holder = self.server.superuser().await?;
        holder.batch_execute(&format!("BEGIN; {}", lock(product))).await?;
        Ok(holder)
    }

    /// Waits until this number of sessions wait for a lock in the server.
    async fn until_waiting(&self, sessions: usize) -> Result<()> {
        let superuser = self.server.superuser().await?;
        let (start, waiting) =
            (Instant::now(), "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
        while superuser.query(waiting, &[]).await?.len() < sessions {
            claim!(start.elapsed() < PATIENCE, "fewer than {sessions} sessions wait for a lock");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// How many reviews each task adds, one after the other.
const PER_TASK: i64 = 10;

impl Trial {
    fn of(database: Config) -> Self {
        let (metrics, seen) = (Arc::new(Metrics::new()), Arc::new(Seen::default()));
        let reviews = Arc::new(Reviews::new(database, (Arc::clone(&metrics), Arc::clone(&seen))));
        Self { reviews, metrics, seen }
    }

    async fn add(
        &self,
        product: i64,
        author: &str,
    ) -> std::result::Result<Added, retry_core::Error<ReviewError>> {
        self.reviews.add(&review(product, author)).await
    }

    /// Starts tasks that add reviews. A single task adds one.
    fn begin_adding(&self, product: i64, tasks: i64) -> JoinSet<Result<()>> {
        let each = if tasks == 1 { 1 } else { PER_TASK };
        let mut adding = JoinSet::new();
        for task in 0..tasks {
            let reviews = Arc::clone(&self.reviews);
            adding.spawn(async move {
                for number in 0..each {
                    reviews.add(&review(product, &format!("author {task}.{number}"))).await?;
                }
                Ok(())
            });
        }
        adding
    }

    /// Waits until the repository has seen such a failure.
    async fn until_seen(&self, cause: &str) -> Result<()> {
        let start = Instant::now();
        while self.seen.count(cause) == 0 {
            claim!(start.elapsed() < PATIENCE, "no {cause}, but {}", self.seen);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn report(&self) -> String {
        let total = self.metrics.snapshot();
        let (calls, attempts) = (counted(total.calls(), "call"), counted(total.attempts(), "attempt"));
        format!("{calls}, {attempts}, {}; failures: {}", counted(total.retries(), "retry"), self.seen)
    }
}

async fn finish(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

fn review(product: i64, author: &str) -> Review {
    Review { id: format!("{product}/{author}"), product, author: author.to_owned(), stars: 4 }
}

fn lock(product: i64) -> String {
    format!("SELECT FROM products WHERE id = {product} FOR UPDATE")
}
