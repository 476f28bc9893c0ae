//! Code shapes of services: each compiles and works as it reads.
//!
//! Other files test more shapes:
//!
//! - tower layers made at run time: `tower/`
//! - reloads: `reload.rs`, `pools/reconfigure.rs`, `pools/operations.rs`
//! - all options of one call: `dead_letters/handed_over/one_call.rs`
//! - rules from run time: `reload.rs`
//! - tags: `metrics/names.rs`
//! - printed and serialised policies: `settings.rs`, `config_file.rs`

use std::cell::RefCell;
use std::error::Error as StdError;
use std::future;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use retry_core::{
    BoxError, Cause, CircuitConfig, CircuitPool, Class, Error, ErrorKind, Failure, GiveUp, Jitter, Policy,
    Progress, Recovery, Retry, Rule, SharedBudget, SharedCircuit, TokenBucket, Verdict,
    budget::NoBudget,
    circuit::{NoCircuit, Phase},
    classify::ByClosure,
    dead_letter::{DeadLetterQueue, OrElse, WhenFull},
    observe::{EventKind, Metrics, observer_fn},
    runtime::StdRuntime,
    testing::FakeClock,
};
use retry_tokio::Tokio;
use tests::ms;

const POLICY: Policy = Policy::fixed(ms(100)).jitter(Jitter::None);

type StockRetry =
    Retry<Tokio, Arc<Policy>, Arc<SharedCircuit>, NoBudget, ByClosure<fn(&io::Error) -> Failure>>;

/// A client that owns all it needs. Its types are written out.
struct Client {
    stock: StockRetry,
    circuit: Arc<SharedCircuit>,
}

impl Client {
    fn new(policy: Policy) -> Self {
        let circuit = Arc::new(SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(2)));
        let classify: fn(&io::Error) -> Failure = |_| Class::Network.into();
        let stock = retry_tokio::retry(Arc::new(policy)).circuit(Arc::clone(&circuit)).classify(classify);
        Self { stock: stock.named("stock.read"), circuit }
    }

    async fn read(&self) -> Result<u32, Error<io::Error>> {
        self.stock.run(|| async { Err(io::Error::other("down")) }).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_owns_its_retry_beside_the_circuit_that_it_uses() {
    let client = Arc::new(Client::new(POLICY));
    let task = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.read().await }
    });
    assert!(task.await.unwrap().unwrap_err().is_circuit_open());
    assert_eq!(client.circuit.phase(), Phase::Open);
}

#[tokio::test(start_paused = true)]
async fn references_and_arcs_are_circuits_and_budgets() {
    static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    let circuit = Arc::new(SharedCircuit::new(CircuitConfig::DEFAULT));
    let budget = Arc::new(SharedBudget::new(TokenBucket::AWS));

    let by_reference = retry_tokio::retry(&POLICY).circuit(&CIRCUIT);
    assert!(by_reference.run(|| async { Ok::<_, Class>(7) }).await.is_ok());
    let lent = retry_tokio::retry(&POLICY).circuit(&circuit).budget(&budget);
    assert!(lent.run(|| async { Ok::<_, Class>(7) }).await.is_ok());
    let owned = retry_tokio::retry(&POLICY).circuit(circuit.clone()).budget(budget.clone());
    let task = tokio::spawn(async move { owned.run(|| async { Err::<(), _>(Class::Network) }).await });
    assert!(task.await.unwrap().unwrap_err().is_exhausted());
    let now = retry_core::runtime::Clock::now(&Tokio);
    assert_eq!((circuit.counts(now).unwrap().failures, budget.held(now)), (3, 490));
}

#[test]
fn types_are_inferred_without_annotations() {
    let circuit = Arc::new(SharedCircuit::new(CircuitConfig::DEFAULT));
    let pool = Arc::new(CircuitPool::new(8, CircuitConfig::DEFAULT));
    let budget = Arc::new(SharedBudget::new(TokenBucket::AWS));
    let metrics = Arc::new(Metrics::new());
    let retry = retry_core::retry(Policy::DEFAULT).circuit(circuit).budget(budget).observe(metrics.clone());
    assert_eq!(retry.run_blocking(|| Ok::<_, Class>(pool.get("a").phase())), Ok(Phase::Closed));
    assert_eq!(metrics.snapshot().calls(), 1);
}

#[test]
fn names_are_known_at_run_time() {
    let metrics = Metrics::<2>::sized();
    for tenant in ["north", "south", "east"] {
        let name = format!("stock.{tenant}");
        let clock = FakeClock::new();
        let retry = Retry::new(&POLICY, &clock).named(&name).observe(&metrics);
        let error = retry.run_blocking(|| Err::<(), _>(Class::Validation)).unwrap_err();
        assert_eq!(error.operation(), name);
    }
    // The table counts as many names as fit. The others are counted together.
    assert_eq!(metrics.operation("stock.south").unwrap().snapshot().calls(), 1);
    assert!(metrics.operation("stock.east").is_none());
    assert_eq!((metrics.operations().count(), metrics.other().snapshot().calls()), (2, 1));
}

mod question_mark {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Refused;

    impl std::fmt::Display for Refused {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("refused")
        }
    }

    impl StdError for Refused {}

    async fn with_anyhow() -> anyhow::Result<()> {
        let retry = retry_tokio::retry(&POLICY).classify(|_: &anyhow::Error| Class::Network);
        retry.run(|| async { Err(anyhow::Error::new(Refused)) }).await.map_err(Error::boxed)?;
        Ok(())
    }

    type Boxed = Box<dyn StdError + Send + Sync>;

    async fn with_a_box() -> Result<(), Boxed> {
        let retry = retry_tokio::retry(&POLICY).classify(|_: &Boxed| Class::Network);
        retry.run(|| async { Err(Refused.into()) }).await.map_err(Error::boxed)?;
        Ok(())
    }

    async fn with_an_error() -> anyhow::Result<()> {
        let retry = retry_tokio::retry(&POLICY).classify(|_: &Refused| Class::Network);
        retry.run(|| async { Err(Refused) }).await?;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn works_on_calls_with_operations_that_return_any_error() {
        let anyhow = tokio::spawn(with_anyhow()).await.unwrap().unwrap_err();
        let lines: Vec<_> = anyhow.chain().map(ToString::to_string).collect();
        assert_eq!(lines, ["gave up after attempt 3 of 3 (Network): no attempts left", "refused"]);
        let boxed = tokio::spawn(with_a_box()).await.unwrap().unwrap_err();
        assert_eq!(boxed.source().and_then(|source| source.downcast_ref()), Some(&Refused));
        let error = boxed.downcast_ref::<Error<BoxError>>().unwrap();
        assert_eq!(error.kind(), ErrorKind::GaveUp(GiveUp::Attempts));
        let plain = tokio::spawn(with_an_error()).await.unwrap().unwrap_err();
        assert_eq!(plain.chain().nth(1).and_then(|source| source.downcast_ref()), Some(&Refused));
    }
}

mod state {
    use super::*;

    /// A connection that hangs at first, and then fails once.
    #[derive(Default)]
    struct Connection {
        queries: u32,
        rows: Vec<u32>,
    }

    impl Connection {
        async fn query(&mut self) -> Result<u32, Class> {
            self.queries += 1;
            self.rows.push(self.queries);
            match self.queries {
                1 => std::future::pending().await,
                2 => Err(Class::Network),
                _ => Ok(7),
            }
        }
    }

    const CUT: Policy = POLICY.attempt_timeout(ms(1_000));

    #[tokio::test(start_paused = true)]
    async fn an_operation_borrows_what_it_changes() {
        let mut connection = Connection::default();
        let retry = retry_tokio::retry(&CUT);
        assert_eq!(retry.run_mut(async || connection.query().await).await, Ok(7));
        assert_eq!(connection.rows, [1, 2, 3]); // the changes of the cut attempt remain
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_spawned_with_its_state() {
        let start = tokio::time::Instant::now();
        let task = tokio::spawn(async {
            let mut connection = Connection::default();
            let retry = retry_tokio::retry(&CUT);
            let count = retry.run_mut_send(&mut connection, |connection| Box::pin(connection.query())).await;
            (count, connection.rows)
        });
        assert_eq!(task.await.unwrap(), (Ok(7), vec![1, 2, 3]));
        assert_eq!(start.elapsed(), ms(1_000 + 100 + 100));
    }
}

#[test]
fn loggers_get_the_text_of_the_error() {
    let lines = RefCell::new(Vec::new());
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock)
        .classify(|_: &io::Error| Class::Network)
        .on_error(|cause: &Cause<io::Error>, now: Progress, verdict: Verdict| {
            lines.borrow_mut().push(format!("{}: {cause}: {verdict}", now.attempt));
        })
        .on_event(|event| {
            if let (EventKind::Failed { .. }, Some(text)) = (event.kind, event.text) {
                lines.borrow_mut().push(text.to_string());
            }
        });
    let down = || Err::<(), _>(io::Error::other("GET https://me:secret@stock/apple?token=1: refused"));
    let _ = retry.run_blocking(down);
    let (text, all) = ("GET https://stock/apple: refused", lines.take());
    assert_eq!(all[0], text);
    assert!(
        all[1].starts_with("1: GET https://me:secret@stock/apple?token=1: refused: retry in"),
        "{}",
        all[1]
    );
    assert_eq!(all.len(), 6);

    let events = RefCell::new(Vec::new());
    let observer = observer_fn(|event| events.borrow_mut().push(event.to_string()));
    let _ = retry.by_ref().without_text().observe(&observer).run_blocking(down);
    assert!(events.take().iter().all(|line| !line.contains("refused")));
    let _ = retry.by_ref().observe(&observer).run_blocking(down);
    assert!(events.take()[1].ends_with(text));
}

#[test]
fn a_call_returns_its_last_value() {
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock)
        .classify(|class: &Class| *class)
        .classify_ok(|status: &u16| (*status >= 500).then_some(Class::Server));
    let statuses = RefCell::new([500, 502, 503].into_iter());
    let next = || Ok(statuses.borrow_mut().next().unwrap());
    assert_eq!(retry.return_last().run_blocking(next), Ok(503));
    assert_eq!(clock.run(retry.return_last().run(|| async { Ok::<u16, Class>(504) })), Ok(504));
    // If an error or a good value follows, the call ends with that instead.
    let answers = RefCell::new([Ok(500), Err(Class::Validation), Ok(500), Ok(200)].into_iter());
    let next = || answers.borrow_mut().next().unwrap();
    assert_eq!(retry.return_last().run_blocking(next).unwrap_err().into_inner(), Some(Class::Validation));
    assert_eq!(retry.return_last().run_blocking(next), Ok(200));
}

#[tokio::test(start_paused = true)]
async fn a_sink_is_shared_by_spawned_calls() {
    let lost = Arc::new(DeadLetterQueue::new(8, WhenFull::Refuse));
    let task = tokio::spawn({
        let lost = Arc::clone(&lost);
        async move {
            let retry = retry_tokio::retry(&POLICY);
            let call = retry.dead_letters(&lost).payload(|| "7 apples".to_owned());
            call.run(|| async { Err::<(), _>(Class::Network) }).await
        }
    });
    assert!(task.await.unwrap().unwrap_err().is_exhausted());
    assert_eq!(lost.pop().unwrap().payload, "7 apples");
}

/// A client that owns two sinks, of which the second gets what the first refuses.
#[derive(Clone)]
struct Orders {
    letters: OrElse<Arc<DeadLetterQueue<u32>>, Arc<DeadLetterQueue<u32>>>,
}

#[test]
fn a_client_owns_a_sink_and_a_second_one_for_what_it_refuses() {
    let [few, many] = [1, 8].map(|room| Arc::new(DeadLetterQueue::new(room, WhenFull::Refuse)));
    let orders = Orders { letters: OrElse::new(few.clone(), many.clone()) };
    let (clock, orders) = (FakeClock::new(), orders.clone());
    let send = Retry::new(&POLICY, &clock);
    for order in 0..3 {
        let call = send.dead_letters(&orders.letters).payload(|| order);
        assert!(call.run_blocking(|| Err::<(), _>(Class::Network)).is_err());
    }
    assert_eq!((few.len(), many.len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_spawned_call_gives_its_last_value_and_the_errors_text() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let task = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            let retry = retry_tokio::retry(POLICY)
                .classify(|_: &io::Error| Class::Network)
                .classify_ok(|status: &u16| (*status >= 500).then_some(Class::Server))
                .on_error(|cause: &Cause<io::Error>, now: Progress, verdict: Verdict| {
                    log.lock().unwrap().push(format!("{}: {cause}: {verdict:?}", now.attempt));
                });
            let mut answers = [Err(io::Error::other("down")), Ok(502), Ok(503)].into_iter();
            retry.return_last().run(|| future::ready(answers.next().unwrap())).await
        }
    });
    assert_eq!(task.await.unwrap().unwrap(), 503);
    let lines = log.lock().unwrap();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("1: down: Retry("), "{}", lines[0]);
}

#[tokio::test]
async fn a_client_with_send_futures_runs_on_the_fake_clock() {
    #[derive(Clone)]
    struct Client<R> {
        retry: Retry<R>,
    }

    impl Client<Arc<FakeClock>> {
        async fn read(self) -> Result<u32, Error<Class>> {
            self.retry.run(|| async { Err(Class::Network) }).await
        }
    }

    let clock = Arc::new(FakeClock::new().auto_advance());
    let client = Client { retry: Retry::new(&POLICY, Arc::clone(&clock)) };
    assert!(tokio::spawn(client.read()).await.unwrap().unwrap_err().is_exhausted());
    assert_eq!(clock.now().as_millis(), 200);
}

#[tokio::test(start_paused = true)]
async fn delays_are_exact_on_paused_time() {
    const JITTERED: Policy = Policy::fixed(ms(1_000)).jitter(Jitter::Full).max_attempts(3);
    static WORDS: FakeClock = FakeClock::new().with_words(&[1 << 63, 1 << 62]);

    let start = tokio::time::Instant::now();
    let retry = retry_tokio::retry(&JITTERED).entropy(&WORDS);
    let _ = retry.run(|| async { Err::<(), _>(Class::Network) }).await;
    assert_eq!(start.elapsed(), ms(500 + 250));
}

#[test]
fn an_error_can_be_inspected_without_being_consumed() {
    const RULES: Policy = POLICY.rules(&[Rule::class(Class::NotFound).recovery(Recovery::Ignore)]);
    let clock = FakeClock::new();
    let retry = Retry::new(&RULES, &clock).named("stock.read").keyed("eu-west-1");
    let error = retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    assert_eq!(
        (error.inner(), error.class(), error.attempts()),
        (Some(&Class::Network), Some(Class::Network), 3)
    );
    assert_eq!((error.operation(), error.context().key.as_str()), ("stock.read", "eu-west-1"));
    assert_eq!(error.cause(), Some(&Cause::Failed(Class::Network)));
    assert_eq!(error.none_if_ignored::<()>().unwrap_err().into_inner(), Some(Class::Network));

    let ignored = retry.run_blocking(|| Err::<u32, _>(Class::NotFound));
    assert_eq!(ignored.map(Some).or_else(Error::none_if_ignored), Ok(None));
}

#[test]
fn manual_operations_take_the_time_of_a_real_clock() {
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    circuit.trip(Duration::from_secs(3_600), StdRuntime.now());
    let error = retry_core::retry(&POLICY).circuit(&circuit).run_blocking(|| Ok::<_, Class>(7)).unwrap_err();
    let ErrorKind::Rejected(rejected) = error.kind() else { panic!("{error}") };
    assert!(rejected.wait() > Duration::from_secs(3_000));
}

#[test]
fn a_retry_can_borrow_everything_from_a_function() {
    // All values live only in this function.
    let (clock, log) = (FakeClock::new(), Mutex::new(Vec::new()));
    let policy = Policy::fixed(ms(100)).jitter(Jitter::None).max_attempts(2);
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    let watch = |line: String| log.lock().unwrap().push(line);
    let retry = Retry::new(policy, &clock).circuit(&circuit).on_event(|event| watch(event.to_string()));
    let _ = retry.run_blocking(|| Err::<(), _>(Class::Network));
    assert_eq!(log.into_inner().unwrap().len(), 5);
    let _: Retry<&FakeClock, Policy, NoCircuit> = Retry::new(policy, &clock);
}
