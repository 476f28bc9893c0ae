//! Dead letters in a Redis stream: orders that could not be stored, and their delivery after the recovery.

use core::fmt::Display;
use std::time::Duration;

use redis::{Connection, RedisResult};
use retry_core::dead_letter::{DeadLetter, DeadLetterQueue, DeadLetterSink, LetterContext, WhenFull};
use retry_core::{Class, ClassSet, Policy, retry};

use crate::cache::{self, Stock};
use crate::connection::Redis;
use crate::error::{CacheError, CallError};

/// A change of a stock that must not be lost.
///
/// Its number is its key, and what is stored under a key stays. So an order may be stored twice, and also late: it never
/// replaces another order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) number: u32,
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

    /// Returns the order of this number, if it is stored.
    pub(crate) fn find(&self, number: u32) -> Result<Option<Order>, CallError> {
        let key = self.key(number);
        let entry: Option<String> =
            ask(self.redis, "orders.find", |connection| redis::cmd("GET").arg(&key).query(connection))?;
        Ok(entry.and_then(|entry| {
            let (sku, stock) = entry.split_once(' ')?;
            Some(Order { number, sku: sku.into(), stock: stock.parse().ok()? })
        }))
    }

    pub(crate) fn key(&self, number: u32) -> String {
        format!("{}:order:{number}", self.prefix)
    }

    /// The entry has no expiry, because an order must not be lost.
    fn attempt(&self, order: &Order) -> Result<(), CacheError> {
        let Order { number, sku, stock } = order;
        cache::check(sku)?;
        let (key, entry) = (self.key(*number), format!("{sku} {stock}"));
        Ok(self.redis.run(|connection| redis::cmd("SET").arg(key).arg(entry).arg("NX").query(connection))?)
    }
}

/// Letters in a Redis stream. While Redis is down, they wait in memory. A service that may be killed in such an outage
/// would keep these in a file: `JsonLinesSink`.
pub(crate) struct Letters<'r> {
    redis: &'r Redis,
    stream: String,
    /// A second stream, for letters that can never be delivered.
    set_aside: String,
    waiting: DeadLetterQueue<Waiting>,
}

/// An order that waits in memory, and the text of its error.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    order: Order,
    error: String,
}

/// What a delivery of the letters did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// How many letters were stored, and removed from the stream.
    pub(crate) delivered: usize,
    /// How many letters stay in the stream, because Redis refused these orders.
    pub(crate) left: usize,
    /// How many letters can never be delivered, and were moved to a second stream.
    pub(crate) set_aside: usize,
}

type Fields = Vec<(String, String)>;

impl<'r> Letters<'r> {
    pub(crate) fn new(redis: &'r Redis, prefix: &str) -> Self {
        let waiting = DeadLetterQueue::new(10_000, WhenFull::Refuse);
        let [stream, set_aside] = ["dead-letters", "set-aside"].map(|name| format!("{prefix}:{name}"));
        Self { redis, stream, set_aside, waiting }
    }

    /// The key of the stream.
    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// The key of the stream of letters that can never be delivered.
    pub(crate) fn set_aside(&self) -> &str {
        &self.set_aside
    }

    /// Returns how many letters wait in memory.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Returns how many letters are in the stream.
    pub(crate) fn in_stream(&self) -> Result<usize, CallError> {
        self.ask("letters.count", |connection| redis::cmd("XLEN").arg(&self.stream).query(connection))
    }

    /// Returns how many letters of the stream have an error with this text.
    pub(crate) fn with_error(&self, text: &str) -> Result<usize, CallError> {
        let all: Vec<(String, Fields)> = self.ask("letters.read", |connection| {
            redis::cmd("XRANGE").arg(&self.stream).arg("-").arg("+").query(connection)
        })?;
        let has_it = |(name, value): &(String, String)| name == "error" && value.contains(text);
        Ok(all.iter().filter(|(_, fields)| fields.iter().any(has_it)).count())
    }

    /// Moves the waiting letters to the stream, and then delivers each letter of the stream.
    ///
    /// A letter is removed after its delivery. So after a crash in between, it is delivered again.
    ///
    /// # Errors
    ///
    /// Returns an error as soon as Redis fails. The letters that were not delivered yet stay where they are.
    pub(crate) fn deliver(&self, orders: &Orders<'_>) -> Result<Delivery, CallError> {
        while let Some(letter) = self.waiting.pop() {
            if let Err(error) = self.append(&letter, &letter.payload.order, &letter.payload.error) {
                let _ = self.waiting.requeue(letter); // there is room: it was just taken out
                return Err(error);
            }
        }
        let mut delivery = Delivery::default();
        let mut after = "-".to_owned();
        loop {
            let page: Vec<(String, Fields)> = self.ask("letters.read", |connection| {
                let mut range = redis::cmd("XRANGE");
                range.arg(&self.stream).arg(&after).arg("+").arg("COUNT").arg(100).query(connection)
            })?;
            let Some((last, _)) = page.last() else { return Ok(delivery) };
            after = format!("({last}");
            for (id, fields) in &page {
                match self.deliver_one(fields, orders)? {
                    Fate::Left => delivery.left += 1,
                    Fate::Delivered => {
                        self.remove(id)?;
                        delivery.delivered += 1;
                    }
                    Fate::SetAside => {
                        self.remove(id)?;
                        delivery.set_aside += 1;
                    }
                }
            }
        }
    }

    /// Stores the order of a letter. An error of Redis itself ends the whole delivery: it would meet each letter.
    fn deliver_one(&self, fields: &Fields, orders: &Orders<'_>) -> Result<Fate, CallError> {
        let Some(order) = order(fields) else {
            return self.move_aside(fields, "the letter has no valid order");
        };
        let Err(error) = orders.store_again(&order) else { return Ok(Fate::Delivered) };
        match error.class() {
            Some(Class::Validation) => self.move_aside(fields, &error.to_string()),
            Some(class) if ClassSet::DEPENDENCY.contains(class) => Err(error),
            _ => Ok(Fate::Left),
        }
    }

    fn move_aside(&self, fields: &Fields, why: &str) -> Result<Fate, CallError> {
        self.ask("letters.set_aside", |connection| {
            let mut add = redis::cmd("XADD");
            add.arg(&self.set_aside).arg("*");
            for (name, value) in fields {
                add.arg(name).arg(value);
            }
            add.arg("set_aside").arg(why).query::<()>(connection)
        })?;
        Ok(Fate::SetAside)
    }

    /// `XADD` that is retried may add a letter twice. Its delivery does no harm then.
    fn append<T>(&self, letter: &DeadLetter<T>, order: &Order, error: &str) -> Result<(), CallError> {
        let Order { number, sku, stock } = order;
        self.ask("letters.add", |connection| {
            let mut add = redis::cmd("XADD");
            add.arg(&self.stream).arg("*").arg("number").arg(number);
            add.arg("sku").arg(sku).arg("stock").arg(stock.to_string());
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
        ask(self.redis, operation, command)
    }
}

/// What became of one letter.
enum Fate {
    Delivered,
    Left,
    SetAside,
}

fn ask<T>(
    redis: &Redis,
    operation: &'static str,
    command: impl Fn(&mut Connection) -> RedisResult<T>,
) -> Result<T, CallError> {
    retry(POLICY).named(operation).run_blocking(|| Ok(redis.run(&command)?)).map_err(Box::new)
}

/// Reads the order of an entry; `None` if it is damaged.
fn order(fields: &Fields) -> Option<Order> {
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
    Some(Order {
        number: field("number")?.parse().ok()?,
        sku: field("sku")?.clone(),
        stock: field("stock")?.parse().ok()?,
    })
}

/// The stream takes a letter, or else the queue in memory.
impl<E: Display> DeadLetterSink<Order, E> for Letters<'_> {
    fn accept(
        &self,
        letter: DeadLetter<Order>,
        context: &LetterContext<'_, E>,
    ) -> Result<(), DeadLetter<Order>> {
        let error = context.error.to_string();
        match self.append(&letter, &letter.payload, &error) {
            Ok(()) => Ok(()),
            Err(_) => {
                let waiting = letter.map(|order| Waiting { order, error });
                self.waiting.push(waiting).map_err(|refused| refused.map(|waiting| waiting.order))
            }
        }
    }
}
