//! The name of a circuit in the events of its changes and refusals.

use std::cell::RefCell;
use std::sync::Arc;

use metrics::with_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use retry_core::{
    CircuitConfig, CircuitPool, Class, Policy, Preset, Retry, SharedCircuit,
    circuit::{CountWindow, Gate, Phase},
    observe::{EventKind, MetricsFacade, Observer},
    pool::Operations,
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
    let mut preset = Preset::new("search", Policy::DEFAULT);
    preset.circuit = Some(CONFIG);
    let operations = Operations::<1>::new([preset]);
    assert_eq!(told(operations.named("search")), ["search", "search", ""].map(String::from));
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
