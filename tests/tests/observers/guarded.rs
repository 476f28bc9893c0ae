//! [`Guarded`], which catches the panics of an observer.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::task::{Context, Waker};

use retry_core::{
    Class, Retry,
    observe::{Event, EventKind, Guarded, Observer, observer_fn},
    testing::FakeClock,
};

use super::{LINES, Lines, POLICY, fails_once};

fn panics(event: &Event) {
    panic!("a bug in the observer, at {event}");
}

#[test]
fn a_panic_is_counted_and_the_call_and_other_observers_go_on() {
    let (before, after) = (Lines::default(), Lines::default());
    let guarded = Guarded::new(observer_fn(panics));
    fails_once(&(&before, &guarded, &after));
    assert_eq!(guarded.panics(), LINES.len());
    assert_eq!(
        (before.0.into_inner().unwrap(), after.0.into_inner().unwrap()),
        (LINES.map(String::from).into(), LINES.map(String::from).into())
    );
}

/// A second panic while the first one unwinds would abort the process, if it were not caught.
#[test]
fn a_panic_during_a_panic_of_the_operation_does_not_abort() {
    let guarded = Guarded::new(observer_fn(panics));
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock).observe(&guarded);
    let call =
        AssertUnwindSafe(|| retry.run_blocking(|| -> Result<(), Class> { panic!("a bug in the operation") }));
    let payload = catch_unwind(call).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"a bug in the operation"));
    assert_eq!(guarded.panics(), 3); // started, cancelled, ended

    let mut call = Box::pin(retry.run(std::future::pending::<Result<(), Class>>));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(call);
    assert_eq!(guarded.panics(), 6);
}

/// What the guard prevents, in a process of its own: Rust aborts after a panic in a drop while another one unwinds.
#[cfg(unix)]
#[test]
fn without_a_guard_a_panic_during_a_panic_of_the_operation_aborts() {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    const CHILD: &str = "RETRY_TEST_ABORTS";
    if std::env::var_os(CHILD).is_none() {
        let test = "guarded::without_a_guard_a_panic_during_a_panic_of_the_operation_aborts";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let ended = child.args(["--exact", test, "--test-threads=1"]).env(CHILD, "1").output().unwrap();
        assert_eq!(ended.status.signal(), Some(6), "{ended:?}"); // SIGABRT
        return;
    }
    let observer = observer_fn(|event| {
        if event.kind == EventKind::Cancelled {
            panics(event)
        }
    });
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock).observe(&observer);
    let call =
        AssertUnwindSafe(|| retry.run_blocking(|| -> Result<(), Class> { panic!("a bug in the operation") }));
    let _ = catch_unwind(call);
}

#[test]
fn a_panic_payload_that_panics_when_dropped_is_caught() {
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Bomb);
        }
    }

    let guarded = Guarded::new(observer_fn(|_| panic_any(Bomb)));
    fails_once(&guarded);
    assert_eq!(guarded.panics(), LINES.len());
}

#[test]
fn if_is_enabled_panics_the_observer_counts_as_disabled() {
    struct Undecided;

    impl Observer for Undecided {
        fn observe(&self, _: &Event) {}

        fn is_enabled(&self) -> bool {
            panic!("a bug in is_enabled")
        }
    }

    let guarded = Guarded::new(Undecided);
    assert!(!guarded.is_enabled());
    fails_once(&guarded);
    assert!(guarded.panics() > 1);
}

#[test]
fn after_a_panic_the_observer_gets_further_events() {
    let lines = Lines::default();
    let picky = observer_fn(|event: &Event| {
        assert!(event.kind != EventKind::Started);
        lines.observe(event);
    });
    let guarded = Guarded::new(picky);
    fails_once(&guarded);
    assert_eq!(guarded.panics(), 2);
    assert_eq!(*lines.0.lock().unwrap(), [LINES[1], LINES[3], LINES[4]]);
}
