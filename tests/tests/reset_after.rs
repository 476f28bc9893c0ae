//! `reset_after`: an attempt that lasted long enough before it failed begins attempts, backoff and limits of time anew.

use std::cell::RefCell;
use std::time::Duration;

use retry_core::{
    Call, Class, ErrorKind, Failure, GiveUp, Jitter, Policy, Retry, Verdict,
    observe::{CallEnd, EventKind},
    record::{LogWriter, Recorder, Replay},
    runtime::{BlockingSleep, Sleep},
    testing::FakeClock,
};
use tests::secs;

const POLICY: Policy = Policy::exponential(secs(1))
    .jitter(Jitter::None)
    .max_delay(secs(300))
    .max_attempts(3)
    .reset_after(secs(60));

/// Each attempt lasts so many seconds and fails: when it begins, in seconds, and how the call ends.
struct Case {
    what: &'static str,
    policy: Policy,
    lasts: &'static [u64],
    begins: &'static [u64],
    ends_at: u64,
    /// The time of the error: since the call began anew.
    elapsed: u64,
    end: GiveUp,
}

const TABLE: &[Case] = &[
    Case {
        what: "short attempts: as without it",
        policy: POLICY,
        lasts: &[0, 59, 0],
        begins: &[0, 1, 62],
        ends_at: 62,
        elapsed: 62,
        end: GiveUp::Attempts,
    },
    Case {
        what: "a long attempt is the first one again, for attempts and backoff",
        policy: POLICY,
        lasts: &[0, 0, 3600, 0, 0],
        begins: &[0, 1, 3, 3604, 3606],
        ends_at: 3606,
        elapsed: 3,
        end: GiveUp::Attempts,
    },
    Case {
        what: "exactly the time is long enough",
        policy: POLICY,
        lasts: &[60, 60, 60, 0, 0],
        begins: &[0, 61, 122, 183, 185],
        ends_at: 185,
        elapsed: 3,
        end: GiveUp::Attempts,
    },
    Case {
        what: "the latest start counts anew",
        policy: POLICY.max_attempts(9).start_within(secs(4)),
        lasts: &[100, 0, 0, 0],
        begins: &[0, 101, 103],
        ends_at: 103,
        elapsed: 3,
        end: GiveUp::StartWithin,
    },
    Case {
        what: "the total timeout counts anew, and cuts no attempt that lasted long enough",
        policy: POLICY.max_attempts(9).total_timeout(secs(70)),
        lasts: &[3600, 3600, 30, 30, 30],
        begins: &[0, 3601, 7202, 7234, 7268],
        ends_at: 7271,
        elapsed: 70, // 70 s after the second one failed, at 7201 s
        end: GiveUp::TotalTimeout,
    },
    Case {
        what: "the total timeout cuts an attempt that has not lasted long enough when it ends",
        policy: POLICY.total_timeout(secs(50)),
        lasts: &[3600],
        begins: &[0],
        ends_at: 50,
        elapsed: 50,
        end: GiveUp::TotalTimeout,
    },
    Case {
        what: "the attempt timeout holds all the same, and an attempt that it cuts may be long enough",
        policy: POLICY.attempt_timeout(secs(90)),
        lasts: &[3600, 3600, 0, 0],
        begins: &[0, 91, 182, 184],
        ends_at: 184,
        elapsed: 3,
        end: GiveUp::Attempts,
    },
    Case {
        what: "the attempt timeout is longer: a total timeout of exactly the time cuts no attempt",
        policy: POLICY.attempt_timeout(secs(100)).total_timeout(secs(60)),
        lasts: &[3600, 0, 0],
        begins: &[0, 101, 103],
        ends_at: 103,
        elapsed: 3,
        end: GiveUp::Attempts,
    },
    Case {
        what: "the attempt timeout is longer: so does a total timeout of more than the time",
        policy: POLICY.attempt_timeout(secs(100)).total_timeout(secs(90)),
        lasts: &[3600, 0, 0],
        begins: &[0, 101, 103],
        ends_at: 103,
        elapsed: 3,
        end: GiveUp::Attempts,
    },
];

#[test]
fn polls_count_anew() {
    let policy = POLICY.max_attempts(2).poll_every(secs(2)).max_polls(2);
    // How long each attempt lasts, and whether it is a poll that gets a pending answer.
    let rows: [(&str, &[(u64, bool)]); 3] = [
        ("polls after it are the first ones", &[(0, true), (60, false), (0, true), (0, true)]),
        ("a pending answer that came late counts anew, too", &[(0, true), (60, true), (0, true)]),
        ("errors after it are not counted from a poll before it", &[(0, true), (60, false), (0, false)]),
    ];
    for (what, attempts) in rows {
        let clock = FakeClock::new();
        let mut left = attempts.iter();
        let retry = Retry::new(policy, &clock);
        let retry = retry.classify_ok(|()| Some(Failure::new(Class::Transient).pending()));
        let error = retry.run_blocking(|| {
            let (lasts, is_poll) = left.next().expect(what);
            let _ = clock.sleep_blocking(secs(*lasts));
            if *is_poll { Ok(()) } else { Err(Class::Network) }
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::GaveUp(GiveUp::Attempts), "{what}");
        assert_eq!(left.next(), None, "{what}");
    }
}

/// An attempt that works for a while, and fails.
async fn breaks_after(clock: &FakeClock, lasts: Duration) -> Result<(), Class> {
    clock.sleep(lasts).await;
    Err(Class::Network)
}

#[test]
fn the_table_on_an_asynchronous_runtime() {
    for case in TABLE {
        let (clock, begins) = (FakeClock::new(), RefCell::new(Vec::new()));
        let mut lasts = case.lasts.iter();
        let retry = Retry::new(case.policy, &clock);
        let call = retry.run(|| {
            begins.borrow_mut().push(clock.now().as_millis() / 1000);
            let lasts = secs(*lasts.next().expect(case.what));
            breaks_after(&clock, lasts)
        });
        let error = clock.run(call).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GaveUp(case.end), "{}", case.what);
        assert_eq!(*begins.borrow(), case.begins, "{}", case.what);
        assert_eq!(clock.now().as_millis() / 1000, case.ends_at, "{}", case.what);
        assert_eq!(error.elapsed(), Some(secs(case.elapsed)), "{}", case.what);
    }
}

#[test]
fn the_table_in_a_blocking_loop() {
    // A blocking attempt cannot be cut: rows with such an end are left to the asynchronous loop.
    let is_cut = |policy: Policy| {
        let limits = policy.settings();
        limits.attempt_timeout.is_some() || limits.total_timeout.is_some()
    };
    for case in TABLE.iter().filter(|case| !is_cut(case.policy)) {
        let (clock, mut begins) = (FakeClock::new(), Vec::new());
        let mut lasts = case.lasts.iter();
        let error = Retry::new(case.policy, &clock)
            .run_blocking(|| {
                begins.push(clock.now().as_millis() / 1000);
                let _ = clock.sleep_blocking(secs(*lasts.next().expect(case.what)));
                Err::<(), _>(Class::Network)
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GaveUp(case.end), "{}", case.what);
        assert_eq!(begins, case.begins, "{}", case.what);
    }
}

#[test]
fn a_blocking_attempt_past_the_total_timeout_begins_anew_if_it_lasted_long_enough() {
    let clock = FakeClock::new();
    let mut lasts = [3600, 0, 0].into_iter();
    let error = Retry::new(POLICY.total_timeout(secs(70)), &clock)
        .run_blocking(|| {
            let _ = clock.sleep_blocking(secs(lasts.next().unwrap()));
            Err::<(), _>(Class::Network)
        })
        .unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::GaveUp(GiveUp::Attempts), 3));
    assert_eq!(clock.now().as_millis(), 3_603_000);
}

#[test]
fn by_hand_it_is_the_same_also_if_the_operation_asked_for_the_time() {
    for asks in [false, true] {
        let (clock, mut rng) = (FakeClock::new(), FakeClock::new().words(&[0]));
        let mut call = Call::new(&POLICY, clock.now());
        let mut delays = Vec::new();
        for lasts in [0, 0, 3600, 0, 0] {
            let mut attempt = call.attempt(clock.now()).unwrap();
            if asks {
                clock.advance(secs(lasts / 2));
                let _ = attempt.progress(clock.now());
                clock.advance(secs(lasts / 2));
            } else {
                clock.advance(secs(lasts));
            }
            if let Verdict::Retry(delay) = attempt.fail(Class::Network, clock.now(), &mut rng) {
                delays.push(delay);
                clock.advance(delay);
            }
        }
        assert_eq!(delays, [1, 2, 1, 2].map(secs), "asks: {asks}");
        assert_eq!(call.attempts(), 3);
    }
}

#[test]
fn events_count_attempts_and_time_anew() {
    let (clock, events) = (FakeClock::new(), RefCell::new(Vec::new()));
    let mut lasts = [0, 3600, 0, 0].into_iter();
    let retry = Retry::new(POLICY, &clock).on_event(|event| match event.kind {
        EventKind::Failed { outlook, .. } => events.borrow_mut().push((event.attempt, outlook.elapsed)),
        EventKind::Ended { end, elapsed } => {
            assert_eq!(end, CallEnd::GaveUp(GiveUp::Attempts));
            events.borrow_mut().push((event.attempt, elapsed));
        }
        _ => {}
    });
    let call = retry.run(|| {
        let lasts = secs(lasts.next().unwrap());
        breaks_after(&clock, lasts)
    });
    clock.run(call).unwrap_err();
    let expected = [(1, 0), (1, 0), (2, 1), (3, 3), (3, 3)];
    assert_eq!(*events.borrow(), expected.map(|(attempt, elapsed)| (attempt, Some(secs(elapsed)))));
}

#[test]
fn a_log_is_replayed_over_the_new_beginning() {
    let clock = FakeClock::new();
    let log = Recorder::new(LogWriter(Vec::new()), 7);
    let observer = log.call();
    let mut lasts = [0, 3600, 0, 3600, 0, 0].into_iter();
    let retry = Retry::new(POLICY.jitter(Jitter::Full), log.entropy(&clock)).observe(&observer);
    let call = retry.run(|| {
        let lasts = secs(lasts.next().unwrap());
        breaks_after(&clock, lasts)
    });
    clock.run(call).unwrap_err();
    let log = log.into_sink().0;
    assert_eq!(Replay::new(&POLICY.jitter(Jitter::Full), &log).unwrap().run().unwrap().decisions, 6);
}

#[test]
fn zero_is_an_error_and_none_is_the_default() {
    let error = Policy::DEFAULT.try_reset_after(Duration::ZERO).unwrap_err();
    assert_eq!(error.to_string(), "reset_after = 0 s: must be above zero");
    assert_eq!(Policy::DEFAULT.settings().reset_after, None);
    assert!(POLICY.to_string().contains("reset after 1 min"), "{POLICY}");
    let read: Policy = toml::from_str("reset_after = '1m'").unwrap();
    assert_eq!(read, Policy::DEFAULT.reset_after(secs(60)));
}

/// A connection that stays up for an hour begins the call anew, and its number of polls with it.
#[test]
fn polls_are_counted_anew_too() {
    let policy = Policy::fixed(secs(1)).jitter(Jitter::None).max_polls(2).reset_after(secs(600));
    let clock = FakeClock::new();
    let mut call = Call::new(&policy, clock.now());
    let pending = Failure::new(Class::Transient).pending();
    let verdicts = [0, 3_600, 0].map(|lasts| {
        let attempt = call.attempt(clock.now()).unwrap();
        clock.advance(secs(lasts));
        attempt.fail(pending, clock.now(), &mut clock.words(&[]))
    });
    let again = Verdict::Retry(secs(1));
    assert_eq!(verdicts, [again, again, Verdict::GiveUp(GiveUp::Attempts)]);
}
