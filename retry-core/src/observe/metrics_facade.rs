//! Events as counters, gauges and histograms of the `metrics` crate.

use core::array::from_fn;
use core::fmt;
use std::string::String;
use std::sync::OnceLock;
use std::vec::Vec;

use metrics::{Counter, Gauge, Histogram, Label, Unit, counter, gauge, histogram};
use metrics::{describe_counter, describe_gauge, describe_histogram};

use super::circuits_in_phase::CircuitsInPhase;
use super::event::{Event, EventKind, Observer};
use super::metrics::place::{self, ALL_ENDS, ALL_PHASES};
use super::metrics::{ByName, UNNAMED};
use super::tags::{Tags, check_tags, is_fit, tag_setters};
use crate::circuit::{Change, Phase};
use crate::class::Class;
use crate::config_error::{ConfigError, ok_or_panic};
use crate::name::Name;
use crate::verdict::{GiveUp, Verdict};

/// Counts in the [`metrics`] crate, for Prometheus and other recorders, by operation: up to `OPERATIONS` names.
///
/// | metric | labels | content |
/// |---|---|---|
/// | `retry_calls_total` | `operation`, `outcome` | calls that ended: `succeeded`, `gave-up`, `rejected`, `cancelled` |
/// | `retry_call_duration_seconds` | `operation`, `outcome` | a histogram of the duration of calls, delays included |
/// | `retry_attempts_total` | `operation`, `attempt` | attempts that started, by number: `1` to `8` and `9+` |
/// | `retry_failures_total` | `operation`, `error_type` | attempts that failed, by class |
/// | `retry_neutral_total` | `operation` | attempts that ended neutrally |
/// | `retry_retries_total` | `operation`, `error_type` | retries that were decided, by class |
/// | `retry_backoff_seconds` | `operation` | a histogram of the delays before retries |
/// | `retry_give_ups_total` | `operation`, `reason` | calls that gave up, by reason |
/// | `retry_refusals_total` | `operation`, `circuit` | attempts that a circuit refused |
/// | `retry_budget_empty_total` | `operation` | retries that a budget could not pay for |
/// | `retry_dead_letters_total` | `operation`, `outcome` | dead letters: `kept`, `lost`, `left-out` |
/// | `retry_circuit_changes_total` | `circuit`, `phase` | changes of phase, by the phase after |
/// | `retry_circuits` | `circuit`, `phase` | a gauge of the circuits that are `open` or `half-open` |
///
/// All counters of an operation exist, at zero, from its first event on. If a name finds no room, has more than 128
/// bytes or has a control character, it is counted as operation `other`. Calls without a name are counted as `unnamed`.
/// Keys are left out of the labels, because there may be any number of them.
///
/// If the operation has a [type](crate::Retry::of_type), its metrics also have the label `operation_type`: that of the
/// first event of this name.
///
/// The metrics of circuits lack the label `operation`, because several operations may share a circuit. A circuit that is
/// [named](crate::SharedCircuit::named) has the label `circuit`, and so have its refusals. The circuits of a
/// [pool](crate::CircuitPool::named) have the name of their pool. Up to as many names as operations are told apart. All
/// operations that use the circuit share one facade, so that all of its changes are counted. A tag `circuit` takes the
/// place of the names.
///
/// `retry_circuits` keeps the last phase of each circuit, so it is right again with the next change of a circuit, also if
/// a change before that was not told. It is never below zero. Changes by hand are told by
/// [`Event::phase_changed`] and [`of_circuit`](Event::of_circuit).
///
/// The facade takes its counters from the recorder at the first event of each operation, so install the recorder before
/// that. Leave out an `idle_timeout` of the recorder: what is added to a counter that the recorder has dropped is lost.
///
/// The recorder runs on the path of the call. If it may panic, put a [`Guarded`](crate::observe::Guarded) around this
/// observer.
///
/// ```
/// use retry_core::{observe::{Guarded, MetricsFacade}, testing::FakeClock, Class, Policy, Retry};
///
/// static METRICS: Guarded<MetricsFacade> = Guarded::new(MetricsFacade::new().tags(&[("circuit", "stock")]));
///
/// let clock = FakeClock::new();
/// let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.read").observe(&METRICS);
/// assert_eq!(stock.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
/// assert_eq!(METRICS.panics(), 0);
/// ```
#[doc(alias = "Prometheus")]
pub struct MetricsFacade<const OPERATIONS: usize = 32> {
    by_name: ByName<Operation<OPERATIONS>, OPERATIONS>,
    other: OnceLock<Operation<OPERATIONS>>,
    circuits: OnceLock<Circuits>,
    /// The circuits with a name.
    by_circuit: ByName<Circuits, OPERATIONS>,
    tags: Tags,
}

impl MetricsFacade {
    /// Makes a facade without tags, for 32 operations. For another number, use [`sized`](Self::sized).
    pub const fn new() -> Self {
        Self::sized()
    }
}

impl<const OPERATIONS: usize> MetricsFacade<OPERATIONS> {
    /// Makes a facade without tags, for the number of operations in the type.
    pub const fn sized() -> Self {
        Self {
            by_name: ByName::new(),
            other: OnceLock::new(),
            circuits: OnceLock::new(),
            by_circuit: ByName::new(),
            tags: Tags::NONE,
        }
    }

    tag_setters!("Adds these labels to all metrics, in pairs of name and value.");

    fn operation(&self, event: &Event<'_>) -> &Operation<OPERATIONS> {
        let make = |name: Name| {
            is_fit(&name).then(|| {
                self.circuits(); // these, too, exist from the first event on
                let name = if name.is_empty() { UNNAMED } else { &name };
                Operation::new(name, event.operation_type, &self.tags)
            })
        };
        self.by_name
            .find(event.operation, event.fixed, make)
            .unwrap_or_else(|| self.other.get_or_init(|| Operation::new("other", "", &self.tags)))
    }

    fn circuits(&self) -> &Circuits {
        self.circuits.get_or_init(|| Circuits::new(&self.tags, None))
    }

    /// The metrics of the circuit of this name, or of all circuits without a name.
    fn circuit(&self, name: &str) -> &Circuits {
        if name.is_empty() {
            return self.circuits();
        }
        let make = |name: Name| is_fit(&name).then(|| Circuits::new(&self.tags, Some(&name)));
        self.by_circuit.find(name, None, make).unwrap_or_else(|| self.circuits())
    }
}

impl<const OPERATIONS: usize> Observer for MetricsFacade<OPERATIONS> {
    #[inline]
    fn observe(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Succeeded | EventKind::Cancelled => {} // the end of the call counts it
            _ => self.record(event),
        }
    }
}

impl<const OPERATIONS: usize> MetricsFacade<OPERATIONS> {
    /// Out of line, because it is long.
    #[inline(never)]
    fn record(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::PhaseChanged(change) => {
                let circuit = self.labelled(event.circuit);
                self.circuit(circuit).changed(event.place, change);
                // A call tells it, so refusals may follow: their counter begins at zero.
                if event.attempt > 0 {
                    self.operation(event).refused_by(circuit);
                }
            }
            EventKind::Rejected(_) => {
                self.operation(event).refused_by(self.labelled(event.circuit)).increment(1);
            }
            _ => self.operation(event).observe(event),
        }
    }

    /// The name of a circuit as a label. A tag `circuit` takes the place of names.
    fn labelled<'a>(&self, circuit: &'a str) -> &'a str {
        if self.tags.iter().any(|(tag, _)| tag == CIRCUIT) { "" } else { circuit }
    }
}

impl<const OPERATIONS: usize> Default for MetricsFacade<OPERATIONS> {
    fn default() -> Self {
        Self::sized()
    }
}

impl<const OPERATIONS: usize> fmt::Debug for MetricsFacade<OPERATIONS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsFacade").field("tags", &self.tags).finish_non_exhaustive()
    }
}

/// The counters and histograms of one operation.
struct Operation<const CIRCUITS: usize> {
    started: [Counter; place::NUMBERED + 1],
    ended: [Counter; ALL_ENDS.len()],
    took: [Histogram; ALL_ENDS.len()],
    failed: [Counter; Class::ALL.len()],
    neutral: Counter,
    retried: [Counter; Class::ALL.len()],
    backoff: Histogram,
    gave_up: [Counter; GiveUp::ALL.len()],
    /// What all of these have as labels.
    labels: Vec<Label>,
    /// The refusals of circuits without a name.
    refused: Counter,
    refused_by: ByName<Counter, CIRCUITS>,
    budget_empty: Counter,
    letters_kept: Counter,
    letters_lost: Counter,
    letters_left_out: Counter,
}

impl<const CIRCUITS: usize> Operation<CIRCUITS> {
    fn new(name: &str, operation_type: &'static str, tags: &Tags) -> Self {
        let mut own = labels(tags, &[]);
        own.push(Label::new("operation", String::from(name)));
        if !operation_type.is_empty() {
            own.push(Label::from_static_parts("operation_type", operation_type));
        }
        let labels = |more: &[(&'static str, &'static str)]| {
            let mut all = own.clone();
            all.extend(more.iter().map(|(name, value)| Label::from_static_parts(name, value)));
            all
        };
        let outcome = |outcome| labels(&[("outcome", outcome)]);
        let error_type = |class: usize| labels(&[("error_type", Class::ALL[class].name())]);
        Self {
            started: from_fn(|i| counter!(ATTEMPTS.0, labels(&[("attempt", NUMBERS[i])]))),
            ended: from_fn(|i| counter!(CALLS.0, outcome(ALL_ENDS[i].name()))),
            took: from_fn(|i| histogram!(DURATION.0, outcome(ALL_ENDS[i].name()))),
            failed: from_fn(|i| counter!(FAILURES.0, error_type(i))),
            neutral: counter!(NEUTRAL.0, labels(&[])),
            retried: from_fn(|i| counter!(RETRIES.0, error_type(i))),
            backoff: histogram!(BACKOFF.0, labels(&[])),
            gave_up: from_fn(|i| counter!(GIVE_UPS.0, labels(&[("reason", GiveUp::ALL[i].name())]))),
            refused: counter!(REFUSALS.0, labels(&[])),
            refused_by: ByName::new(),
            budget_empty: counter!(BUDGET_EMPTY.0, labels(&[])),
            letters_kept: counter!(DEAD_LETTERS.0, outcome("kept")),
            letters_lost: counter!(DEAD_LETTERS.0, outcome("lost")),
            letters_left_out: counter!(DEAD_LETTERS.0, outcome("left-out")),
            labels: own,
        }
    }

    /// The counter of refusals by the circuit of this name, or by all circuits without a name.
    fn refused_by(&self, circuit: &str) -> &Counter {
        let make = |name: Name| {
            is_fit(&name).then(|| {
                let mut labels = self.labels.clone();
                labels.push(Label::new(CIRCUIT, String::from(name.as_str())));
                counter!(REFUSALS.0, labels)
            })
        };
        if circuit.is_empty() {
            return &self.refused;
        }
        self.refused_by.find(circuit, None, make).unwrap_or(&self.refused)
    }

    fn observe(&self, event: &Event<'_>) {
        match event.kind {
            EventKind::Started => self.started[place::number(event.attempt)].increment(1),
            EventKind::Failed { failure, verdict, .. } => {
                let class = failure.class as usize;
                let ended = if failure.is_neutral { &self.neutral } else { &self.failed[class] };
                ended.increment(1);
                match verdict {
                    Verdict::Retry(delay) => {
                        self.retried[class].increment(1);
                        self.backoff.record(delay);
                    }
                    Verdict::GiveUp(reason) => self.gave_up[place::reason(reason)].increment(1),
                    Verdict::Rejected(_) => {}
                }
            }
            EventKind::BudgetEmpty => self.budget_empty.increment(1),
            EventKind::Ended { end, elapsed } => {
                let end = place::end(end);
                self.ended[end].increment(1);
                if let Some(elapsed) = elapsed {
                    self.took[end].record(elapsed);
                }
            }
            EventKind::DeadLettered { kept: true } => self.letters_kept.increment(1),
            EventKind::DeadLettered { kept: false } => self.letters_lost.increment(1),
            EventKind::DeadLetterLeftOut { .. } => self.letters_left_out.increment(1),
            // See `MetricsFacade`.
            EventKind::Succeeded
            | EventKind::Cancelled
            | EventKind::Rejected(_)
            | EventKind::PhaseChanged(_) => {}
        }
    }
}

/// The counters and gauges of all circuits.
struct Circuits {
    changes: [Counter; ALL_PHASES.len()],
    in_phase: CircuitsInPhase,
    open: Gauge,
    half_open: Gauge,
}

impl Circuits {
    fn new(tags: &Tags, name: Option<&str>) -> Self {
        describe();
        let phase = |phase: Phase| {
            let mut labels = labels(tags, &[("phase", phase.name())]);
            labels.extend(name.map(|name| Label::new(CIRCUIT, String::from(name))));
            labels
        };
        Self {
            changes: ALL_PHASES.map(|to| counter!(CHANGES.0, phase(to))),
            in_phase: CircuitsInPhase::new(),
            open: gauge!(CIRCUITS.0, phase(Phase::Open)),
            half_open: gauge!(CIRCUITS.0, phase(Phase::HalfOpen)),
        }
    }

    fn changed(&self, place: usize, change: Change) {
        self.changes[place::phase(change.to)].increment(1);
        self.in_phase.change(place, change, |counts| {
            self.open.set(counts.open);
            self.half_open.set(counts.half_open);
        });
    }
}

fn describe() {
    let counters = [
        CALLS,
        ATTEMPTS,
        FAILURES,
        NEUTRAL,
        RETRIES,
        GIVE_UPS,
        REFUSALS,
        BUDGET_EMPTY,
        DEAD_LETTERS,
        CHANGES,
    ];
    counters.into_iter().for_each(|Metric(name, help)| describe_counter!(name, help));
    for Metric(name, help) in [DURATION, BACKOFF] {
        describe_histogram!(name, Unit::Seconds, help);
    }
    describe_gauge!(CIRCUITS.0, CIRCUITS.1);
}

fn labels(tags: &Tags, more: &[(&'static str, &'static str)]) -> Vec<Label> {
    let tags = tags.iter().map(|(name, value)| Label::new(String::from(name), String::from(value)));
    tags.chain(more.iter().map(|(name, value)| Label::from_static_parts(name, value))).collect()
}

/// A metric's name, and its `# HELP` text.
#[derive(Clone, Copy)]
struct Metric(&'static str, &'static str);

const CALLS: Metric = Metric("retry_calls_total", "Calls that ended, by outcome.");
const DURATION: Metric =
    Metric("retry_call_duration_seconds", "Duration of calls, delays included, by outcome.");
const ATTEMPTS: Metric =
    Metric("retry_attempts_total", "Attempts that started, by their number in the call.");
const FAILURES: Metric = Metric("retry_failures_total", "Attempts that failed, by the class of the error.");
const NEUTRAL: Metric =
    Metric("retry_neutral_total", "Attempts that failed and say nothing about the dependency.");
const RETRIES: Metric =
    Metric("retry_retries_total", "Retries that were decided, by the class of the error before.");
const BACKOFF: Metric = Metric("retry_backoff_seconds", "Delays before retries.");
const GIVE_UPS: Metric = Metric("retry_give_ups_total", "Calls that gave up, by reason.");
const REFUSALS: Metric = Metric("retry_refusals_total", "Attempts that a circuit refused.");
const BUDGET_EMPTY: Metric =
    Metric("retry_budget_empty_total", "Retries that were not made, because the retry budget was empty.");
const DEAD_LETTERS: Metric =
    Metric("retry_dead_letters_total", "Dead letters, by whether they were kept, lost or left out.");
const CHANGES: Metric =
    Metric("retry_circuit_changes_total", "Changes of a circuit's phase, by the phase after the change.");
const CIRCUITS: Metric = Metric("retry_circuits", "How many circuits are in this phase.");

/// The label of a circuit's name.
const CIRCUIT: &str = "circuit";

const NUMBERS: [&str; place::NUMBERED + 1] = ["1", "2", "3", "4", "5", "6", "7", "8", "9+"];
