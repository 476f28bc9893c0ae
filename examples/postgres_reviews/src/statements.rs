//! The transactions themselves. They know nothing of retries: each begins, and either commits or fails.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::IsolationLevel::{ReadCommitted, Serializable};
use tokio_postgres::Row;

use crate::error::ReviewError;

/// A review as its author sends it.
#[derive(Clone, Debug)]
pub struct Review {
    /// The client chooses it once, and sends it again with each attempt.
    pub id: String,
    pub product: i64,
    pub author: String,
    pub stars: i64,
}

/// What became of a review that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    Now,
    /// It was there already: the client sent it twice, or the answer to an earlier attempt's commit was lost.
    Before,
}

/// The number of a product's reviews, and the sum of their stars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rating {
    pub reviews: i64,
    pub stars: i64,
}

/// Stores a review, and updates the rating of its product.
pub(crate) async fn add(connection: &mut ClientWrapper, review: &Review) -> Result<Added, ReviewError> {
    let transaction = connection.build_transaction().isolation_level(Serializable).start().await?;
    let Review { id, product, author, stars } = review;
    let insert = "INSERT INTO reviews (id, product, author, stars) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";
    if transaction.execute(insert, &[id, product, author, stars]).await? == 0 {
        return Ok(Added::Before);
    }
    let update = "UPDATE products SET reviews = reviews + 1, stars = stars + $2 WHERE id = $1";
    transaction.execute(update, &[product, stars]).await?;
    transaction.commit().await?;
    Ok(Added::Now)
}

/// Moves all reviews of one product to another, such as after a catalogue was merged.
///
/// It locks the two products in the order of their numbers, so two moves are never a deadlock. A transaction of another
/// program may lock them in the other order: then the server ends one of the two.
pub(crate) async fn move_all(connection: &mut ClientWrapper, from: i64, to: i64) -> Result<u64, ReviewError> {
    let transaction = connection.build_transaction().isolation_level(ReadCommitted).start().await?;
    let lock = "SELECT id, reviews, stars FROM products WHERE id IN ($1, $2) ORDER BY id FOR UPDATE";
    let locked = transaction.query(lock, &[&from, &to]).await?;
    let is = |row: &Row, id| row.try_get(0).is_ok_and(|found: i64| found == id);
    let find = |id| locked.iter().find(|row| is(row, id)).ok_or(ReviewError::UnknownProduct);
    find(to)?;
    let moved = find(from)?;
    let (reviews, stars): (i64, i64) = (moved.try_get(1)?, moved.try_get(2)?);
    let count =
        transaction.execute("UPDATE reviews SET product = $2 WHERE product = $1", &[&from, &to]).await?;
    let update = "UPDATE products SET reviews = reviews + $2, stars = stars + $3 WHERE id = $1";
    transaction.execute(update, &[&from, &-reviews, &-stars]).await?;
    transaction.execute(update, &[&to, &reviews, &stars]).await?;
    transaction.commit().await?;
    Ok(count)
}

/// Reads the rating of a product. One statement is a transaction of its own.
pub(crate) async fn rating(connection: &ClientWrapper, product: i64) -> Result<Rating, ReviewError> {
    let select = "SELECT reviews, stars FROM products WHERE id = $1";
    let row = connection.query_opt(select, &[&product]).await?.ok_or(ReviewError::UnknownProduct)?;
    Ok(Rating { reviews: row.try_get(0)?, stars: row.try_get(1)? })
}
