//! Sleeps and readiness checks that take longer than asked, as on an executor that is held up: the limits of time hold,
//! and a wait for readiness is reckoned from the clock.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use retry_core::{
    Call, CircuitConfig, Class, ErrorKind, GiveUp, Instant, Jitter, Policy, Recovery, Retry, Rule,
    SharedBudget, SharedCircuit, TokenBucket, Verdict,
    circuit::{CountWindow, Phase},
    record::{LogWriter, Recorder, Replay},
    runtime::{BlockingSleep, Clock, Entropy, Interrupted, Readiness, Sleep, StdLock},
    testing::FakeClock,
};
use tests::{Paced, ms};

const POLICY: Policy = Policy::fixed(ms(50)).jitter(Jitter::None).max_attempts(9);
const WAITS: Policy = POLICY.max_attempts(2).rules(&[Rule::ANY.recovery(Recovery::WaitAndRetry(ms(200)))]);

/// A call whose attempts fail at once. All times are in milliseconds since its start, unless they name another unit.
struct Row {
    what: &'static str,
    policy: Policy,
    /// How much longer than asked each sleep takes. The last value is repeated.
    over: &'static [u64],
    /// The time between two readiness checks in microseconds, and how long each check takes. It is never ready.
    check: Option<(u64, u64)>,
    /// When the operation is called.
    begins: &'static [u64],
    ends: u64,
    reason: GiveUp,
    /// The number of sleeps.
    sleeps: u32,
}

const PLAIN: Row = Row {
    what: "",
    policy: POLICY,
    over: &[0],
    check: None,
    begins: &[],
    ends: 0,
    reason: GiveUp::StartWithin,
    sleeps: 1,
};

const TABLE: &[Row] = &[
    Row {
        what: "start within: the sleep ends long after it",
        policy: POLICY.start_within(ms(120)),
        over: &[700],
        begins: &[0],
        ends: 750,
        ..PLAIN
    },
    Row {
        what: "start within: the second sleep ends long after it",
        policy: POLICY.start_within(ms(120)),
        over: &[0, 700],
        begins: &[0, 50],
        ends: 800,
        sleeps: 2,
        ..PLAIN
    },
    Row {
        what: "start within: the sleep ends exactly at it",
        policy: POLICY.start_within(ms(120)),
        over: &[70],
        begins: &[0, 120],
        ends: 120,
        ..PLAIN
    },
    Row {
        what: "start within: the sleep ends a millisecond after it",
        policy: POLICY.start_within(ms(120)),
        over: &[71],
        begins: &[0],
        ends: 121,
        ..PLAIN
    },
    Row {
        what: "start within: nothing is held up",
        policy: POLICY.start_within(ms(120)),
        begins: &[0, 50, 100],
        ends: 100,
        sleeps: 2,
        ..PLAIN
    },
    Row {
        what: "total timeout: the sleep ends long after it",
        policy: POLICY.total_timeout(ms(120)),
        over: &[700],
        begins: &[0],
        ends: 750,
        reason: GiveUp::TotalTimeout,
        ..PLAIN
    },
    Row {
        what: "total timeout: the sleep ends exactly at it",
        policy: POLICY.total_timeout(ms(120)),
        over: &[70],
        begins: &[0],
        ends: 120,
        reason: GiveUp::TotalTimeout,
        ..PLAIN
    },
    Row {
        what: "both limits have passed: the first of the two checks names the reason",
        policy: POLICY.start_within(ms(100)).total_timeout(ms(200)),
        over: &[700],
        begins: &[0],
        ends: 750,
        ..PLAIN
    },
    Row {
        what: "only start within has passed",
        policy: POLICY.start_within(ms(100)).attempt_timeout(ms(10)).total_timeout(ms(2_000)),
        over: &[700],
        begins: &[0],
        ends: 750,
        ..PLAIN
    },
    Row {
        what: "wait: the time between two checks has a minimum",
        policy: WAITS,
        check: Some((10, 0)),
        begins: &[0, 200],
        ends: 200,
        reason: GiveUp::Attempts,
        sleeps: 201,
        ..PLAIN
    },
    Row {
        what: "wait: a time of zero between two checks is the minimum",
        policy: WAITS,
        check: Some((0, 0)),
        begins: &[0, 200],
        ends: 200,
        reason: GiveUp::Attempts,
        sleeps: 201,
        ..PLAIN
    },
    Row {
        what: "wait: each sleep takes longer",
        policy: WAITS,
        over: &[30],
        check: Some((20_000, 0)),
        begins: &[0, 230], // the sleep that was under way at 200 ends late itself
        ends: 230,
        reason: GiveUp::Attempts,
        sleeps: 5,
    },
    Row {
        what: "wait: one sleep takes so long that the wait is over",
        policy: WAITS,
        over: &[0, 700, 0],
        check: Some((20_000, 0)),
        begins: &[0, 720],
        ends: 720,
        reason: GiveUp::Attempts,
        sleeps: 2,
    },
    Row {
        what: "wait: each check takes time",
        policy: WAITS,
        check: Some((10_000, 50)),
        begins: &[0, 230],
        ends: 230,
        reason: GiveUp::Attempts,
        sleeps: 4,
        ..PLAIN
    },
    Row {
        what: "wait: the last step is as long as what is left",
        policy: WAITS,
        check: Some((60_000, 0)),
        begins: &[0, 200],
        ends: 200,
        reason: GiveUp::Attempts,
        sleeps: 5,
        ..PLAIN
    },
    Row {
        what: "wait: what is left until start within is the longest one",
        policy: WAITS.start_within(ms(100)),
        check: Some((10_000, 0)),
        begins: &[0, 100],
        ends: 100,
        reason: GiveUp::Attempts,
        sleeps: 11,
        ..PLAIN
    },
    Row {
        what: "wait: a check takes it past start within",
        policy: WAITS.start_within(ms(100)),
        check: Some((10_000, 30)),
        begins: &[0],
        ends: 110,
        sleeps: 3,
        ..PLAIN
    },
    Row {
        what: "wait: a check takes it past the total timeout",
        policy: WAITS.total_timeout(ms(100)),
        check: Some((10_000, 30)),
        begins: &[0],
        ends: 110,
        reason: GiveUp::TotalTimeout,
        sleeps: 3,
        ..PLAIN
    },
];

/// A runtime on which sleeps and other steps take longer than asked.
struct HeldUp<R> {
    inner: R,
    over: Cell<&'static [u64]>,
    sleeps: Cell<u32>,
    /// What was spent without a sleep, in milliseconds.
    spent: AtomicU64,
}

impl<R: Clock> HeldUp<R> {
    fn new(inner: R, over: &'static [u64]) -> Self {
        Self { inner, over: Cell::new(over), sleeps: Cell::new(0), spent: AtomicU64::new(0) }
    }

    fn longer(&self, asked: Duration) -> Duration {
        self.sleeps.set(self.sleeps.get() + 1);
        let over = self.over.get();
        if let [_, rest @ ..] = over
            && !rest.is_empty()
        {
            self.over.set(rest);
        }
        asked + ms(over[0])
    }
}

impl<R: Clock> Clock for HeldUp<R> {
    fn now(&self) -> Instant {
        self.inner.now().after(ms(self.spent.load(Ordering::Relaxed)))
    }
}

impl<R: Sleep> Sleep for HeldUp<R> {
    type Sleep = R::Sleep;

    fn sleep(&self, asked: Duration) -> R::Sleep {
        self.inner.sleep(self.longer(asked))
    }
}

impl<R: BlockingSleep> BlockingSleep for HeldUp<R> {
    fn sleep_blocking(&self, asked: Duration) -> Result<(), Interrupted> {
        self.inner.sleep_blocking(self.longer(asked))
    }
}

impl<R> Entropy for HeldUp<R> {
    fn word(&self) -> u64 {
        0
    }
}

/// The call of a row: what its operation and its checks do, and what it has to show.
struct Case<'r, R> {
    row: &'r Row,
    time: &'r HeldUp<R>,
    start: Instant,
    begins: RefCell<Vec<u64>>,
}

impl<'r, R: Clock> Case<'r, R> {
    fn new(row: &'r Row, time: &'r HeldUp<R>) -> Self {
        Self { row, time, start: time.now(), begins: RefCell::default() }
    }

    fn since_start(&self) -> u64 {
        u64::try_from(self.time.now().since(self.start).as_millis()).unwrap()
    }

    fn operation(&self) -> Result<(), Class> {
        self.begins.borrow_mut().push(self.since_start());
        Err(Class::Server)
    }

    /// Compares with the row. The loops' timeouts are sleeps, too, so sleeps are only counted if there are none.
    fn check(&self, reason: GiveUp) {
        let Row { what, begins, ends, sleeps, policy, .. } = self.row;
        assert_eq!(*self.begins.borrow(), *begins, "{what}");
        assert_eq!((self.since_start(), reason), (*ends, self.row.reason), "{what}");
        let limits = policy.settings();
        if limits.attempt_timeout.is_none() && limits.total_timeout.is_none() {
            assert_eq!(self.time.sleeps.get(), *sleeps, "{what}");
        }
    }
}

fn reason(error: &retry_core::Error<Class>) -> GiveUp {
    match error.kind() {
        ErrorKind::GaveUp(reason) => reason,
        other => panic!("{other:?}"),
    }
}

/// Makes the call of a row on `$time`, without or with a readiness check, and hands it to `$run`.
macro_rules! with_check {
    ($row:expr, $time:expr, |$retry:ident| $run:expr) => {
        match $row.check {
            None => {
                let $retry = Retry::new($row.policy, $time);
                $run
            }
            Some((every, takes)) => {
                let spent = &$time.spent;
                let check = move || {
                    spent.fetch_add(takes, Ordering::Relaxed);
                    false
                };
                let $retry = Retry::new($row.policy, $time).ready(check, Duration::from_micros(every));
                $run
            }
        }
    };
}

#[test]
fn in_a_blocking_loop() {
    for row in TABLE {
        let time = &HeldUp::new(FakeClock::new(), row.over);
        let case = Case::new(row, time);
        let error = with_check!(row, time, |retry| retry.run_blocking(|| case.operation())).unwrap_err();
        case.check(reason(&error));
    }
}

/// The three loops for futures.
async fn in_futures<R: Sleep>(case: &Case<'_, R>, which: usize) {
    let operation = || case.operation();
    let error = with_check!(case.row, case.time, |retry| match which {
        0 => retry.run(async || operation()).await,
        1 => retry.run_mut(async || operation()).await,
        _ => retry.run_mut_send(&mut (), |()| Box::pin(std::future::ready(operation()))).await,
    });
    case.check(reason(&error.unwrap_err()));
}

#[test]
fn in_futures_on_a_fake_clock() {
    for (row, which) in TABLE.iter().flat_map(|row| [(row, 0), (row, 1), (row, 2)]) {
        let clock = &FakeClock::new();
        let time = HeldUp::new(clock, row.over);
        clock.run(in_futures(&Case::new(row, &time), which));
    }
}

#[tokio::test(start_paused = true)]
async fn on_tokio() {
    for (row, which) in TABLE.iter().flat_map(|row| [(row, 0), (row, 1), (row, 2)]) {
        let time = HeldUp::new(retry_tokio::Tokio, row.over);
        in_futures(&Case::new(row, &time), which).await;
    }
}

#[test]
fn on_async_std() {
    for row in TABLE {
        let paced = Paced::new(retry_async_std::AsyncStd, Duration::from_micros(1));
        let time = HeldUp::new(&paced, row.over);
        let case = Case::new(row, &time);
        async_std::task::block_on(paced.drive(in_futures(&case, 0)));
    }
}

#[test]
fn by_hand() {
    for row in TABLE.iter().filter(|row| row.check.is_none()) {
        let time = &HeldUp::new(FakeClock::new(), row.over);
        let case = Case::new(row, time);
        let mut call = Call::new(&row.policy, time.now());
        let verdict = loop {
            let mut attempt = call.attempt(time.now()).unwrap();
            let verdict = if attempt.time_limit(time.now()) == Some(Duration::ZERO) {
                attempt.time_out(time.now(), &mut FakeClock::new().words(&[]))
            } else {
                let class = case.operation().unwrap_err();
                attempt.fail(class, time.now(), &mut FakeClock::new().words(&[]))
            };
            match verdict {
                Verdict::Retry(delay) => time.sleep_blocking(delay).unwrap(),
                Verdict::GiveUp(reason) => break reason,
                Verdict::Rejected(rejected) => panic!("{rejected}"),
            }
        };
        case.check(verdict);
    }
}

#[test]
fn on_a_clock_that_stands_still_a_wait_takes_its_nominal_steps() {
    struct Still(Cell<u32>);
    impl Clock for Still {
        fn now(&self) -> Instant {
            Instant::ORIGIN
        }
    }
    impl BlockingSleep for Still {
        fn sleep_blocking(&self, _: Duration) -> Result<(), Interrupted> {
            self.0.set(self.0.get() + 1);
            Ok(())
        }
    }
    impl Entropy for Still {
        fn word(&self) -> u64 {
            0
        }
    }

    let still = &Still(Cell::new(0));
    let retry = Retry::new(WAITS.min_delay(ms(40)), still).ready(|| false, ms(20));
    retry.run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    assert_eq!(still.0.get(), 9); // 40 ms, and eight times 20 ms
}

#[test]
fn a_retry_that_starts_too_late_keeps_the_last_error_and_takes_nothing_from_circuit_and_budget() {
    static CIRCUIT: SharedCircuit<CountWindow<16>, StdLock> =
        SharedCircuit::with_window(CircuitConfig::WITHOUT_RULES.consecutive_failures(1).open_for(ms(50)));
    static BUDGET: SharedBudget<TokenBucket, StdLock> = SharedBudget::with_lock(TokenBucket::DEFAULT);

    let time = &HeldUp::new(FakeClock::new(), &[700]);
    let full = BUDGET.held_millionths(time.now());
    let log = Recorder::new(LogWriter(Vec::new()), 7);
    let observer = log.call();
    let policy = POLICY.start_within(ms(120));
    let retry = Retry::new(policy, log.entropy(time)).circuit(&CIRCUIT).budget(&BUDGET).observe(&observer);
    let error = retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();

    assert!(error.is_start_within());
    assert_eq!((error.inner(), error.class()), (Some(&Class::Network), Some(Class::Network)));
    assert_eq!(CIRCUIT.phase(), Phase::HalfOpen); // the probe's slot is free again
    assert!(retry.run_blocking(|| Ok::<_, Class>(())).is_ok());
    assert_eq!(BUDGET.held_millionths(time.now()), full);
    assert_eq!(Replay::new(&policy, &log.into_sink().0).unwrap().run().unwrap().decisions, 2);
}

#[test]
fn the_minimum_is_one_millisecond() {
    assert_eq!(Readiness::LEAST_EVERY, ms(1));
}
