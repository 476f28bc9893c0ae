//! Dead letters: orders that fail in two outages, kept in a stream and in memory, and delivered after the recovery.

use retry_core::ClassSet;

use super::{Result, Setup, TIMEOUT};
use crate::cache::Stock;
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

    for (number, sku, stock) in [("99", "not a sku!", "1 1"), ("many", "apple", "1 1")] {
        for_letters.run(|connection| {
            let mut add = redis::cmd("XADD");
            add.arg(letters.stream()).arg("*").arg("number").arg(number);
            add.arg("sku").arg(sku).arg("stock").arg(stock).query::<()>(connection)
        })?;
    }
    server.cutter().shut();
    let cut_off = letters.deliver(&orders).err().ok_or("the delivery should have failed")?;
    server.cutter().open();
    let (kept, with_error) = (letters.in_stream()?, letters.with_error("gave up")?);
    report.claim(
        cut_off.class().is_some_and(|class| ClassSet::DEPENDENCY.contains(class))
            && (kept, with_error) == (12, 10),
        format!("cut off again: the delivery ends at its first letter, and {kept} letters are in the stream"),
    );

    let delivery = letters.deliver(&orders)?;
    let left = (letters.in_stream()?, letters.waiting());
    report.claim(
        delivery == Delivery { delivered: 10, left: 0, set_aside: 2 } && left == (0, 0),
        format!(
            "{} letters delivered, {} that can never be delivered are set aside, {} left in the stream, {} in memory",
            delivery.delivered, delivery.set_aside, left.0, left.1
        ),
    );
    let late = Order { stock: Stock { count: 0, price: 0 }, ..order(1) };
    let is_harmless = orders.store_again(&late).is_ok() && orders.find(1)? == Some(order(1));
    report.claim(
        is_harmless,
        "a letter that is delivered late replaces nothing: the number of an order is its key",
    );
    let right = |&n: &u32| orders.find(n).is_ok_and(|found| found == Some(order(n)));
    let found = (1..=next).filter(right).count();
    report.claim(found == 20, format!("{found} of {next} orders are in Redis: none was lost"));
    // Orders have no expiry.
    let keys: Vec<_> = (1..=next).map(|n| orders.key(n)).collect();
    for_letters.run(|connection| {
        redis::cmd("DEL").arg(letters.stream()).arg(letters.set_aside()).arg(&keys).query::<()>(connection)
    })?;
    Ok(())
}

fn order(n: u32) -> Order {
    Order { number: n, sku: "apple".into(), stock: Stock { count: n, price: 100 * n } }
}
