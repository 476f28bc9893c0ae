//! The name of a circuit in the events of its changes and refusals.

use std::cell::RefCell;
use std::sync::Arc;

use metrics::with_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use retry_core::{
    CircuitConfig, CircuitPool, Class, Policy, Preset, Retry, SharedCircuit,
    circuit::{ConstCircuit, ConstConfig, CountWindow, Gate, Phase},
    observe::{Event, EventKind, MetricsFacade, Observer},
    pool::{FixedCircuitPool, Operations},
    testing::FakeClock,
};

const ONCE: Policy = Policy::DEFAULT.max_attempts(1);
const CONFIG: CircuitConfig = CircuitConfig::DEFAULT.consecutive_failures(1);

/// Makes two calls of `stock.read`: the first opens the circuit, which refuses the second.
fn opened(circuit: &impl Gate, observer: &impl Observer) {
    let clock = FakeClock::new();
    let retry = Retry::new(&ONCE, &clock).named("stock.read").circuit(circuit).observe(observer);
    for _ in 0..2 {
        retry.run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    }
}

/// Returns the names of the circuit in the events of its opening, of its refusal, and in all others.
fn told(circuit: &impl Gate) -> [String; 3] {
    let names = RefCell::new([String::new(), String::new(), String::new()]);
    let observer = retry_core::observe::observer_fn(|event| {
        let place = match event.kind {
            EventKind::PhaseChanged(_) => 0,
            EventKind::Rejected(_) => 1,
            _ => 2,
        };
        names.borrow_mut()[place].push_str(event.circuit);
    });
    opened(circuit, &observer);
    names.into_inner()
}

#[test]
fn changes_and_refusals_name_the_circuit() {
    let new = || SharedCircuit::new(CONFIG);
    let named = ["payments", "payments", ""].map(String::from);
    assert_eq!(told(&new().named("payments")), named);
    assert_eq!(told(&&new().named("payments")), named);
    assert_eq!(told(&Arc::new(new().named("payments"))), named);
    assert_eq!(told(&Some(new().named("payments"))), named);
    let unnamed = [const { String::new() }; 3];
    assert_eq!(told(&new()), unnamed);
    assert_eq!(told(&CircuitPool::new(1, CONFIG).get("a.example.com")), unnamed);
    let hosts = ["hosts", "hosts", ""].map(String::from);
    let pool = Arc::new(CircuitPool::new(2, CONFIG).named("hosts"));
    assert_eq!(told(&pool.get("a.example.com")), hosts);
    assert_eq!(told(&pool.get_owned("b.example.com")), hosts);
    let fixed = FixedCircuitPool::<2>::new(CONFIG).named("hosts");
    assert_eq!(told(&fixed.get("a.example.com")), hosts);
    let (payments, other) = (ConstCircuit::<Payments>::CLOSED, ConstCircuit::<Unnamed>::CLOSED);
    assert_eq!((told(&payments), told(&other)), (named, unnamed));
    let mut preset = Preset::new("search", Policy::DEFAULT);
    preset.circuit = Some(CONFIG);
    let operations = Operations::<1>::new([preset]);
    assert_eq!(told(operations.named("search")), ["search", "search", ""].map(String::from));
}

struct Payments;

impl ConstConfig for Payments {
    const CONFIG: CircuitConfig = CONFIG;
    const NAME: &'static str = "payments";
}

struct Unnamed;

impl ConstConfig for Unnamed {
    const CONFIG: CircuitConfig = CONFIG;
}

/// The key of a pool's circuit is in the events of its changes and refusals, unless the call has a key of its own. It
/// comes from outside, so it is shown clean.
#[test]
fn changes_and_refusals_tell_the_key_of_a_pools_circuit() {
    let pool = CircuitPool::new(8, CONFIG).named("hosts");
    let fixed = FixedCircuitPool::<2>::new(CONFIG).named("sensors");
    let lines = RefCell::new(Vec::new());
    let observer = retry_core::observe::observer_fn(|event| lines.borrow_mut().push(event.to_string()));
    opened(&pool.get("a\nb\u{202e}c"), &observer);
    opened(&fixed.get("boiler"), &observer);
    let clock = FakeClock::new();
    let keyed =
        Retry::new(&ONCE, &clock).named("stock.read").keyed("eu").circuit(pool.get("d")).observe(&observer);
    keyed.run_blocking(|| Err::<(), _>(Class::Server)).unwrap_err();
    let by_hand = pool.get("e.example.com");
    let change = by_hand.force_open(clock.now()).unwrap();
    observer.observe(&Event::phase_changed("hosts", change).of_circuit(&by_hand));

    let lines = lines.into_inner();
    let of_circuits = |line: &&String| line.contains("->") || line.contains("rejected: the");
    assert_eq!(
        Vec::from_iter(lines.iter().filter(of_circuits)),
        [
            "stock.read[a\u{fffd}b\u{fffd}c]: circuit hosts: closed -> open: 1 failure in a row",
            "stock.read[a\u{fffd}b\u{fffd}c]: rejected: the circuit is open for another 30.0 s",
            "stock.read[boiler]: circuit sensors: closed -> open: 1 failure in a row",
            "stock.read[boiler]: rejected: the circuit is open for another 30.0 s",
            "stock.read[eu]: circuit hosts: closed -> open: 1 failure in a row",
            "hosts[e.example.com]: closed -> open: by hand",
        ]
    );
}

/// A thousand keys are one label.
#[test]
fn a_facade_labels_the_circuits_of_a_pool_by_the_name_of_the_pool() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let facade = MetricsFacade::new();
    let pool = CircuitPool::new(1_000, CONFIG).named("hosts");
    with_local_recorder(&recorder, || {
        for host in 0..1_000 {
            opened(&pool.get(&format!("host-{host}")), &facade);
        }
    });
    let page = recorder.handle().render();
    let of_circuits = |line: &&str| line.contains("circuit=") && !line.ends_with(" 0");
    let mut of_circuits = Vec::from_iter(page.lines().filter(of_circuits));
    of_circuits.sort_unstable();
    assert_eq!(
        of_circuits,
        [
            r#"retry_circuit_changes_total{phase="open",circuit="hosts"} 1000"#,
            r#"retry_circuits{phase="open",circuit="hosts"} 1000"#,
            r#"retry_refusals_total{operation="stock.read",circuit="hosts"} 1000"#,
        ]
    );
    assert!(!page.contains("host-"), "{page}");
}

#[test]
fn a_line_names_the_circuit_once() {
    let lines = RefCell::new(Vec::new());
    let observer = retry_core::observe::observer_fn(|event| lines.borrow_mut().push(event.to_string()));
    opened(&SharedCircuit::new(CONFIG).named("payments"), &observer);
    opened(&SharedCircuit::new(CONFIG).named("stock.read"), &observer);
    let lines = lines.into_inner();
    let changes = Vec::from_iter(lines.iter().filter(|line| line.contains("-> open")));
    assert_eq!(
        changes,
        [
            "stock.read: circuit payments: closed -> open: 1 failure in a row",
            "stock.read: closed -> open: 1 failure in a row",
        ]
    );
}

#[test]
fn a_facade_labels_the_metrics_of_circuits_by_their_names() {
    let page = |facade: &MetricsFacade| {
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            opened(&SharedCircuit::new(CONFIG).named("payments"), facade);
            opened(&SharedCircuit::new(CONFIG), facade);
        });
        let page = recorder.handle().render();
        let open = |line: &&str| line.starts_with("retry_circuits{") && line.contains("\"open\"");
        let mut open = Vec::from_iter(page.lines().filter(open).map(str::to_owned));
        open.sort_unstable();
        open
    };
    let expected =
        [r#"retry_circuits{phase="open",circuit="payments"} 1"#, r#"retry_circuits{phase="open"} 1"#];
    assert_eq!(page(&MetricsFacade::new()), expected);
    let tagged = MetricsFacade::new().tags(&[("circuit", "tagged")]);
    assert_eq!(page(&tagged), [r#"retry_circuits{circuit="tagged",phase="open"} 2"#]);
}

#[test]
fn a_name_takes_no_room_in_a_pool() {
    use retry_core::runtime::StdLock;
    type Pooled = SharedCircuit<CountWindow<100>, StdLock, Arc<CircuitConfig>>;
    type Borrowing = SharedCircuit<CountWindow<100>, StdLock, &'static CircuitConfig>;
    // A borrowed configuration is as large as a shared one with its possible change, less that change, plus a name.
    assert_eq!(size_of::<Borrowing>(), size_of::<Pooled>() - size_of::<Option<Arc<CircuitConfig>>>() + 16);
    assert_eq!(SharedCircuit::new(CONFIG).named("payments").phase(), Phase::Closed);
}
