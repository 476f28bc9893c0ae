//! The repository: a pool of connections, and one policy, circuit and retry budget for all of its transactions.

use std::time::Duration;

use deadpool_postgres::{Manager, Pool, Runtime};
use retry_core::{
    CircuitConfig, Class, ClassSet, Error, Policy, Retry, SharedBudget, SharedCircuit, TokenBucket,
    circuit::Phase, classify::ByTrait, observe::Observer,
};
use retry_tokio::{Tokio, retry};
use tokio_postgres::NoTls;

use crate::error::ReviewError;
use crate::lease::Lease;
use crate::statements::{self, Added, Rating, Review};

/// A transaction is short, and a restart of the server takes some seconds: 20 attempts last for 8 s on average.
const POLICY: Policy = Policy::exponential(Duration::from_millis(50))
    .max_delay(Duration::from_secs(1))
    .max_attempts(20)
    .retry_on(ClassSet::of(&[Class::Transient, Class::Timeout, Class::Network]))
    .attempt_timeout(Duration::from_secs(2)) // longer than the server's statement timeout
    .total_timeout(Duration::from_secs(20));

/// It opens in an outage that lasts: the calls on all 6 connections have then failed 10 times each.
const CIRCUIT: CircuitConfig =
    CircuitConfig::WITHOUT_RULES.consecutive_failures(60).open_for(Duration::from_millis(500));

/// The server ends a statement before the attempt is cut, and transactions whose client is gone.
const SESSION: &str = "-c statement_timeout=1s -c idle_in_transaction_session_timeout=5s";

type Calls<O> = Retry<Tokio, Policy, SharedCircuit, SharedBudget<TokenBucket>, ByTrait, O>;

/// Reviews of products, in PostgreSQL.
///
/// Each method is one transaction. It is retried as a whole, on another connection if the first one broke.
pub struct Reviews<O> {
    pool: Pool,
    calls: Calls<O>,
}

impl<O: Observer> Reviews<O> {
    /// Makes a repository over this database. Its connections are made when they are needed.
    pub fn new(mut database: tokio_postgres::Config, observer: O) -> Self {
        database.options(SESSION).connect_timeout(Duration::from_secs(1));
        let pool = Pool::builder(Manager::new(database, NoTls))
            .max_size(6)
            .wait_timeout(Some(Duration::from_secs(1)))
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a pool with timeouts has a runtime");
        let calls = retry(POLICY)
            .circuit(SharedCircuit::new(CIRCUIT))
            .budget(SharedBudget::new(TokenBucket::DEFAULT))
            .observe(observer);
        Self { pool, calls }
    }

    /// Stores a review and updates the rating of its product. If it is there already, nothing changes.
    ///
    /// # Errors
    /// Returns an error if the author has another review of the product, if there is no such product, or if the
    /// database fails for as long as the policy allows.
    pub async fn add(&self, review: &Review) -> Result<Added, Error<ReviewError>> {
        let add = || async {
            let mut connection = Lease::of(&self.pool).await?;
            let added = statements::add(&mut connection, review).await;
            connection.end();
            added
        };
        self.calls.by_ref().named("reviews.add").run(add).await
    }

    /// Moves all reviews of one product to another. Returns their number.
    ///
    /// # Errors
    /// Returns an error if one of the products is unknown, if an author has reviewed both, or if the database fails for
    /// as long as the policy allows.
    pub async fn move_all(&self, from: i64, to: i64) -> Result<u64, Error<ReviewError>> {
        let move_all = || async {
            let mut connection = Lease::of(&self.pool).await?;
            let moved = statements::move_all(&mut connection, from, to).await;
            connection.end();
            moved
        };
        self.calls.by_ref().named("reviews.move").run(move_all).await
    }

    /// Reads the rating of a product.
    ///
    /// # Errors
    /// Returns an error if there is no such product, or if the database fails for as long as the policy allows.
    pub async fn rating(&self, product: i64) -> Result<Rating, Error<ReviewError>> {
        let rating = || async {
            let connection = Lease::of(&self.pool).await?;
            let rating = statements::rating(&connection, product).await;
            connection.end();
            rating
        };
        self.calls.by_ref().named("reviews.rating").run(rating).await
    }

    /// Returns the phase of the database's circuit, for a health page.
    pub fn phase(&self) -> Phase {
        self.calls.gate().phase()
    }
}
