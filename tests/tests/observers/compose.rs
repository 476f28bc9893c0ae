//! Several observers as one, and pointers to observers.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use retry_core::{
    Call, CircuitConfig, Class, Instant, Policy, Retry, SharedBudget, SharedCircuit, TokenBucket,
    circuit::CountWindow,
    observe::{Event, EventKind, Guarded, LogFacade, Metrics, Observer, TracingLog, observer_fn},
    runtime::LocalLock,
    testing::FakeClock,
};

use super::{Asleep, LINES, Lines, POLICY, fails_once};
use tests::ms;

#[test]
fn each_of_several_observers_gets_each_event() {
    let (first, second) = (Lines::default(), Lines::default());
    let order = Cell::new(0);
    let third = observer_fn(|_| order.set(order.get() + 1));
    fails_once(&(&first, (Some(&second), &third)));
    assert_eq!(first.0.into_inner().unwrap(), LINES);
    assert_eq!(second.0.into_inner().unwrap(), LINES);
    assert_eq!(order.get(), LINES.len());

    let order = RefCell::new(String::new());
    let letter = |letter: char| {
        let order = &order;
        observer_fn(move |event: &Event| {
            if event.kind == EventKind::Succeeded {
                order.borrow_mut().push(letter);
            }
        })
    };
    fails_once(&(letter('a'), letter('b'), letter('c'), letter('d')));
    fails_once(&[letter('e'), letter('f')][..]);
    assert_eq!(*order.borrow(), "abcdef");
}

#[test]
fn a_pointer_to_an_observer_is_an_observer() {
    let lines = Arc::new(Lines::default());
    let boxed: Box<dyn Observer> = Box::new(Arc::clone(&lines));
    fails_once(&(boxed,));
    assert_eq!(*lines.0.lock().unwrap(), LINES);
}

/// `is_enabled` decides whether a clock is read, so it must be right for every combination.
#[test]
fn one_enabled_observer_is_enough_and_disabled_ones_get_no_events() {
    let lines = Lines::default();
    let looking = || &lines as &dyn Observer;
    assert!((Asleep, looking(), ()).is_enabled());
    assert!([None, Some(looking())].as_slice().is_enabled());
    assert!(![Some(Asleep), None].as_slice().is_enabled());
    for disabled in
        [&(Asleep, ()) as &dyn Observer, &(), &(None::<Lines>, Some(Asleep), (), ()), &Arc::new(Asleep)]
    {
        assert!(!disabled.is_enabled());
        let clock = || -> Instant { unreachable!("no observer is enabled, so the time is not needed") };
        let untimed = Policy::exponential(ms(1));
        let mut call = Call::new(&untimed, clock).observe(disabled);
        call.attempt(clock).unwrap().succeed(clock);
    }
    fails_once(&(Asleep, looking(), None::<Asleep>));
    fails_once(&(looking(), Asleep));
    assert_eq!(lines.0.lock().unwrap().len(), 2 * LINES.len());
}

/// These locks panic if they are taken twice, so no lock may be held during an event.
#[test]
fn an_observer_may_read_circuit_and_budget_at_every_event() {
    type Circuit = SharedCircuit<CountWindow<100>, LocalLock>;
    let circuit = Circuit::with_window(CircuitConfig::DEFAULT.consecutive_failures(2).open_for(ms(50)));
    let budget = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::DEFAULT);
    let clock = FakeClock::new();
    let kinds = RefCell::new(String::new());
    let observer = |event: &Event| {
        let _ = (circuit.snapshot(event.at), budget.with_state(|state| *state));
        kinds.borrow_mut().push(match event.kind {
            EventKind::Started => 's',
            EventKind::Succeeded => '+',
            EventKind::Failed { .. } => '-',
            EventKind::Rejected(_) => 'r',
            EventKind::PhaseChanged(_) => 'p',
            EventKind::Ended { .. } => '.',
            _ => '?',
        });
    };
    let retry = Retry::new(&POLICY, &clock).circuit(&circuit).budget(&budget).on_event(observer);
    let _ = retry.run_blocking(|| Err::<(), _>(Class::Network));
    let _ = retry.run_blocking(|| Err::<(), _>(Class::Network));
    clock.advance(ms(50));
    retry.run_blocking(|| Ok::<_, Class>(())).unwrap();
    assert_eq!(*kinds.borrow(), "s-sp-psp-.r.psp+.");
}

#[test]
fn arrays_vectors_and_references_are_observers() {
    let (metrics, log) = (Metrics::<2>::sized(), Guarded::new(LogFacade));
    let lines = Lines::default();
    let all: Vec<Box<dyn Observer + '_>> =
        vec![Box::new(&metrics), Box::new(&log), Box::new(&lines as &dyn Observer)];
    fails_once(&all);
    fails_once(&[&lines as &dyn Observer, &(&metrics, &LogFacade, &TracingLog)]);
    assert_eq!(metrics.operation("read").unwrap().snapshot().calls(), 2);
    assert_eq!((lines.0.lock().unwrap().len(), log.panics()), (2 * LINES.len(), 0));
    assert!(!Vec::<LogFacade>::new().is_enabled() && !([] as [(); 0]).is_enabled());
}
