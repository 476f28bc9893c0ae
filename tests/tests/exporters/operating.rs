//! `docs/operating.md`, the alert rules and the dashboard contain exactly the names that the exporters use.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use metrics::with_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use retry_core::{
    Class, Failure, Jitter, Policy, Recovery, Retry, Rule, SharedBudget, TokenBucket,
    observe::{CallSpan, Event, MetricsFacade, Observer, OperationMetrics, Queued, TracingLog, observer_fn},
    runtime::LocalLock,
    testing::FakeClock,
};
use tracing::field::{Field, Visit};
use tracing::{Metadata, Subscriber, span};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use super::{ms, story};

const PAGE: &str = include_str!("../../../docs/operating.md");
const RULES: &str = include_str!("../../../examples/monitoring/rules.yml");
const DASHBOARD: &str = include_str!("../../../examples/monitoring/dashboard.json");

type Names = BTreeSet<String>;

/// Plays the story of all exporters, and a call with a deadline and a budget.
fn whole_story(observer: &impl Observer) {
    const POLICY: Policy =
        Policy::exponential(ms(100)).jitter(Jitter::None).max_attempts(3).start_within(ms(1_000));
    story(observer);
    let clock = FakeClock::new();
    let budget = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::AWS);
    let retry = Retry::new(&POLICY, &clock).budget(&budget).named("stock.read").keyed("eu").observe(observer);
    let mut answers = [Err(Class::Timeout), Ok(())].into_iter();
    retry.run_blocking(|| answers.next().unwrap()).unwrap();
    const IGNORING: Policy = POLICY.rules(&[Rule::class(Class::NotFound).recovery(Recovery::Ignore)]);
    let missing = Retry::new(&IGNORING, &clock).named("stock.read").keyed("eu").observe(observer);
    missing.run_blocking(|| Err::<(), _>(Class::NotFound)).unwrap_err();
    let unsent = Failure::new(Class::Serialization).neutral().detail("the order could not be serialized");
    retry.run_blocking(|| Err::<(), _>(unsent)).unwrap_err();
}

#[test]
fn the_page_lists_the_metrics_that_are_scraped() {
    let scraped = Scraped::after_a_story();
    let mut metrics = BTreeMap::new();
    for [name, kind, labels, what] in rows(PAGE, "metric") {
        metrics.insert(quoted(&name).pop_first().unwrap(), (kind, quoted(&labels), what));
    }
    assert_eq!(metrics, scraped.metrics);

    let mut values = BTreeMap::new();
    for [label, of, those] in rows(PAGE, "label") {
        for metric in quoted(&of) {
            values.insert((metric, quoted(&label).pop_first().unwrap()), quoted(&those));
        }
    }
    let fixed =
        scraped.values.iter().filter(|((_, label), _)| !matches!(label.as_str(), "operation" | "circuit"));
    assert_eq!(values, fixed.map(|(place, values)| (place.clone(), values.clone())).collect());
    let reasons = rows(PAGE, "reason").iter().flat_map(|[reason, ..]: &[String; 3]| quoted(reason)).collect();
    assert_eq!(values[&("retry_give_ups_total".into(), "reason".into())], reasons);
    assert!(PAGE.contains(&format!(
        "An operation has {} counters and {} histograms",
        scraped.counters, scraped.histograms
    )));

    // The type's documentation has the same table.
    let source = include_str!("../../../retry-core/src/observe/metrics_facade.rs").replace("/// ", "");
    let documented =
        rows(&source, "metric").iter().flat_map(|[name, ..]: &[String; 3]| quoted(name)).collect::<Names>();
    assert_eq!(documented, metrics.into_keys().collect());
}

#[test]
fn rules_and_dashboard_use_scraped_metrics_and_the_dashboard_uses_all() {
    let scraped = Scraped::after_a_story().metrics.into_keys().collect::<Names>();
    // The dashboard is valid JSON. Its queries are collected.
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let shown = metrics_in(&texts(&dashboard).join("\n"));
    assert_eq!(shown, scraped);
    for text in [
        RULES,
        include_str!("../../../examples/monitoring/rules_test.yml"),
        include_str!("../../../examples/monitoring/README.md"),
        PAGE,
    ] {
        let unknown = Vec::from_iter(metrics_in(text).difference(&scraped).cloned());
        assert!(unknown.is_empty(), "{unknown:?}");
    }
    // The alerts use exactly the recorded metrics, and the dashboard uses some of them.
    let recorded = after(RULES, "- record: ").collect::<Names>();
    let taken = |text: &str| {
        words(text).filter(|word| word.matches(':').count() == 2).map(String::from).collect::<Names>()
    };
    let alerts = Vec::from_iter(RULES.lines().filter(|line| !line.contains("- record: "))).join("\n");
    let (shown, compared) = (taken(&texts(&dashboard).join("\n")), taken(&alerts));
    assert!(!shown.is_empty() && shown.is_subset(&recorded), "{shown:?}");
    assert_eq!(compared, recorded);
}

#[test]
fn the_page_lists_the_alerts_of_the_rules() {
    let mut rules = BTreeMap::new();
    for rule in RULES.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap().to_owned();
        let one = |key| after(rule, key).next().unwrap_or_default();
        rules.insert(name, (one("severity: "), one("for: ")));
    }
    let mut page = BTreeMap::new();
    for [name, severity, lasts, _, _] in rows(PAGE, "alert") {
        page.insert(quoted(&name).pop_first().unwrap(), (severity, lasts));
    }
    assert_eq!(page, rules);
    let readme = include_str!("../../../examples/monitoring/README.md");
    let listed =
        rows(readme, "alert").iter().flat_map(|[name, _]: &[String; 2]| quoted(name)).collect::<Names>();
    assert_eq!(listed, rules.keys().cloned().collect());
    let dashboard = after(DASHBOARD, "alertname=~\\\"").next().unwrap();
    let patterns = dashboard.split('\\').next().unwrap();
    let is_shown = |name: &String| {
        patterns.split('|').any(|pattern| match pattern.strip_suffix(".*") {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        })
    };
    assert!(rules.keys().all(is_shown), "{patterns}");
}

#[test]
fn the_page_lists_the_events_that_are_traced() {
    let traced = Traced::default();
    let subscriber = Registry::default().with(traced.clone());
    tracing::subscriber::with_default(subscriber, || {
        whole_story(&TracingLog);
        let _ = CallSpan::new("stock.read");
    });
    let traced = std::mem::take(&mut *traced.0.lock().unwrap());

    let mut events = BTreeMap::new();
    for [name, levels, _, fields] in rows(PAGE, "event") {
        events.insert(quoted(&name).pop_first().unwrap(), (quoted(&levels), quoted(&fields)));
    }
    assert_eq!(events, traced.events);

    let mut all = Names::new();
    for [fields, _] in rows(PAGE, "field") {
        all.extend(quoted(&fields));
    }
    assert_eq!(all, traced.fields);
    let own = events.values().flat_map(|(_, fields)| fields.iter().cloned());
    assert_eq!(all, own.chain(COMMON.map(String::from)).collect());

    let source = include_str!("../../../retry-core/src/observe/tracing_log.rs").replace("/// ", "");
    let documented =
        rows(&source, "field").iter().flat_map(|[names, _]: &[String; 2]| quoted(names)).collect::<Names>();
    assert_eq!(documented, all);

    // The paragraph about the span names exactly its fields.
    let (_, about) = PAGE.split_once("A [`CallSpan`] opens a span").unwrap();
    let about = quoted(about.split("\n\n").next().unwrap());
    let named = about.iter().filter(|name| name.contains('.')).cloned().collect::<Names>();
    assert_eq!(named, traced.span_fields);
    assert!(about.contains(&traced.span) && about.contains("info"), "{about:?}");
}

#[test]
fn the_log_lines_of_the_page_are_real() {
    let lines = RefCell::new(Names::new());
    let log = observer_fn(|event: &Event| {
        lines.borrow_mut().insert(event.to_string());
    });
    whole_story(&log);
    let (_, text) = PAGE.split_once("```text\n").unwrap();
    let shown = Vec::from_iter(text.split("```").next().unwrap().lines());
    assert!(shown.len() >= 5);
    for line in shown {
        assert!(lines.borrow().contains(line), "{line}\n{lines:#?}");
    }
}

#[test]
fn the_bounds_of_the_page_match_the_code() {
    let shards = size_of::<OperationMetrics<8>>() - size_of::<OperationMetrics<1>>();
    assert_eq!(size_of::<OperationMetrics>(), size_of::<OperationMetrics<8>>());
    let row = |what: &str| {
        let bounds = rows(PAGE, "what").into_iter().find(|[name, ..]: &[String; 3]| name.starts_with(what));
        bounds.unwrap_or_else(|| panic!("there is no row for {what}"))[1].clone()
    };
    assert_eq!(row("counters of"), format!("64 bits, {} bytes per shard, 8 shards", shards / 7));
    assert_eq!(row("events in a `Queued`"), format!("its capacity, at most {}", Queued::MOST));
    let longest =
        (1..).take_while(|len| !retry_core::Key::new(&"k".repeat(*len)).is_truncated()).last().unwrap();
    assert_eq!(row("a key"), format!("{longest} bytes"));
    let fits = |len: usize| OperationMetrics::<1>::try_sharded("n".repeat(len)).is_ok();
    let longest = (1..).take_while(|len| fits(*len)).last().unwrap();
    assert_eq!(row("an operation's name"), format!("{longest} bytes, no control character"));
    let tagged = |name: usize, value: usize| {
        let tag = ("n".repeat(name).leak() as &str, "v".repeat(value).leak() as &str);
        OperationMetrics::<1>::sharded("").try_tags([tag]).is_ok()
    };
    let name = (1..).take_while(|len| tagged(*len, 1)).last().unwrap();
    let value = (1..).take_while(|len| tagged(1, *len)).last().unwrap();
    assert_eq!(row("tags"), format!("8; names of {name} bytes, values of {value} bytes"));
    let (clock, metrics) = (FakeClock::new(), <retry_core::observe::Metrics>::new());
    for i in 0..100 {
        let retry = Retry::new(&Policy::DEFAULT, &clock).named(format!("operation {i}"));
        retry.observe(&metrics).run_blocking(|| Ok::<_, Class>(())).unwrap();
    }
    let found = metrics.operations().count();
    assert_eq!(row("operations of"), format!("{found}, or as their type says"));
}

/// Fields that every event has.
const COMMON: [&str; 7] = [
    "message",
    "retry.event",
    "retry.operation",
    "retry.operation_type",
    "retry.tags",
    "retry.key",
    "retry.attempt",
];

/// What Prometheus scrapes after a story.
#[derive(Default)]
struct Scraped {
    /// The type, labels and help of each metric, by name.
    metrics: BTreeMap<String, (String, Names, String)>,
    /// The values of each label, by metric and label.
    values: BTreeMap<(String, String), Names>,
    /// The samples of one operation.
    counters: usize,
    histograms: usize,
}

impl Scraped {
    fn after_a_story() -> Self {
        let recorder = PrometheusBuilder::new().set_buckets(&[0.05]).unwrap().build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, || whole_story(&MetricsFacade::<4>::sized()));
        let mut scraped = Self::default();
        for line in handle.render().lines() {
            if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|line| line.split_once(' ')) {
                scraped.metrics.entry(name.to_owned()).or_default().2 = help.to_owned();
            } else if let Some((name, kind)) =
                line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' '))
            {
                scraped.metrics.entry(name.to_owned()).or_default().0 = kind.to_owned();
            } else if let Some((name, sample)) = line.split_once('{') {
                scraped.sample(base(name), name, sample.split_once('}').unwrap().0);
            }
        }
        scraped
    }

    fn sample(&mut self, metric: &str, name: &str, labels: &str) {
        for (label, value) in labels.split(',').map(|label| label.split_once('=').unwrap()) {
            if label != "le" {
                self.metrics.entry(metric.to_owned()).or_default().1.insert(label.to_owned());
                let place = (metric.to_owned(), label.to_owned());
                self.values.entry(place).or_default().insert(value.trim_matches('"').to_owned());
            }
        }
        if labels.contains(r#"operation="stock.read""#) {
            if name == metric {
                self.counters += 1;
            } else if name.ends_with("_count") {
                self.histograms += 1;
            }
        }
    }
}

/// Returns the name of a metric without the suffixes of a histogram.
fn base(name: &str) -> &str {
    ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name)
}

/// What a subscriber receives of a story.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    /// By name: the levels, and the fields that only this event has.
    events: BTreeMap<String, (Names, Names)>,
    /// All fields that an event may have.
    fields: Names,
    span: String,
    span_fields: Names,
}

fn fields(metadata: &Metadata<'_>) -> Names {
    metadata.fields().iter().map(|field| field.name().to_owned()).collect()
}

impl<S: Subscriber> Layer<S> for Traced {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let mut found = self.0.lock().unwrap();
        found.fields.extend(fields(event.metadata()));
        let of_event = found.events.entry(seen.event).or_default();
        of_event.0.insert(event.metadata().level().to_string().to_lowercase());
        of_event.1.extend(seen.fields.into_iter().filter(|field| !COMMON.contains(&field.as_str())));
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        let mut found = self.0.lock().unwrap();
        found.span = attributes.metadata().name().to_owned();
        found.span_fields.extend(fields(attributes.metadata()));
    }
}

/// The fields that have a value.
#[derive(Default)]
struct Seen {
    event: String,
    fields: Names,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
        self.fields.insert(field.name().to_owned());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned());
        if field.name() == "retry.event" {
            value.clone_into(&mut self.event);
        }
    }
}

/// Returns the rows of all tables with this number of columns and this title of the first column.
fn rows<const COLUMNS: usize>(text: &str, title: &str) -> Vec<[String; COLUMNS]> {
    let cells = |line: &str| {
        let cells = line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|');
        <[String; COLUMNS]>::try_from(Vec::from_iter(cells.map(|cell| cell.trim().to_owned()))).ok()
    };
    let mut rows = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if cells(line).is_some_and(|cells| cells[0] == title) {
            lines.next(); // the rule below it
            rows.extend(lines.by_ref().map_while(cells));
        }
    }
    assert!(!rows.is_empty(), "there is no table of {title} with {COLUMNS} columns");
    rows
}

/// Returns the texts in backticks.
fn quoted(text: &str) -> Names {
    text.split('`').skip(1).step_by(2).map(String::from).collect()
}

/// Returns the rest of each line that contains `start`.
fn after<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = String> + 'a {
    text.lines().filter_map(move |line| line.split_once(start)).map(|(_, rest)| rest.trim().to_owned())
}

/// Returns the names that look like metrics of this library, without names of crates and parts of recorded metrics.
fn metrics_in(text: &str) -> Names {
    let ours = words(text).filter(|word| word.starts_with("retry_") && !word.starts_with("retry_core"));
    ours.map(|word| base(word).to_owned()).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
}

/// Returns all strings in a document.
fn texts(value: &serde_json::Value) -> Vec<&str> {
    use serde_json::Value;
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}
