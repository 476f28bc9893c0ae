//! References, `Arc`s and `Option`s as circuits and budgets, which forward each call. Also the manual operations, which
//! every type of circuit has.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use retry_core::{
    CircuitConfig, CircuitPool, Class, Instant, Rejected, SharedBudget, SharedCircuit, TokenBucket,
    budget::{Budget, Deposit, Price, Request},
    circuit::{
        Admission, AttemptEnd, Change, ChangeCause, ConstCircuit, ConstConfig, CountWindow, Gate, Mode,
        Phase, Settled,
    },
    pool::FixedCircuitPool,
    runtime::{LocalLock, Now},
};

const NOW: Instant = Instant::from_millis(5_000);
const CHANGE: Change = Change { from: Phase::Closed, to: Phase::Open, at: NOW, cause: ChangeCause::Manual };
const REFUSED: Rejected = Rejected::new(Phase::Open, Duration::MAX);

/// Records which of its methods was called, and with which arguments.
#[derive(Default)]
struct Log {
    calls: Mutex<Vec<String>>,
    refuses: AtomicBool,
}

impl Log {
    fn note(&self, call: impl Debug) {
        self.calls.lock().unwrap().push(format!("{call:?}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

impl Gate for Log {
    type Ticket = u32;

    fn admit(&self, now: impl Now) -> Result<Admission<u32>, Rejected> {
        self.note(("admit", now.now()));
        if self.refuses.load(Ordering::Relaxed) {
            Err(REFUSED)
        } else {
            Ok(Admission { ticket: 7, change: Some(CHANGE) })
        }
    }

    fn end(&self, ticket: u32, end: AttemptEnd, now: impl Now) -> Settled {
        self.note(("end", ticket, end, now.now()));
        Settled { change: Some(CHANGE), next: Err(REFUSED) }
    }

    fn succeed(&self, ticket: u32, now: impl Now) -> Option<Change> {
        self.note(("succeed", ticket, now.now()));
        Some(CHANGE)
    }

    fn cancel(&self, ticket: u32, now: impl Now) -> Option<Change> {
        self.note(("cancel", ticket, now.now()));
        Some(CHANGE)
    }
}

impl Budget for Log {
    fn withdraw(&self, request: Request, now: impl Now) -> Option<Price> {
        self.note((request, now.now()));
        Some(Price(3))
    }

    fn deposit(&self, deposit: Deposit, now: impl Now) {
        self.note((deposit, now.now()));
    }

    fn level(&self, now: impl Now) -> Option<u64> {
        self.note(("level", now.now()));
        Some(11)
    }
}

/// Calls each method once, and returns the results.
fn use_gate<G: Gate>(gate: &G) -> String {
    let admit = || gate.admit(NOW).expect("admitted").ticket;
    let change = gate.admit(NOW).expect("admitted").change;
    let settled = [
        gate.end(admit(), AttemptEnd::Cancelled, NOW),
        gate.fail(admit(), Class::Timeout, NOW, Some(Duration::from_secs(1)), 9),
    ];
    let changes = [change, gate.succeed(admit(), NOW), gate.cancel(admit(), NOW)];
    format!("{settled:?} {changes:?}")
}

#[test]
fn every_call_reaches_the_gate_unchanged() {
    let direct = Arc::new(Log::default());
    let (borrowed, counted, optional) = (&*direct, Arc::clone(&direct), Some(&*direct));
    let answers = use_gate::<Log>(&direct);
    let calls = direct.take();
    assert_eq!(calls.len(), 1 + 4 * 2);

    assert_eq!((use_gate::<&Log>(&borrowed), direct.take()), (answers.clone(), calls.clone()));
    assert_eq!((use_gate::<Arc<Log>>(&counted), direct.take()), (answers.clone(), calls.clone()));
    assert_eq!((use_gate::<Option<&Log>>(&optional), direct.take()), (answers, calls));

    direct.refuses.store(true, Ordering::Relaxed);
    assert_eq!(optional.admit(NOW).unwrap_err(), REFUSED);
}

#[test]
fn no_gate_admits_everything() {
    let none = None::<SharedCircuit>;
    for _ in 0..100 {
        let Admission { ticket, change } = none.admit(NOW).expect("admitted");
        assert_eq!((&ticket, change), (&None, None));
        assert_eq!(none.fail(ticket, Class::Server, NOW, None, 0), Settled::NOTHING);
    }
    assert_eq!((none.succeed(None, NOW), none.cancel(None, NOW)), (None, None));
    assert_eq!(none.end(None, AttemptEnd::Succeeded, NOW), Settled::NOTHING);
}

#[test]
fn every_call_reaches_the_budget_unchanged() {
    fn use_budget<B: Budget>(budget: &B) -> (Option<Price>, Option<u64>) {
        budget.deposit(Deposit::Started { first: true }, NOW);
        (budget.withdraw(Request::new(Class::Server, 2, 5), NOW), budget.level(NOW))
    }
    let direct = Arc::new(Log::default());
    let (borrowed, counted) = (&*direct, Arc::clone(&direct));
    let answers = use_budget::<Log>(&direct);
    let calls = direct.take();
    assert_eq!((answers, calls.len()), ((Some(Price(3)), Some(11)), 3));

    assert_eq!((use_budget::<&Log>(&borrowed), direct.take()), (answers, calls.clone()));
    assert_eq!((use_budget::<Arc<Log>>(&counted), direct.take()), (answers, calls));
}

#[test]
fn a_circuit_and_a_budget_are_made_without_naming_their_types() {
    let circuit = Arc::new(SharedCircuit::new(CircuitConfig::DEFAULT));
    let budget = Arc::new(SharedBudget::new(TokenBucket::DEFAULT));
    let pool = Arc::new(CircuitPool::new(10, CircuitConfig::DEFAULT));
    assert_eq!((circuit.phase(), budget.held(NOW), pool.capacity()), (Phase::Closed, 500, 10));
}

struct Uplink;

impl ConstConfig for Uplink {
    const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES.consecutive_failures(3);
}

/// Each row: a manual operation, the phase and the mode after it, and whether the phase changed.
#[test]
fn every_type_of_circuit_has_the_manual_operations() {
    macro_rules! check {
        ($($circuit:expr),+ $(,)?) => {$({
            let circuit = $circuit;
            let mut row = 0;
            let mut expect = |change: Option<Change>, phase: Phase, mode: Mode, changes: bool| {
                row += 1;
                let at = format!("row {row} of {}", stringify!($circuit));
                assert_eq!((circuit.phase(), circuit.mode()), (phase, mode), "{at}");
                assert_eq!(change.map(|it| (it.to, it.cause)), changes.then_some((phase, ChangeCause::Manual)), "{at}");
            };
            expect(circuit.probe(NOW), Phase::Closed, Mode::Automatic, false);
            expect(circuit.force_open(NOW), Phase::Open, Mode::ForcedOpen, true);
            expect(circuit.force_open(NOW), Phase::Open, Mode::ForcedOpen, false);
            expect(circuit.probe(NOW), Phase::Open, Mode::ForcedOpen, false);
            assert_eq!(circuit.admit(Instant::MAX).map(|_| ()).unwrap_err().to_string(), "the circuit is forced open");
            expect(circuit.disable(NOW), Phase::Closed, Mode::Disabled, true);
            expect(circuit.disable(NOW), Phase::Closed, Mode::Disabled, false);
            expect(circuit.count_only(NOW), Phase::Closed, Mode::CountOnly, true);
            expect(circuit.count_only(NOW), Phase::Closed, Mode::CountOnly, false);
            expect(circuit.reset(NOW), Phase::Closed, Mode::Automatic, true);
            expect(circuit.trip(Duration::from_secs(5), NOW), Phase::Open, Mode::Automatic, true);
            assert_eq!(circuit.admit(NOW).map(|_| ()).unwrap_err().wait(), Duration::from_secs(5));
            expect(circuit.probe(NOW), Phase::HalfOpen, Mode::Automatic, true);
            expect(circuit.reset(NOW), Phase::Closed, Mode::Automatic, true);
        })+};
    }
    type Window = CountWindow<10>;
    let large = Arc::new(CircuitPool::new(10, Uplink::CONFIG));
    let fixed = FixedCircuitPool::<4, Window, LocalLock>::with_window(Uplink::CONFIG);
    check!(
        SharedCircuit::new(Uplink::CONFIG),
        SharedCircuit::<Window, LocalLock, _>::with_settings(&Uplink::CONFIG).unwrap(),
        ConstCircuit::<Uplink>::CLOSED,
        large.get("a"),
        large.get_owned("b"),
        fixed.get("a"),
    );
}
