//! The callers: one policy, one circuit, and a loop each.

use core::ops::AddAssign;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;

use retry_core::{CircuitConfig, Policy, SharedCircuit};
use tokio::sync::mpsc::UnboundedSender;

use crate::client::Client;
use crate::history::{Message, Told};

/// What one call may do.
pub(crate) const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
    .max_delay(Duration::from_millis(400))
    .max_attempts(4)
    .attempt_timeout(Duration::from_millis(250))
    .max_hint(Duration::from_secs(2))
    .start_within(Duration::from_secs(3));

/// How many probes may be under way at once.
pub(crate) const PROBES: u32 = 2;

/// What all calls to the stock service share.
pub(crate) static STOCK: SharedCircuit = SharedCircuit::new(
    CircuitConfig::DEFAULT
        .consecutive_failures(8)
        .open_for(Duration::from_millis(600))
        .probes(PROBES)
        .success_threshold(4),
);

/// How many callers there are.
pub(crate) const CALLERS: usize = 6;

const PAUSE: Duration = Duration::from_millis(100);
/// A caller who was rejected has no answer to work on, and comes back later.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(300);

/// How the calls ended, as their callers saw it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) calls: u32,
    pub(crate) succeeded: u32,
    pub(crate) gave_up: u32,
    pub(crate) rejected: u32,
}

/// Calls, call after call, until told to stop.
pub(crate) async fn call_until_stopped(
    caller: usize,
    client: &Client,
    stop: &AtomicBool,
    log: UnboundedSender<Message>,
) -> Tally {
    let stock = retry_tokio::retry(&POLICY).circuit(&STOCK).named("stock.read").on_event(|event| {
        // Once nobody reads the log, the run is over.
        let _ = log.send(Message::Event(Told::of(caller, event)));
    });

    let mut tally = Tally::default();
    for sku in skus(caller) {
        if stop.load(Relaxed) {
            break;
        }
        tally.calls += 1;
        let pause = match stock.run(|| client.read(sku)).await {
            Ok(_) => {
                tally.succeeded += 1;
                PAUSE
            }
            Err(error) if error.is_circuit_open() => {
                tally.rejected += 1;
                PAUSE_AFTER_FAILURE
            }
            Err(_) => {
                tally.gave_up += 1;
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::time::sleep(pause).await;
    }
    tally
}

/// Fruit, and now and then something that no stock has. Each caller starts elsewhere.
fn skus(caller: usize) -> impl Iterator<Item = &'static str> {
    let fruit = ["apple", "pear", "quince"].into_iter().cycle().take(20);
    fruit.chain(["unicorn"]).cycle().skip(caller * 3)
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let Self { calls, succeeded, gave_up, rejected } = other;
        self.calls += calls;
        self.succeeded += succeeded;
        self.gave_up += gave_up;
        self.rejected += rejected;
    }
}
