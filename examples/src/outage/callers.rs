//! The callers. Each makes calls in a loop, and all share one policy and one circuit.

use core::ops::AddAssign;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::time::Duration;

use retry_core::{CircuitConfig, Error, Policy};

/// The policy of every call.
pub const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
    .max_delay(Duration::from_millis(400))
    .max_attempts(4)
    .attempt_timeout(Duration::from_millis(250))
    .max_hint(Duration::from_secs(2))
    .start_within(Duration::from_secs(3));

/// How many probes may be under way at once.
pub const PROBES: u32 = 2;

/// The rules of the stock service's circuit: when it opens, and when it closes again.
pub const CIRCUIT: CircuitConfig = CircuitConfig::DEFAULT
    .consecutive_failures(8)
    .open_for(Duration::from_millis(600))
    .probes(PROBES)
    .success_threshold(4);

/// How many callers there are.
pub const CALLERS: usize = 6;

const PAUSE: Duration = Duration::from_millis(100);
/// After a failed call, a caller waits longer.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(300);

/// How the calls ended, as the callers saw it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// All calls.
    pub calls: u32,
    /// Those that returned a value.
    pub succeeded: u32,
    /// Those that the policy ended.
    pub gave_up: u32,
    /// Those that the circuit ended.
    pub rejected: u32,
}

/// Makes one call after the other until `stop` is set, and counts how they end.
///
/// `call` reads how many of an article are in stock. `sleep` is the runtime's sleep.
pub async fn call_until_stopped<C, S, E>(
    caller: usize,
    call: impl Fn(&'static str) -> C,
    sleep: impl Fn(Duration) -> S,
    stop: &AtomicBool,
) -> Tally
where
    C: Future<Output = Result<u32, Error<E>>>,
    S: Future<Output = ()>,
{
    let mut tally = Tally::default();
    for sku in skus(caller) {
        if stop.load(Relaxed) {
            break;
        }
        tally.calls += 1;
        let pause = match call(sku).await {
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
        sleep(pause).await;
    }
    tally
}

/// Returns article names: twenty fruits, then one that is not in stock, and so on. Each caller starts at another place.
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
