//! Dead letters in a Redis stream: orders that could not be stored, and their delivery after the recovery.

use core::fmt::Display;
use std::time::Duration;

use redis::{Connection, RedisResult};
use retry_core::dead_letter::{DeadLetter, DeadLetterQueue, DeadLetterSink, LetterContext, WhenFull};
use retry_core::{Class, Policy, retry};

use crate::cache::{self, Stock};
use crate::connection::Redis;
use crate::error::{CacheError, CallError};

/// A change of a stock that must not be lost. To store it twice does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) sku: String,
    pub(crate) stock: Stock,
}

const POLICY: Policy = Policy::exponential(Duration::from_millis(5))
    .max_delay(Duration::from_millis(20))
    .max_attempts(3)
    .start_within(Duration::from_secs(10));

/// Stores orders in Redis, and keeps those that cannot be stored as letters.
pub(crate) struct Orders<'r> {
    redis: &'r Redis,
    prefix: &'r str,
    letters: &'r Letters<'r>,
}

impl<'r> Orders<'r> {
    pub(crate) fn new(redis: &'r Redis, prefix: &'r str, letters: &'r Letters<'r>) -> Self {
        Self { redis, prefix, letters }
    }

    /// Stores an order. If that fails, the order becomes a dead letter, and the caller gets the error.
    pub(crate) fn store(&self, order: &Order) -> Result<(), CallError> {
        let calls = retry(POLICY).named("orders.store");
        let calls = calls.dead_letters(self.letters).payload(|| order.clone());
        calls.run_blocking(|| self.attempt(order)).map_err(Box::new)
    }

    /// Stores an order that comes from a letter. If that fails, the letter stays where it is.
    pub(crate) fn store_again(&self, order: &Order) -> Result<(), CallError> {
        retry(POLICY).named("orders.again").run_blocking(|| self.attempt(order)).map_err(Box::new)
    }

    fn attempt(&self, order: &Order) -> Result<(), CacheError> {
        let key = cache::key(self.prefix, &order.sku);
        cache::write(self.redis, &order.sku, &key, order.stock, Duration::from_secs(600))
    }
}

/// Letters in a Redis stream. While Redis is down, they wait in memory. A service that may be killed in such an outage
/// would keep these in a file: `JsonLinesSink`.
pub(crate) struct Letters<'r> {
    redis: &'r Redis,
    stream: String,
    waiting: DeadLetterQueue<Order>,
}

/// What a delivery of the letters did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// How many letters were stored, and removed from the stream.
    pub(crate) delivered: usize,
    /// How many letters stay in the stream.
    pub(crate) left: usize,
}

type Entry = (String, Vec<(String, String)>);

impl<'r> Letters<'r> {
    pub(crate) fn new(redis: &'r Redis, prefix: &str) -> Self {
        let waiting = DeadLetterQueue::new(10_000, WhenFull::Refuse);
        Self { redis, stream: format!("{prefix}:dead-letters"), waiting }
    }

    /// The key of the stream.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// Returns how many letters wait in memory.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how many letters are in the stream.
    pub(crate) fn in_stream(&self) -> Result<usize, CallError> {
        self.ask("letters.count", |connection| redis::cmd("XLEN").arg(&self.stream).query(connection))
    }

    /// Moves the waiting letters to the stream, and then delivers each letter of the stream.
    ///
    /// A letter is removed after its delivery. So after a crash in between, it is delivered again.
    pub(crate) fn deliver(&self, orders: &Orders<'_>) -> Result<Delivery, CallError> {
        while let Some(letter) = self.waiting.pop() {
            if let Err(error) = self.append(&letter, "kept in memory during the outage") {
                let _ = self.waiting.requeue(letter); // there is room: it was just taken out
                return Err(error);
            }
        }
        let mut delivery = Delivery::default();
        let mut after = "-".to_owned();
        loop {
            let page: Vec<Entry> = self.ask("letters.read", |connection| {
                let mut range = redis::cmd("XRANGE");
                range.arg(&self.stream).arg(&after).arg("+").arg("COUNT").arg(100).query(connection)
            })?;
            let Some((last, _)) = page.last() else { return Ok(delivery) };
            after = format!("({last}");
            for (id, fields) in &page {
                let order = order(fields).filter(|order| orders.store_again(order).is_ok());
                if order.is_some() {
                    self.remove(id)?;
                    delivery.delivered += 1;
                } else {
                    delivery.left += 1;
                }
            }
        }
    }

    /// `XADD` that is retried may add a letter twice. Its delivery does no harm then.
    fn append(&self, letter: &DeadLetter<Order>, error: &str) -> Result<(), CallError> {
        let Order { sku, stock } = &letter.payload;
        self.ask("letters.add", |connection| {
            let mut add = redis::cmd("XADD");
            add.arg(&self.stream).arg("*").arg("sku").arg(sku).arg("stock").arg(stock.to_string());
            add.arg("operation").arg(letter.operation.to_string()).arg("attempts").arg(letter.attempts);
            add.arg("class").arg(letter.class.map_or("", Class::name)).arg("error").arg(error);
            add.query(connection)
        })
    }

    fn remove(&self, id: &str) -> Result<(), CallError> {
        self.ask("letters.remove", |connection| {
            redis::cmd("XDEL").arg(&self.stream).arg(id).query(connection)
        })
    }

    fn ask<T>(
        &self,
        operation: &'static str,
        command: impl Fn(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, CallError> {
        retry(POLICY).named(operation).run_blocking(|| Ok(self.redis.run(&command)?)).map_err(Box::new)
    }
}

/// Reads the order of an entry; `None` if it is damaged.
fn order(fields: &[(String, String)]) -> Option<Order> {
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
    Some(Order { sku: field("sku")?.clone(), stock: field("stock")?.parse().ok()? })
}

/// The stream takes a letter, or else the queue in memory.
impl<E: Display> DeadLetterSink<Order, E> for Letters<'_> {
    fn accept(
        &self,
        letter: DeadLetter<Order>,
        context: &LetterContext<'_, E>,
    ) -> Result<(), DeadLetter<Order>> {
        match self.append(&letter, &context.error.to_string()) {
            Ok(()) => Ok(()),
            Err(_) => self.waiting.push(letter),
        }
    }
}
