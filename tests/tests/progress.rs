//! The progress that an operation gets before each attempt, and operations that borrow.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use retry_core::{
    Cause, CircuitConfig, Class, Jitter, Policy, Progress, Recovery, Retry, Retryable, Rule, SharedBudget,
    SharedCircuit, TokenBucket, observe::Event, runtime::Sleep, testing::FakeClock,
};
use tests::{ms, secs};

const POLICY: Policy = Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(4);

/// The attempt, the elapsed milliseconds, the milliseconds left, and the last cause.
type Told = (u32, Option<u64>, Option<u64>, Option<Cause<Class>>);

fn told(now: Progress, last: Option<&Cause<Class>>) -> Told {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap();
    (now.attempt, now.elapsed.map(millis), now.left.map(millis), last.copied())
}

#[test]
fn each_attempt_gets_the_progress_of_its_call() {
    use Cause::{Failed, TimedOut, Unacceptable};

    let policy = POLICY.start_within(ms(2_000)).attempt_timeout(ms(500));
    // Each attempt takes 50 ms, and the third hangs. The delays are 100, 200 and 400 ms.
    let script = [Err(Class::Server), Ok(false), Err(Class::Network), Ok(true)];
    let asynchronous: [Told; 4] = [
        (1, Some(0), Some(2_000), None),
        (2, Some(150), Some(1_850), Some(Failed(Class::Server))),
        (3, Some(400), Some(1_600), Some(Unacceptable(None))),
        (4, Some(1_300), Some(700), Some(TimedOut(ms(500)))),
    ];
    let mut blocking = asynchronous;
    blocking[3] = (4, Some(850), Some(1_150), Some(Failed(Class::Network))); // a blocking attempt does not time out

    let clock = FakeClock::new();
    let retry = Retry::new(&policy, &clock)
        .classify(|class: &Class| *class)
        .classify_ok(|good: &bool| (!good).then_some(Class::Transient));
    let mut log = Vec::new();
    let result = clock.run(retry.run_with(|now, last| {
        log.push(told(now, last));
        let takes = if now.attempt == 3 { ms(10_000) } else { ms(50) };
        let (clock, outcome) = (&clock, script[log.len() - 1]);
        async move {
            clock.sleep(takes).await;
            outcome
        }
    }));
    assert_eq!((result, log), (Ok(true), asynchronous.to_vec()));

    let clock = FakeClock::new();
    let retry = Retry::new(&policy, &clock)
        .classify(|class: &Class| *class)
        .classify_ok(|good: &bool| (!good).then_some(Class::Transient));
    let mut log = Vec::new();
    let result = retry.run_blocking_with(|now, last| {
        log.push(told(now, last));
        clock.advance(ms(50));
        script[log.len() - 1]
    });
    assert_eq!((result, log), (Ok(true), blocking.to_vec()));
}

#[test]
fn without_a_deadline_the_progress_has_no_time() {
    let mut log = Vec::new();
    let result = Retry::new(&POLICY, FakeClock::new()).run_blocking_with(|now, last| {
        log.push(told(now, last));
        if now.attempt == 2 { Ok(()) } else { Err(Class::Server) }
    });
    assert_eq!(result, Ok(()));
    assert_eq!(log, [(1, None, None, None), (2, None, None, Some(Cause::Failed(Class::Server)))]);
}

#[test]
fn with_a_rule_that_counts_time_the_progress_has_a_time_but_no_deadline() {
    const RULES: [Rule; 1] = [Rule::ANY.after(ms(250)).recovery(Recovery::Fail)];
    let clock = FakeClock::new();
    let policy = POLICY.rules(&RULES);
    let mut log = Vec::new();
    let result = Retry::new(&policy, &clock).run_blocking_with(|now, last| {
        log.push(told(now, last));
        Err::<(), _>(Class::Server)
    });
    assert!(result.is_err());
    let last = Some(Cause::Failed(Class::Server));
    assert_eq!(log, [(1, Some(0), None, None), (2, Some(100), None, last), (3, Some(300), None, last)]);
}

#[test]
fn a_condition_gets_the_time_left_after_its_attempt() {
    const FAIL: Rule = Rule::ANY.recovery(Recovery::Fail);
    let clock = FakeClock::new();
    let policy = POLICY.start_within(ms(1_000));
    let log = RefCell::new(Vec::new());
    let retry = Retry::new(&policy, &clock).when(
        |_: &Class, now: Progress| {
            log.borrow_mut().push((now.attempt, now.left));
            now.left.is_some_and(|left| left.is_zero())
        },
        &FAIL,
    );
    let result = retry.run_blocking(|| {
        clock.advance(ms(600));
        Err::<(), _>(Class::Server)
    });
    assert_eq!(result.unwrap_err().context().elapsed, Some(ms(1_300)));
    assert_eq!(log.into_inner(), [(1, Some(ms(400))), (2, Some(ms(0)))]);
}

#[test]
fn an_operation_may_borrow_and_change_what_it_borrows() {
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock);
    let mut tried = Vec::new();
    let mut servers = ["a", "b", "c"].into_iter();
    let mut query = || {
        tried.push(servers.next().unwrap());
        if tried.len() == 3 { Ok(tried.len()) } else { Err(Class::Network) }
    };
    assert_eq!((&mut query).retry_blocking(&retry), Ok(3));
    assert_eq!(tried, ["a", "b", "c"]);

    let tried = Cell::new(0);
    let fetch = || async {
        tried.set(tried.get() + 1);
        if tried.get() == 2 { Ok("apple") } else { Err(Class::Network) }
    };
    assert_eq!(clock.run(fetch.retry(&retry)), Ok("apple"));

    fn refuse() -> Result<(), Class> {
        Err(Class::Validation)
    }
    assert_eq!(refuse.retry_blocking(&retry).unwrap_err().context().attempt, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_operations_that_borrow_are_send() {
    static CIRCUIT: SharedCircuit =
        SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(100));
    static BUDGET: SharedBudget<TokenBucket> = SharedBudget::new(TokenBucket::DEFAULT);
    static EVENTS: AtomicU32 = AtomicU32::new(0);
    const QUICK: Policy = Policy::exponential(ms(1)).max_attempts(4).start_within(secs(86_400));

    let calls: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(async {
                let observer = |_: &Event| {
                    EVENTS.fetch_add(1, Ordering::Relaxed);
                };
                let retry = retry_tokio::retry(&QUICK).circuit(&CIRCUIT).budget(&BUDGET).on_event(observer);
                let sku = String::from("apple");
                let mut tried = 0;
                let fetch = || {
                    tried += 1;
                    let (sku, tried) = (&sku, tried);
                    async move {
                        tokio::task::yield_now().await;
                        if tried < 3 { Err(Class::Server) } else { Ok(sku.len() + tried) }
                    }
                };
                let told = |now: Progress, last: Option<&Cause<Class>>| {
                    let last = last.copied();
                    let sku = &sku;
                    async move {
                        tokio::task::yield_now().await;
                        last.map(|_| sku.len() + now.attempt as usize).ok_or(Class::Timeout)
                    }
                };
                (fetch.retry(&retry).await.unwrap(), retry.run_with(told).await.unwrap())
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), (8, 7));
    }
    // A call with three attempts and one with two. Each attempt has two events, and the end of the call has one.
    assert_eq!(EVENTS.load(Ordering::Relaxed), 8 * ((3 * 2 + 1) + (2 * 2 + 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_need_not_be_sync() {
    let call = tokio::spawn(async {
        let retry = retry_tokio::retry(&POLICY).classify_opaque(|_: &Cell<u32>| Class::Client);
        let told = |now: Progress, last: Option<&Cause<Cell<u32>>>| {
            let failed = last.is_some();
            async move {
                tokio::task::yield_now().await;
                if failed { Ok(()) } else { Err(Cell::new(now.attempt)) }
            }
        };
        retry.run_with(told).await.map_err(|error| error.into_inner().map(Cell::into_inner))
    });
    assert_eq!(call.await.unwrap(), Err(Some(1)));
}
