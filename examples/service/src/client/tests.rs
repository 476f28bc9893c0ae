//! Tests of the client on a fake clock, with a script in place of the network.

use core::future::poll_fn;
use core::pin::pin;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use core::task::Poll;
use core::time::Duration;
use std::sync::Mutex;
use std::{env, fs, process};

use metrics::with_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use retry_core::dead_letter::{JsonLinesReader, JsonLinesSink, StoredLetter};
use retry_core::{GiveUp, testing::FakeClock};
use tokio::runtime::{Builder, Runtime};

use super::*;

const CONFIG: &str = r#"
    listen = "127.0.0.1:0"
    upstream = { stock = "http://stock", orders = "http://orders" }
    policy = { base_delay = "100ms", jitter = "none", max_attempts = 3 }
    circuit = { consecutive_failures = 5, open_for = "10s" }
    budget = { capacity = 100, retry_cost = 5 }
    paths = { letters = "", metrics = "" }
"#;

type Answers = dyn Fn(&str, usize) -> HttpResponse<&'static str> + Send + Sync;

/// Answers each request by its host and its number, from 0, and records its time.
struct Script(Arc<FakeClock>, Box<Answers>, Mutex<Vec<String>>);

impl Transport for Script {
    async fn send(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let Self(clock, answers, seen) = self;
        let (request, mut seen) = (request.build()?, seen.lock().unwrap());
        let host = request.url().host_str().unwrap();
        let answer = answers(host, seen.len());
        seen.push(format!("{} {host} {}", clock.now().as_millis(), answer.status().as_u16()));
        Ok(answer.into())
    }
}

fn status(status: u16) -> HttpResponse<&'static str> {
    HttpResponse::builder().status(status).body("7").unwrap()
}

fn apples() -> Order {
    Order { sku: "apple".into(), count: 7 }
}

struct World {
    clock: Arc<FakeClock>,
    upstream: Upstream<Arc<FakeClock>, Script>,
    /// For the wait for the disk, which is a real one.
    tokio: Runtime,
}

fn world(
    config: &str,
    answers: impl Fn(&str, usize) -> HttpResponse<&'static str> + Send + Sync + 'static,
) -> World {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("service-{}-{}.jsonl", process::id(), COUNT.fetch_add(1, Relaxed));
    let letters = Letters::new(JsonLinesSink::open(env::temp_dir().join(name)).unwrap()).unwrap();
    let (clock, config) = (Arc::new(FakeClock::new()), Config::parse(config).unwrap());
    let script = Script(clock.clone(), Box::new(answers), Mutex::default());
    let upstream = Upstream::new(&config, letters, CancellationToken::new(), clock.clone(), script).unwrap();
    World { clock, upstream, tokio: Builder::new_current_thread().enable_time().build().unwrap() }
}

impl World {
    /// Does the same as [`FakeClock::run`], and waits for the thread that writes letters.
    fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        self.tokio.block_on(poll_fn(|context| {
            loop {
                // The second time is for what the first one woke: it comes before the clock moves.
                for _ in 0..2 {
                    if let Poll::Ready(output) = future.as_mut().poll(context) {
                        return Poll::Ready(output);
                    }
                }
                match self.clock.next_wake() {
                    Some(until) => self.clock.advance(until.since(self.clock.now())),
                    None => return Poll::Pending,
                }
            }
        }))
    }

    fn stock(&self) -> Answer {
        self.run(self.upstream.stock("apple"))
    }

    fn order(&self) -> Answer {
        self.run(self.upstream.order(&apples(), "o-1"))
    }

    /// Sends an order, and runs `then` during its first delay.
    fn order_and(&self, then: impl FnOnce()) -> Answer {
        let order = apples();
        self.run(async { tokio::join!(self.upstream.order(&order, "o-1"), async { then() }).0 })
    }

    fn seen(&self) -> Vec<String> {
        self.upstream.transport.2.lock().unwrap().clone()
    }

    fn letters(&self) -> Vec<StoredLetter<Order>> {
        let path = self.upstream.letters.writer.sink().path();
        JsonLinesReader::open(path).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.upstream.letters.writer.sink().path());
    }
}

#[test]
fn attempts_are_made_at_exact_times() {
    let world = world(CONFIG, |_, nth| match nth {
        0 => status(500),
        1 => HttpResponse::builder().status(503).header("retry-after", "1").body("").unwrap(),
        _ => status(200),
    });
    assert_eq!(world.stock().unwrap().status(), 200);
    assert_eq!(world.seen(), ["0 stock 500", "100 stock 503", "1100 stock 200"]);
}

#[test]
fn each_host_has_its_own_circuit() {
    let world = world(CONFIG, |host, _| status(if host == "stock" { 503 } else { 200 }));
    assert_eq!(world.stock().unwrap().status(), 503); // the last response
    assert_eq!(world.stock().unwrap().status(), 503);
    assert!(world.stock().unwrap_err().is_circuit_open());
    assert_eq!(world.seen().len(), 5);
    assert_eq!(world.order().unwrap().status(), 200);
    assert_eq!(world.upstream.health(), "stock:80: open\norders:80: closed\n");
}

#[test]
fn all_calls_share_one_retry_budget() {
    let config = CONFIG.replace("capacity = 100", "capacity = 10");
    let world = world(&config, |_, _| status(503));
    assert_eq!(world.stock().unwrap().status(), 503);
    assert!(world.order().unwrap_err().is_budget_empty());
    assert_eq!(world.seen(), ["0 stock 503", "100 stock 503", "300 stock 503", "300 orders 503"]);
}

#[test]
fn a_failed_order_becomes_a_dead_letter_in_the_file() {
    let world = world(CONFIG, |_, _| status(503));
    assert!(world.order().unwrap_err().is_exhausted());
    let letters = world.letters();
    let [StoredLetter { letter, metadata, .. }] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((&letter.payload, letter.attempts), (&apples(), 3));
    assert_eq!(letter.reason, Reason::GaveUp(GiveUp::Attempts));
    assert_eq!(metadata[..], [("idempotency-key".to_owned(), "o-1".to_owned())]);
}

#[test]
fn if_the_file_fails_the_letter_is_kept_in_memory() {
    let world = world(CONFIG, |_, _| status(400));
    let file = world.upstream.letters.writer.sink().path().to_owned();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(world.order().unwrap_err().attempts(), 1); // a bad request is not sent again
    let kept = Undelivered { order: apples(), idempotency_key: "o-1".into() };
    assert_eq!(world.upstream.letters.memory.pop().unwrap().payload, kept);
    fs::remove_dir(&file).unwrap();
}

#[test]
fn every_order_that_a_circuit_refuses_becomes_a_dead_letter() {
    let world = world(CONFIG, |_, _| status(503));
    for _ in 0..152 {
        world.order().unwrap_err();
    }
    let refused = world.letters().iter().filter(|stored| stored.letter.reason == Reason::Rejected).count();
    assert_eq!((world.letters().len(), refused), (152, 151)); // without time for the default, 100 per second
}

#[test]
fn an_order_cancelled_in_its_delay_becomes_a_dead_letter() {
    let world = world(CONFIG, |_, _| status(503));
    assert!(world.order_and(|| world.upstream.shutdown.cancel()).unwrap_err().is_cancelled());
    assert_eq!((world.seen(), world.clock.now().as_millis()), (vec!["0 orders 503".to_owned()], 0));
    assert_eq!(world.letters()[0].letter.reason, Reason::Cancelled);
}

#[test]
fn a_reload_applies_to_the_next_call_and_to_all_circuits() {
    let world = world(CONFIG, |_, _| status(503));
    let edited = |from, to| Config::parse(&CONFIG.replace(from, to)).unwrap();
    let once = edited("max_attempts = 3", "max_attempts = 1");
    assert_eq!(world.order_and(|| world.upstream.reload(&once).unwrap()).unwrap_err().attempts(), 3);
    assert_eq!(world.order().unwrap_err().attempts(), 1);

    // The window has only 100 calls. The policy in the invalid file is not used, either.
    let unfit = world.upstream.reload(&edited("consecutive_failures = 5", "minimum_calls = 400"));
    assert_eq!(unfit.unwrap_err().to_string(), "minimum_calls = 400: must be at most 100, the window");
    assert!(world.order().unwrap_err().is_exhausted()); // the fifth failure
    assert!(world.order().unwrap_err().is_circuit_open());

    world.upstream.reload(&edited(r#""10s""#, r#""4s""#)).unwrap();
    world.clock.advance(Duration::from_secs(4));
    assert_eq!(world.order().unwrap_err().attempts(), 1); // a probe
}

#[test]
fn metrics_are_labelled_by_operation() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let world = world(CONFIG, |_, nth| status(if nth == 0 { 503 } else { 200 }));
    with_local_recorder(&recorder, || (world.stock().unwrap(), world.order().unwrap()));
    let text = recorder.handle().render();
    for line in [
        r#"retry_calls_total{operation="stock.read",outcome="succeeded"} 1"#,
        r#"retry_retries_total{operation="stock.read",error_type="Server"} 1"#,
        r#"retry_calls_total{operation="order.send",outcome="succeeded"} 1"#,
        r#"retry_dead_letters_total{operation="order.send",outcome="kept"} 0"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
}
