//! [`TracingLog`] with tracing-subscriber, which writes JSON.

use std::future::pending;
use std::task::{Context, Waker};

use retry_core::{
    Call, Class, Instant, Policy, Retry,
    observe::{CallSpan, Observer, Tagged, TracingLog},
    testing::FakeClock,
};
use serde_json::{Map, Value};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::with_default;
use tracing::{Instrument, Subscriber, info_span};
use tracing_subscriber::fmt::format::FmtSpan;

use super::{POLICY, Written, letter, ms, story};

fn subscriber(written: &Written, level: LevelFilter) -> impl Subscriber + Send + Sync + use<> {
    let written = written.clone();
    tracing_subscriber::fmt()
        .json()
        .with_max_level(level)
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(move || written.clone())
        .finish()
}

/// Formats each record as one line: the level, the fields by name, and the names of its spans in brackets.
fn lines(written: &Written) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let line = |line: &str| {
        let record: Map<String, Value> = serde_json::from_str(line).unwrap();
        assert!(record["target"] == "retry_core" || record["target"] == "tests", "{line}");
        let mut fields = record["fields"].as_object().unwrap().clone();
        if fields.remove("message").is_some_and(|message| message == "close") {
            fields.retain(|name, _| !name.starts_with("time."));
            fields.extend(record["span"].as_object().unwrap().clone());
            fields.insert("closed".into(), fields["name"].clone());
            fields.remove("name");
        }
        let fields = Vec::from_iter(fields.iter().map(|(name, value)| format!("{name}={}", text(value))));
        let spans = record.get("spans").and_then(Value::as_array).map_or_else(Vec::new, Clone::clone);
        let spans = Vec::from_iter(spans.iter().map(|span| text(&span["name"])));
        format!("{} {} [{}]", text(&record["level"]), fields.join(" "), spans.join(" "))
    };
    Vec::from_iter(written.take().lines().map(line))
}

#[test]
fn every_event_has_its_level_and_fields() {
    let written = Written::default();
    with_default(subscriber(&written, LevelFilter::TRACE), || story(&TracingLog));
    assert_eq!(lines(&written), Vec::from_iter(STORY.lines()));

    with_default(subscriber(&written, LevelFilter::WARN), || story(&TracingLog));
    let warnings = STORY.lines().filter(|line| line.starts_with("WARN") || line.starts_with("ERROR"));
    assert_eq!(lines(&written), Vec::from_iter(warnings));
}

#[test]
fn events_and_spans_have_the_type_and_the_tags() {
    const TAGS: &[(&str, &str)] = &[("region", "eu"), ("tenant", "n\u{202e}orth")];
    let written = Written::default();
    let clock = FakeClock::new();
    let read = Retry::new(&POLICY, &clock).named("users.read").of_type("database");
    with_default(subscriber(&written, LevelFilter::TRACE), || {
        assert_eq!(
            read.by_ref().observe(Tagged::new(TAGS, TracingLog)).run_blocking(|| Ok::<_, Class>(7)),
            Ok(7)
        );
        let call = CallSpan::new("users.read");
        assert_eq!(read.by_ref().observe(Tagged::new(TAGS, &call)).run_blocking(|| Ok::<_, Class>(7)), Ok(7));
    });
    let lines = lines(&written);
    let with_both = |line: &&String| {
        line.contains("retry.operation_type=database")
            && line.contains("retry.tags=region=eu, tenant=n\u{fffd}orth")
    };
    assert_eq!(lines.iter().filter(with_both).count(), lines.len(), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("closed=call")).count(), 1, "{lines:#?}");
}

#[test]
fn a_span_of_a_call_contains_its_attempts_and_its_end() {
    let written = Written::default();
    let clock = FakeClock::new();
    let stock = Retry::new(&POLICY, &clock).named("stock.read");
    with_default(subscriber(&written, LevelFilter::DEBUG), || {
        // Each attempt of the operation has its own span.
        let mut answers = [Err(Class::Timeout), Ok(7)].into_iter();
        let fetch = || {
            let answer = answers.next().unwrap();
            async move { answer }.instrument(info_span!(target: "tests", "fetch"))
        };
        let request = info_span!(target: "tests", "request", error.type = tracing::field::Empty);
        let read = async {
            let call = CallSpan::new("stock.read");
            stock.by_ref().observe(&call).run(fetch).instrument(call.span()).await
        };
        assert_eq!(clock.run(read.instrument(request)), Ok(7));
        let call = CallSpan::new("stock.read");
        let watched = stock.observe(&call);
        let _ = call.span().in_scope(|| watched.run_blocking(|| Err::<(), _>(Class::Validation)));
    });
    let expected = [
        "INFO closed=fetch [request call]",
        "INFO error.type=Timeout retry.attempt=1 retry.delay_us=100000 retry.event=failed retry.max_attempts=3 retry.operation=stock.read retry.severity=medium retry.verdict=retry [request call]",
        "INFO closed=fetch [request call]",
        "DEBUG retry.attempt=2 retry.event=succeeded retry.operation=stock.read [request call]",
        "DEBUG retry.attempt=2 retry.elapsed_us=100000 retry.event=ended retry.operation=stock.read retry.outcome=succeeded [request call]",
        "INFO closed=call otel.name=stock.read retry.attempts=2 retry.operation=stock.read retry.outcome=succeeded [request]",
        "INFO closed=request []",
        "WARN error.type=Validation retry.attempt=1 retry.event=failed retry.max_attempts=3 retry.operation=stock.read retry.reason=class retry.severity=low retry.verdict=give-up [call]",
        "DEBUG retry.attempt=1 retry.elapsed_us=0 retry.event=ended retry.operation=stock.read retry.outcome=gave-up [call]",
        "INFO closed=call error.type=Validation otel.name=stock.read otel.status_code=ERROR retry.attempts=1 retry.operation=stock.read retry.outcome=gave-up []",
    ];
    assert_eq!(lines(&written), expected);
}

#[test]
fn the_span_of_a_dropped_call_says_cancelled() {
    let written = Written::default();
    let clock = FakeClock::new();
    let stock = Retry::new(&POLICY, &clock).named("stock.read");
    with_default(subscriber(&written, LevelFilter::DEBUG), || {
        let call = CallSpan::new("stock.read");
        let watched = stock.observe(&call);
        let future = watched.run(pending::<Result<(), Class>>).instrument(call.span());
        let mut future = Box::pin(future);
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(future);
    });
    let expected = [
        "DEBUG retry.attempt=1 retry.event=cancelled retry.operation=stock.read [call]",
        "DEBUG retry.attempt=1 retry.elapsed_us=0 retry.event=ended retry.operation=stock.read retry.outcome=cancelled [call]",
        "INFO closed=call otel.name=stock.read retry.attempts=1 retry.operation=stock.read retry.outcome=cancelled []",
    ];
    assert_eq!(lines(&written), expected);
}

/// If a call is inside the attempt of another call, each end is written into its own span. This also holds if the inner
/// call has no span.
#[test]
fn nested_calls_end_in_their_own_spans() {
    let play = |inner_has_a_span: bool| {
        let written = Written::default();
        let clock = FakeClock::new();
        let retry = Retry::new(&POLICY, &clock);
        with_default(subscriber(&written, LevelFilter::INFO), || {
            let (checkout, stock) = (CallSpan::new("checkout"), CallSpan::new("stock.read"));
            let inner: &dyn Observer = if inner_has_a_span { &stock } else { &TracingLog };
            let outer = retry.by_ref().named("checkout").observe(&checkout);
            checkout.span().in_scope(|| {
                outer.run_blocking(|| {
                    let read = retry.by_ref().named("stock.read").observe(inner);
                    let unread = read.run_blocking(|| Err::<(), _>(Class::Validation));
                    assert!(unread.is_err());
                    Ok::<_, Class>("what there was yesterday")
                })
            })
        })
        .unwrap();
        lines(&written)
    };
    let failed = "WARN error.type=Validation retry.attempt=1 retry.event=failed retry.max_attempts=3 retry.operation=stock.read retry.reason=class retry.severity=low retry.verdict=give-up";
    let checkout = "INFO closed=call otel.name=checkout retry.attempts=1 retry.operation=checkout retry.outcome=succeeded []";
    let stock = "INFO closed=call error.type=Validation otel.name=stock.read otel.status_code=ERROR retry.attempts=1 retry.operation=stock.read retry.outcome=gave-up []";
    assert_eq!(play(true), [format!("{failed} [call]"), stock.into(), checkout.into()]);
    let unused = "INFO closed=call otel.name=stock.read retry.operation=stock.read []";
    assert_eq!(play(false), [format!("{failed} [call]"), unused.into(), checkout.into()]);
}

/// The program may forget to run the call in its span.
#[test]
fn a_call_that_is_not_run_in_its_span_still_ends_in_it() {
    let written = Written::default();
    let clock = FakeClock::new();
    with_default(subscriber(&written, LevelFilter::INFO), || {
        let request = info_span!(target: "tests", "request");
        request.in_scope(|| {
            let call = CallSpan::new("stock.read");
            let stock = Retry::new(&POLICY, &clock).named("stock.read").observe(&call);
            let _ = stock.run_blocking(|| Err::<(), _>(Class::Validation));
        });
    });
    let lines = lines(&written);
    assert!(
        lines[0].starts_with("WARN error.type=Validation") && lines[0].ends_with(" [request call]"),
        "{lines:#?}"
    );
    assert!(lines[1].contains("retry.outcome=gave-up") && lines[1].ends_with(" [request]"), "{lines:#?}");
}

/// Nothing is written into a span of other code, even if it and its fields have the same names.
#[test]
fn a_span_of_other_code_is_left_alone() {
    let written = Written::default();
    let clock = FakeClock::new();
    let stock = Retry::new(&POLICY, &clock).observe(&TracingLog);
    with_default(subscriber(&written, LevelFilter::INFO), || {
        let other = info_span!(target: "tests", "call", error.type = tracing::field::Empty);
        let _ = other.in_scope(|| stock.run_blocking(|| Err::<(), _>(Class::Validation)));
    });
    assert_eq!(lines(&written).last().unwrap(), "INFO closed=call []");
}

#[test]
fn names_cannot_end_a_line_and_are_cut() {
    let written = Written::default();
    let operation = "stock\n{\"level\":\"forged\"}\x1b[2J".repeat(1_000).into();
    let mut event = letter(&operation, true);
    event.key = "eu\n".into();
    with_default(subscriber(&written, LevelFilter::TRACE), || {
        TracingLog.observe(&event);
        let _ = CallSpan::new(event.operation);
    });
    let text = written.take();
    assert!(text.lines().count() == 2 && text.len() < 1_500, "{text}");
    assert!(!text.contains("\\n") && !text.contains("\\u001b"), "{text}");
}

#[test]
fn without_a_subscriber_the_clock_is_not_read() {
    let clock = || -> Instant { unreachable!("there is no subscriber, so the time is not needed") };
    let untimed = Policy::exponential(ms(1));
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::default(), || {
        let mut call = Call::new(&untimed, clock).observe(&TracingLog);
        call.attempt(clock).unwrap().succeed(clock);
    });
}

const STORY: &str = "\
TRACE retry.attempt=1 retry.event=started retry.key=eu retry.operation=stock.read []
TRACE retry.attempt=1 retry.event=succeeded retry.key=eu retry.operation=stock.read []
TRACE retry.attempt=1 retry.elapsed_us=0 retry.event=ended retry.key=eu retry.operation=stock.read retry.outcome=succeeded []
TRACE retry.attempt=1 retry.event=started retry.key=eu retry.operation=stock.read []
INFO error.type=Timeout retry.attempt=1 retry.budget=5 retry.delay_us=100000 retry.event=failed retry.key=eu retry.max_attempts=3 retry.operation=stock.read retry.severity=medium retry.verdict=retry []
TRACE retry.attempt=2 retry.event=started retry.key=eu retry.operation=stock.read []
DEBUG retry.attempt=2 retry.event=succeeded retry.key=eu retry.operation=stock.read []
DEBUG retry.attempt=2 retry.elapsed_us=100000 retry.event=ended retry.key=eu retry.operation=stock.read retry.outcome=succeeded []
TRACE retry.attempt=1 retry.event=started retry.key=eu retry.operation=stock.read []
WARN error.type=Validation retry.attempt=1 retry.budget=15 retry.event=failed retry.key=eu retry.max_attempts=3 retry.operation=stock.read retry.reason=class retry.severity=low retry.verdict=give-up []
DEBUG retry.attempt=1 retry.elapsed_us=0 retry.event=ended retry.key=eu retry.operation=stock.read retry.outcome=gave-up []
TRACE retry.attempt=1 retry.event=started retry.key=eu retry.operation=stock.read []
WARN error.type=Unknown retry.attempt=1 retry.budget=10 retry.delay_us=100000 retry.event=failed retry.key=eu retry.max_attempts=3 retry.operation=stock.read retry.severity=high retry.verdict=retry []
TRACE retry.attempt=2 retry.event=started retry.key=eu retry.operation=stock.read []
INFO error.type=Network retry.attempt=2 retry.budget=5 retry.delay_us=200000 retry.event=failed retry.key=eu retry.max_attempts=3 retry.operation=stock.read retry.severity=medium retry.verdict=retry []
TRACE retry.attempt=3 retry.event=started retry.key=eu retry.operation=stock.read []
WARN error.type=Server retry.attempt=3 retry.budget=5 retry.event=failed retry.key=eu retry.max_attempts=3 retry.operation=stock.read retry.reason=attempts retry.severity=high retry.verdict=give-up []
DEBUG retry.attempt=3 retry.elapsed_us=300000 retry.event=ended retry.key=eu retry.operation=stock.read retry.outcome=gave-up []
TRACE retry.attempt=1 retry.event=started retry.operation=stock.write []
WARN circuit.cause=4 failures in a row circuit.from=closed circuit.name=stock circuit.to=open retry.attempt=1 retry.event=phase-changed retry.operation=stock.write []
WARN error.type=Server retry.attempt=1 retry.budget=5 retry.event=failed retry.max_attempts=3 retry.operation=stock.write retry.severity=high retry.verdict=rejected []
DEBUG retry.attempt=1 retry.elapsed_us=0 retry.event=ended retry.operation=stock.write retry.outcome=rejected []
WARN circuit.name=stock error.type=CircuitOpen retry.attempt=0 retry.event=rejected retry.operation=stock.write retry.severity=high []
DEBUG retry.attempt=0 retry.elapsed_us=0 retry.event=ended retry.operation=stock.write retry.outcome=rejected []
INFO circuit.cause=the open time has passed circuit.from=open circuit.name=stock circuit.to=half-open retry.attempt=1 retry.event=phase-changed retry.operation=stock.write []
TRACE retry.attempt=1 retry.event=started retry.operation=stock.write []
INFO circuit.cause=1 probe succeeded circuit.from=half-open circuit.name=stock circuit.to=closed retry.attempt=1 retry.event=phase-changed retry.operation=stock.write []
TRACE retry.attempt=1 retry.event=succeeded retry.operation=stock.write []
TRACE retry.attempt=1 retry.elapsed_us=0 retry.event=ended retry.operation=stock.write retry.outcome=succeeded []
TRACE retry.attempt=1 retry.event=started retry.operation=stock.write []
INFO error.type=Server retry.attempt=1 retry.budget=1 retry.delay_us=100000 retry.event=failed retry.max_attempts=3 retry.operation=stock.write retry.severity=high retry.verdict=retry []
TRACE retry.attempt=2 retry.event=started retry.operation=stock.write []
WARN retry.attempt=2 retry.event=budget-empty retry.operation=stock.write []
WARN error.type=Server retry.attempt=2 retry.budget=1 retry.event=failed retry.max_attempts=3 retry.operation=stock.write retry.reason=budget retry.severity=high retry.verdict=give-up []
DEBUG retry.attempt=2 retry.elapsed_us=100000 retry.event=ended retry.operation=stock.write retry.outcome=gave-up []
TRACE retry.attempt=1 retry.event=started retry.operation=stock.write []
DEBUG retry.attempt=1 retry.event=cancelled retry.operation=stock.write []
DEBUG retry.attempt=1 retry.elapsed_us=30000 retry.event=ended retry.operation=stock.write retry.outcome=cancelled []
INFO retry.attempt=0 retry.event=dead-lettered retry.kept=true retry.operation=stock.write []
ERROR retry.attempt=0 retry.event=dead-lettered retry.kept=false retry.operation=stock.write []
WARN retry.attempt=0 retry.event=dead-letter-left-out retry.operation=stock.write []
TRACE retry.attempt=0 retry.event=dead-letter-left-out retry.operation=stock.write []
";
