//! Dead letters: orders that fail in two outages, kept in a stream and in memory, and delivered after the recovery.

use super::{PATIENT, Result, Setup, TIMEOUT};
use crate::cache::{Cache, Stock};
use crate::connection::Redis;
use crate::letters::{Delivery, Letters, Order, Orders};
use crate::report::Report;
use crate::server::Server;

/// How many orders each stretch of the story has.
const ORDERS: u32 = 5;

pub(crate) fn run(setup: &Setup, server: &mut Server, report: &mut Report) -> Result {
    let prefix = &*setup.prefix;
    let for_orders = Redis::new(server.address_to_cut(), TIMEOUT)?;
    let for_letters = Redis::new(server.address(), TIMEOUT)?;
    let letters = Letters::new(&for_letters, prefix);
    let orders = Orders::new(&for_orders, prefix, &letters);
    let (mut next, mut stored) = (0, 0);
    let mut store = |orders: &Orders<'_>| {
        let before = stored;
        for _ in 0..ORDERS {
            next += 1;
            stored += usize::from(orders.store(&order(next)).is_ok());
        }
        stored - before
    };

    let works = store(&orders);
    server.cutter().shut();
    let cut_off = store(&orders);
    server.cutter().open();
    let in_stream = letters.in_stream()?;
    report.claim(
        works == 5 && cut_off == 0 && in_stream == 5,
        format!(
            "cut off from Redis: {} of {ORDERS} orders fail, {in_stream} letters are in the stream",
            5 - cut_off
        ),
    );
    server.stop()?;
    let down = store(&orders);
    report.claim(
        down == 0 && letters.waiting() == 5,
        format!(
            "Redis is down: {} of {ORDERS} orders fail, {} letters wait in memory",
            5 - down,
            letters.waiting()
        ),
    );
    server.start_again()?;
    let again = store(&orders);
    let survived = letters.in_stream()?;
    report.claim(
        again == 5 && survived == 5,
        format!("Redis is up again: {again} of {ORDERS} orders are stored, {survived} letters are still in the stream"),
    );

    let delivery = letters.deliver(&orders)?;
    let left = (letters.in_stream()?, letters.waiting());
    report.claim(
        delivery == Delivery { delivered: 10, left: 0 } && left == (0, 0),
        format!(
            "{} letters delivered, {} left in the stream, {} in memory",
            delivery.delivered, left.0, left.1
        ),
    );
    let cache = Cache::new(&for_letters, prefix, PATIENT);
    let right = |n: &u32| cache.get(&order(*n).sku).is_ok_and(|read| read.value == order(*n).stock);
    let found = (1..=next).filter(right).count();
    report.claim(found == 20, format!("{found} of {next} orders are in Redis: none was lost"));
    for_letters.run(|connection| redis::cmd("DEL").arg(letters.stream()).query::<()>(connection))?;
    Ok(())
}

fn order(n: u32) -> Order {
    Order { sku: format!("order-{n}"), stock: Stock { count: n, price: 100 * n } }
}
