//! The outage on a fake clock with seeded random words. Each run is the same, and takes no real time.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use core::task::Poll;
use core::time::Duration;

use retry_core::runtime::{Entropy, Sleep};
use retry_core::testing::FakeClock;
use retry_core::{Class, Failure, Retry, SharedCircuit};

use super::callers::{CALLERS, CIRCUIT, POLICY, call_until_stopped};
use super::history::{History, Message, Told};
use super::script::{ANSWERS_AFTER, Mode, SCRIPT, SLOW_ANSWERS_AFTER, in_stock, retry_after};

/// How long the network delays each request.
const ON_THE_WAY: Duration = Duration::from_millis(1);

/// Plays the outage on a fake clock.
pub fn on_the_fake_clock() -> History {
    let clock = FakeClock::new();
    let words = Words::seeded(1);
    let circuit = SharedCircuit::new(CIRCUIT);
    let server = Server { clock: &clock, mode: Cell::default(), unavailable: Cell::default() };
    let history = RefCell::new(History::starting(clock.now()));
    let log = |message| history.borrow_mut().add(&message);
    let stop = AtomicBool::new(false);

    let script = async {
        for step in &SCRIPT {
            log(Message::Step(step, clock.now()));
            server.mode.set(step.mode);
            step.wait(&circuit, &clock).await;
        }
        stop.store(true, Relaxed);
    };
    let mut tasks: Vec<Task<'_>> = vec![Box::pin(script)];
    for caller in 0..CALLERS {
        let (clock, words, circuit, server, log, stop) = (&clock, &words, &circuit, &server, &log, &stop);
        tasks.push(Box::pin(async move {
            let stock = Retry::new(&POLICY, clock)
                .entropy(words)
                .circuit(circuit)
                .on_event(|event| log(Message::Event(Told::of(caller, event))));
            let read = |sku| stock.run(move || server.read(sku));
            call_until_stopped(caller, read, |pause| clock.sleep(pause), stop).await;
        }));
    }
    clock.run(all(tasks));

    let mut history = history.into_inner();
    history.finish(clock.now());
    history
}

/// The server of the quickstart, without its sockets.
struct Server<'c> {
    clock: &'c FakeClock,
    mode: Cell<Mode>,
    /// How many requests were answered 503.
    unavailable: Cell<u32>,
}

impl Server<'_> {
    async fn read(&self, sku: &str) -> Result<u32, Failure> {
        self.clock.sleep(ON_THE_WAY).await;
        match self.mode.get() {
            Mode::Healthy => self.clock.sleep(ANSWERS_AFTER).await,
            Mode::Slow => self.clock.sleep(SLOW_ANSWERS_AFTER).await,
            Mode::Refusing => return Err(Failure::new(Class::Network)),
            Mode::Unavailable => {
                self.unavailable.update(|n| n + 1);
                return Err(Failure::new(Class::Server).retry_after(retry_after(self.unavailable.get())));
            }
        }
        in_stock(sku).ok_or(Failure::new(Class::NotFound))
    }
}

/// Random words by SplitMix64. The same seed gives the same words.
#[derive(Debug)]
pub struct Words(Cell<u64>);

impl Words {
    /// Makes the random words of this seed.
    pub const fn seeded(seed: u64) -> Self {
        Self(Cell::new(seed))
    }
}

impl Entropy for Words {
    fn word(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let word = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }
}

type Task<'t> = Pin<Box<dyn Future<Output = ()> + 't>>;

/// Polls all tasks until each has ended.
async fn all(mut tasks: Vec<Task<'_>>) {
    poll_fn(|context| {
        tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
        if tasks.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
