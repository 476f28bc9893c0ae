//! The total timeout of a call, alone and together with the other time limits.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::fs;
use std::future::{pending, ready};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use retry_core::{
    Call, Cause, CircuitConfig, Class, Error, GiveUp, Instant, Jitter, Policy, Retry, SharedBudget,
    SharedCircuit, TokenBucket, Verdict,
    circuit::CountWindow,
    dead_letter::{JsonLinesReader, JsonLinesSink, Reason, ReasonSet},
    observe::{Event, EventKind, observer_fn},
    runtime::{BlockingSleep, Clock, Entropy, Interrupted, LocalLock, Sleep},
    testing::FakeClock,
};
use retry_tokio::Tokio;
use tests::ms;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: u64 = 3_600_000;

/// A delay of one second, and any number of attempts.
const POLICY: Policy = Policy::fixed(SECOND).jitter(Jitter::None).max_attempts(u32::MAX);

type Outcome = Result<(), Class>;

const OK: Outcome = Ok(());
const DOWN: Outcome = Err(Class::Server);

/// A call, and its expected log.
struct Row {
    policy: Policy,
    /// The duration in milliseconds and the result of each attempt. If there are more attempts, the last is repeated.
    attempts: &'static [(u64, Outcome)],
    /// The expected log, with times in milliseconds since the start.
    log: &'static str,
}

/// Rows in which the loop cuts attempts, which a blocking loop cannot do.
const CUT: &[Row] = &[
    // An attempt that takes an hour.
    Row {
        policy: POLICY.total_timeout(ms(10_000)),
        attempts: &[(HOUR, OK)],
        log: "
                 0 attempt 1
             10000 Timeout: give up, total-timeout
             10000 gave up after 1 attempt: TimedOut(10s)
        ",
    },
    Row {
        policy: POLICY.total_timeout(ms(10_000)).attempt_timeout(ms(6_000)),
        attempts: &[(HOUR, OK)],
        log: "
                 0 attempt 1
              6000 Timeout: retry in 1000
              7000 attempt 2
             10000 Timeout: give up, total-timeout
             10000 gave up after 2 attempts: TimedOut(10s)
        ",
    },
    // `start_within` limits the start of an attempt, and not its end.
    Row {
        policy: POLICY.start_within(ms(10_000)).attempt_timeout(ms(6_000)),
        attempts: &[(HOUR, OK)],
        log: "
                 0 attempt 1
              6000 Timeout: retry in 1000
              7000 attempt 2
             13000 Timeout: give up, start-within
             13000 gave up after 2 attempts: TimedOut(6s)
        ",
    },
    Row {
        policy: POLICY.start_within(ms(7_000)).attempt_timeout(ms(6_000)).total_timeout(ms(12_500)),
        attempts: &[(HOUR, OK)],
        log: "
                 0 attempt 1
              6000 Timeout: retry in 1000
              7000 attempt 2
             12500 Timeout: give up, total-timeout
             12500 gave up after 2 attempts: TimedOut(12.5s)
        ",
    },
    // The time left limits each attempt, also after errors.
    Row {
        policy: POLICY.total_timeout(ms(5_000)),
        attempts: &[(800, DOWN), (1_200, DOWN), (HOUR, OK)],
        log: "
                 0 attempt 1
               800 Server: retry in 1000
              1800 attempt 2
              3000 Server: retry in 1000
              4000 attempt 3
              5000 Timeout: give up, total-timeout
              5000 gave up after 3 attempts: TimedOut(5s)
        ",
    },
    // Both timers end at the same time. The reason is the total timeout, because no time is left.
    Row {
        policy: POLICY.total_timeout(ms(6_000)).attempt_timeout(ms(6_000)),
        attempts: &[(HOUR, OK)],
        log: "
                 0 attempt 1
              6000 Timeout: give up, total-timeout
              6000 gave up after 1 attempt: TimedOut(6s)
        ",
    },
];

/// Rows for all loops.
const WHOLE: &[Row] = &[
    Row {
        policy: POLICY.total_timeout(ms(10_000)),
        attempts: &[(10_000, OK)],
        log: "
                 0 attempt 1
             10000 succeeded
             10000 returned
        ",
    },
    Row {
        policy: POLICY.total_timeout(ms(10_000)),
        attempts: &[(10_000, DOWN)],
        log: "
                 0 attempt 1
             10000 Server: give up, total-timeout
             10000 gave up after 1 attempt: Failed(Server)
        ",
    },
    // If the retry would start at the total timeout or later, the call gives up before the sleep.
    Row {
        policy: POLICY.total_timeout(ms(2_500)),
        attempts: &[(500, DOWN)],
        log: "
                 0 attempt 1
               500 Server: retry in 1000
              1500 attempt 2
              2000 Server: give up, total-timeout
              2000 gave up after 2 attempts: Failed(Server)
        ",
    },
    Row {
        policy: POLICY.total_timeout(ms(1_500)),
        attempts: &[(500, DOWN)],
        log: "
                 0 attempt 1
               500 Server: give up, total-timeout
               500 gave up after 1 attempt: Failed(Server)
        ",
    },
    // Other reasons take precedence.
    Row {
        policy: POLICY.total_timeout(ms(1_500)).start_within(ms(1_499)),
        attempts: &[(500, DOWN)],
        log: "
                 0 attempt 1
               500 Server: give up, start-within
               500 gave up after 1 attempt: Failed(Server)
        ",
    },
    Row {
        policy: POLICY.total_timeout(ms(1_500)).max_attempts(1),
        attempts: &[(1_500, DOWN)],
        log: "
                 0 attempt 1
              1500 Server: give up, attempts
              1500 gave up after 1 attempt: Failed(Server)
        ",
    },
    Row {
        policy: POLICY.total_timeout(Duration::MAX),
        attempts: &[(HOUR, DOWN), (HOUR, OK)],
        log: "
                 0 attempt 1
           3600000 Server: retry in 1000
           3601000 attempt 2
           7201000 succeeded
           7201000 returned
        ",
    },
];

/// Returns the lines of a row's log.
fn lines(log: &str) -> Vec<&str> {
    log.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// Records what happens, with the time in milliseconds since the start.
struct Log {
    start: Instant,
    lines: RefCell<String>,
}

impl Log {
    fn from(start: Instant) -> Self {
        Self { start, lines: RefCell::default() }
    }

    fn line(&self, at: Instant, what: &str) {
        let at = Instant::ORIGIN.after(at.since(self.start)).as_millis();
        writeln!(self.lines.borrow_mut(), "{at} {what}").unwrap();
    }

    fn event(&self, event: &Event) {
        let what = match event.kind {
            EventKind::Started => format!("attempt {}", event.attempt),
            EventKind::Succeeded => "succeeded".into(),
            EventKind::Failed { failure, verdict, .. } => {
                let verdict = match verdict {
                    Verdict::Retry(delay) => format!("retry in {}", delay.as_millis()),
                    Verdict::GiveUp(reason) => format!("give up, {}", reason.name()),
                    Verdict::Rejected(_) => "rejected".into(),
                };
                format!("{}: {verdict}", failure.class)
            }
            _ => return,
        };
        self.line(event.at, &what);
    }

    fn end(&self, at: Instant, result: &Result<(), Error<Class>>) {
        let what = match result {
            Ok(()) => "returned".into(),
            Err(error) => {
                let attempts = error.context().attempt;
                let plural = if attempts == 1 { "" } else { "s" };
                let elapsed = error.context().elapsed.expect("a call with time limits counts the time");
                assert_eq!(elapsed, at.since(self.start), "{error}");
                format!("gave up after {attempts} attempt{plural}: {:?}", error.cause().unwrap())
            }
        };
        self.line(at, &what);
    }

    fn check(&self, row: &Row) {
        let log = self.lines.borrow();
        assert_eq!(lines(&log), lines(row.log), "{:?}", row.policy);
    }
}

fn script(row: &Row, attempt: u32) -> (u64, Outcome) {
    row.attempts[row.attempts.len().min(attempt as usize) - 1]
}

/// Plays the row with futures.
async fn play<R: Sleep + Entropy>(row: &Row, runtime: R) {
    let log = Log::from(runtime.now());
    let observer = |event: &Event| log.event(event);
    let retry = Retry::new(&row.policy, &runtime).on_event(&observer);
    let result = retry
        .run_with(|now, _| {
            let (takes, brings) = script(row, now.attempt);
            let sleep = runtime.sleep(ms(takes));
            async move {
                sleep.await;
                brings
            }
        })
        .await;
    log.end(runtime.now(), &result);
    log.check(row);
}

#[test]
fn on_the_fake_clock() {
    for row in CUT.iter().chain(WHOLE) {
        let clock = FakeClock::new();
        clock.run(play(row, &clock));
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn on_tokio_with_paused_time() {
    for row in CUT.iter().chain(WHOLE) {
        play(row, Tokio).await;
    }
}

#[test]
fn in_blocking_code() {
    for row in WHOLE {
        let clock = FakeClock::new();
        let log = Log::from(clock.now());
        let observer = |event: &Event| log.event(event);
        let retry = Retry::new(&row.policy, &clock).on_event(&observer);
        let result = retry.run_blocking_with(|now, _| {
            let (takes, brings) = script(row, now.attempt);
            clock.advance(ms(takes));
            brings
        });
        log.end(clock.now(), &result);
        log.check(row);
    }
}

#[test]
fn by_hand() {
    for row in CUT.iter().chain(WHOLE) {
        let clock = FakeClock::new();
        let log = Log::from(clock.now());
        let observer = observer_fn(|event| log.event(event));
        let mut call = Call::new(&row.policy, clock.now()).observe(&observer);
        loop {
            let mut attempt = call.attempt(clock.now()).unwrap();
            let limit = attempt.time_limit(clock.now());
            let (takes, brings) = script(row, attempt.number());
            let cut = limit.filter(|limit| ms(takes) > *limit);
            clock.advance(cut.unwrap_or(ms(takes)));
            let verdict = match brings {
                _ if cut.is_some() => attempt.time_out(clock.now(), &mut clock.words(&[])),
                Ok(()) => {
                    attempt.succeed(clock.now());
                    break;
                }
                Err(class) => attempt.fail(class, clock.now(), &mut clock.words(&[])),
            };
            match verdict {
                Verdict::Retry(delay) => clock.advance(delay),
                _ => break,
            }
        }
        // The last line shows an error, which a loop by hand creates itself.
        let (log, expected) = (log.lines.borrow(), lines(row.log));
        assert_eq!(lines(&log), expected[..expected.len() - 1], "{:?}", row.policy);
    }
}

/// On one thread and on two, in real time: attempts that never end are cut, and their state is dropped.
#[test]
fn attempts_that_never_end_are_cut_on_tokios_threads() {
    use tokio::runtime::Builder;

    const HASTY: Policy = Policy::fixed(ms(1)).total_timeout(ms(20));

    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = builder.worker_threads(2).enable_time().build().unwrap();
        let held = Arc::new(());
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let held = Arc::clone(&held);
                runtime.spawn(async move {
                    let start = Tokio.now();
                    let hang = || {
                        let held = Arc::clone(&held);
                        async move {
                            let _held = held;
                            pending::<Outcome>().await
                        }
                    };
                    let error = retry_tokio::retry(&HASTY).run(hang).await.unwrap_err();
                    (error, Tokio.now().since(start))
                })
            })
            .collect();
        for call in calls {
            let (error, took) = runtime.block_on(call).unwrap();
            assert!(error.is_total_timeout() && error.is_timeout(), "{error}");
            assert_eq!(error.cause(), Some(&Cause::TimedOut(ms(20))));
            assert!(took >= ms(20), "{took:?}");
        }
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

#[test]
fn a_blocking_operation_gets_the_time_left_and_its_late_value_is_returned() {
    let policy = POLICY.total_timeout(ms(5_000)).start_within(ms(600_000));
    // The duration of the second attempt in milliseconds, its result, and the end of the call.
    let rows: &[(u64, Outcome, Result<(), GiveUp>)] = &[
        (3_000, OK, Ok(())),
        (60_000, OK, Ok(())),
        (3_000, DOWN, Err(GiveUp::TotalTimeout)),
        (60_000, DOWN, Err(GiveUp::TotalTimeout)),
        (60_000, Err(Class::Validation), Err(GiveUp::Class)),
    ];
    for (takes, brings, end) in rows {
        let clock = FakeClock::new();
        let mut told = Vec::new();
        let result = Retry::new(&policy, &clock).run_blocking_with(|now, _| {
            told.push(now.left);
            clock.advance(if now.attempt == 1 { ms(1_000) } else { ms(*takes) });
            if now.attempt == 1 { DOWN } else { *brings }
        });
        assert_eq!(told, [Some(ms(5_000)), Some(ms(3_000))]);
        let end_of = |error: Error<Class>| match error.reason() {
            Reason::GaveUp(reason) => reason,
            reason => panic!("{reason:?}"),
        };
        assert_eq!(result.map_err(end_of), *end, "{takes} {brings:?}");
    }
}

/// With a loop by hand, time may pass between the start of a call and the start of an attempt.
#[test]
fn by_hand_a_limit_counts_from_the_time_of_the_query() {
    let policy = POLICY.attempt_timeout(ms(6_000)).total_timeout(ms(10_000));
    #[rustfmt::skip]
    let rows = [
        // start of the first attempt, its limit, the verdict after it
        (     0, 6_000, Verdict::Retry(SECOND)),
        ( 3_999, 6_000, Verdict::GiveUp(GiveUp::TotalTimeout)), // an attempt timeout, after which a retry would be too late
        ( 4_001, 5_999, Verdict::GiveUp(GiveUp::TotalTimeout)),
        ( 9_999,     1, Verdict::GiveUp(GiveUp::TotalTimeout)),
        (10_000,     0, Verdict::GiveUp(GiveUp::TotalTimeout)),
        (20_000,     0, Verdict::GiveUp(GiveUp::TotalTimeout)),
    ];
    for (begins, limit, verdict) in rows {
        let clock = FakeClock::new();
        let mut call = Call::new(&policy, clock.now());
        clock.advance(ms(begins));
        let mut attempt = call.attempt(clock.now()).unwrap();
        assert_eq!(attempt.time_limit(clock.now()), Some(ms(limit)), "{begins}");
        clock.advance(ms(limit));
        // Queries in between change nothing.
        assert_eq!(attempt.progress(clock.now()).left, Some(ms(10_000_u64.saturating_sub(begins + limit))));
        assert_eq!(attempt.time_out(clock.now(), &mut clock.words(&[])), verdict, "{begins}");
    }
    // A late failure is not retried, either.
    let clock = FakeClock::new();
    let mut call = Call::new(&policy, clock.now());
    let attempt = call.attempt(clock.now()).unwrap();
    clock.advance(ms(10_000));
    let verdict = attempt.fail(Class::Server, clock.now(), &mut clock.words(&[]));
    assert_eq!(verdict, Verdict::GiveUp(GiveUp::TotalTimeout));
}

/// Counts the clock readings. Without a time limit, a call that succeeds at once makes none. The first failure is read
/// for the error.
#[test]
fn the_clock_is_read_only_for_time_limits() {
    struct Counted<'c>(&'c FakeClock, Cell<u32>);
    impl Clock for Counted<'_> {
        fn now(&self) -> Instant {
            self.1.set(self.1.get() + 1);
            self.0.now()
        }
    }
    impl BlockingSleep for Counted<'_> {
        fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
            self.0.sleep_blocking(duration)
        }
    }
    impl Entropy for Counted<'_> {
        fn word(&self) -> u64 {
            self.0.word()
        }
    }

    let readings = |policy: &Policy, fails: u32| {
        let clock = FakeClock::new();
        let counted = Counted(&clock, Cell::new(0));
        let retry = Retry::new(policy, &counted);
        let result = retry.run_blocking_with(|now, _| if now.attempt > fails { OK } else { DOWN });
        assert_eq!(result, Ok(()));
        counted.1.get()
    };
    #[rustfmt::skip]
    let rows = [
        // limits,                            readings of a call that succeeds at once, and after one retry
        (POLICY,                              [0, 1]),
        (POLICY.attempt_timeout(SECOND),      [0, 1]),
        (POLICY.start_within(ms(60_000)),     [1, 4]), // the start, the failure, the end of the sleep, the second attempt
        (POLICY.total_timeout(ms(60_000)),    [1, 4]),
    ];
    for (policy, expected) in rows {
        assert_eq!([0, 1].map(|fails| readings(&policy, fails)), expected, "{policy:?}");
    }
}

/// The end of a timer shows that time has passed, even if the clock stands still.
#[test]
fn a_clock_that_stands_still_does_not_lengthen_a_call() {
    struct Still<'c>(&'c FakeClock);
    impl Clock for Still<'_> {
        fn now(&self) -> Instant {
            Instant::ORIGIN
        }
    }
    impl<'c> Sleep for Still<'c> {
        type Sleep = <&'c FakeClock as Sleep>::Sleep;

        fn sleep(&self, duration: Duration) -> Self::Sleep {
            self.0.sleep(duration)
        }
    }
    impl Entropy for Still<'_> {
        fn word(&self) -> u64 {
            0
        }
    }

    let clock = FakeClock::new();
    let policy = POLICY.total_timeout(ms(10_000));
    let result = clock.run(Retry::new(&policy, Still(&clock)).run(pending::<Outcome>));
    let error = result.unwrap_err();
    assert!(error.is_total_timeout());
    assert_eq!((clock.now().as_millis(), error.context().elapsed), (10_000, Some(ms(10_000))));
}

/// A busy executor: every sleep takes this much longer.
struct Late<'c>(&'c FakeClock, Duration);

impl Clock for Late<'_> {
    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl<'c> Sleep for Late<'c> {
    type Sleep = <&'c FakeClock as Sleep>::Sleep;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration + self.1)
    }
}

impl BlockingSleep for Late<'_> {
    fn sleep_blocking(&self, duration: Duration) -> Result<(), Interrupted> {
        self.0.sleep_blocking(duration + self.1)
    }
}

impl Entropy for Late<'_> {
    fn word(&self) -> u64 {
        self.0.word()
    }
}

#[test]
fn after_a_sleep_that_ends_too_late_the_operation_is_not_called() {
    const LIMITED: Policy = POLICY.total_timeout(ms(3_000)).max_attempts(2);

    #[rustfmt::skip]
    let rows = [
        // delay of every sleep, calls of the operation, reason, time of the end, tokens spent
        (     0, 2, GiveUp::Attempts,      1_000, 5),
        ( 1_999, 2, GiveUp::Attempts,      2_999, 5),
        ( 2_000, 1, GiveUp::TotalTimeout,  3_000, 0),
        (60_000, 1, GiveUp::TotalTimeout, 61_000, 0),
    ];
    late_retries(&LIMITED, &rows);
    #[rustfmt::skip]
    let rows = [
        ( 1_999, 2, GiveUp::Attempts,      2_999, 5),
        ( 2_000, 2, GiveUp::Attempts,      3_000, 5),
        ( 2_001, 1, GiveUp::StartWithin,   3_001, 0),
        (60_000, 1, GiveUp::StartWithin,  61_000, 0),
    ];
    late_retries(&POLICY.start_within(ms(3_000)).max_attempts(2), &rows);
}

/// The delay of every sleep, the calls of the operation, the reason, the time of the end, and the tokens spent.
fn late_retries(policy: &Policy, rows: &[(u64, u32, GiveUp, u64, u64)]) {
    for &(late, called, reason, at, cost) in rows {
        for is_blocking in [true, false] {
            let budget = SharedBudget::<TokenBucket, LocalLock>::with_lock(TokenBucket::AWS.capacity(100));
            let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(
                CircuitConfig::WITHOUT_RULES.failures_in_window(20),
            );
            let clock = FakeClock::new();
            let calls = Cell::new(0);
            let fail = || {
                calls.set(calls.get() + 1);
                DOWN
            };
            let retry = Retry::new(policy, Late(&clock, ms(late))).budget(&budget).circuit(&circuit);
            let result = match is_blocking {
                true => retry.run_blocking(fail),
                false => clock.run(retry.run(|| ready(fail()))),
            };
            let error = result.unwrap_err();
            assert_eq!((calls.get(), error.reason()), (called, Reason::GaveUp(reason)), "late by {late}");
            // Nor does the error.
            assert_eq!((error.attempts(), clock.now().as_millis()), (called, at), "late by {late}");
            assert!(error.to_string().contains(&format!("after attempt {called} of 2,")), "{error}");
            // The budget and the circuit do not count the attempt that was not made.
            assert_eq!(budget.held(clock.now()), 100 - cost, "late by {late}");
            assert_eq!(circuit.counts(clock.now()).unwrap().failures, called, "late by {late}");
        }
    }
}

/// A total timeout leaves a dead letter, and its name in the file can be read.
#[test]
fn a_total_timeout_leaves_a_dead_letter() {
    const REASON: Reason = Reason::GaveUp(GiveUp::TotalTimeout);
    assert!(ReasonSet::DEFAULT.contains(REASON) && !ReasonSet::ALL.without(REASON).contains(REASON));
    assert_eq!(ReasonSet::ALL.iter().filter(|reason| *reason == REASON).count(), 1);

    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("out-of-time.jsonl");
    let _ = fs::remove_file(&path);
    let letters = JsonLinesSink::open(&path).unwrap();
    let clock = FakeClock::new();
    let policy = POLICY.total_timeout(ms(1_500));
    let report = Retry::new(&policy, &clock).named("report");
    let call = report.dead_letters(&letters).payload(|| 7);
    let error = clock.run(call.run(pending::<Outcome>)).unwrap_err();
    assert_eq!(error.reason(), REASON);
    let line = fs::read_to_string(&path).unwrap();
    assert!(line.contains(r#""reason":"total-timeout","class":"Timeout","attempts":1"#), "{line}");
    assert!(line.contains(r#""error":"timed out after 1.5 s""#), "{line}");
    let stored = JsonLinesReader::<u8>::open(&path).unwrap().next().unwrap().unwrap();
    assert_eq!(stored.letter.reason, REASON);
}

#[test]
fn a_timeout_of_zero_is_an_error() {
    let error = POLICY.try_total_timeout(Duration::ZERO).unwrap_err();
    assert_eq!(error.field(), "total_timeout");
    assert_eq!(error.to_string(), "total_timeout = 0 s: must be above zero");
    let policy = POLICY.total_timeout(Duration::from_nanos(1));
    assert_eq!(policy.settings().total_timeout, Some(Duration::from_nanos(1)));
    assert_eq!(policy.total_timeout(Duration::MAX), POLICY);
}
