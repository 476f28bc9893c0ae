//! [`CallSpan`] with OpenTelemetry, through tracing-opentelemetry.

use opentelemetry::Value;
use opentelemetry::trace::{Status, TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use retry_core::{Class, Retry, observe::CallSpan, testing::FakeClock};
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;

use super::POLICY;

#[test]
fn a_call_is_a_span_with_its_attempts_as_children_and_its_failures_as_events() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tests"));
    let clock = FakeClock::new();
    let stock = Retry::new(&POLICY, &clock).named("stock.read");

    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for answers in [[Err(Class::Timeout), Ok(7)], [Err(Class::Server), Err(Class::Validation)]] {
            let mut answers = answers.into_iter();
            let fetch = || {
                let answer = answers.next().unwrap();
                async move { answer }.instrument(info_span!("fetch"))
            };
            let call = CallSpan::new("stock.read");
            let _ = clock.run(stock.by_ref().observe(&call).run(fetch).instrument(call.span()));
        }
    });

    let spans = exporter.get_finished_spans().unwrap();
    let names = Vec::from_iter(spans.iter().map(|span| span.name.as_ref()));
    assert_eq!(names, ["fetch", "fetch", "stock.read", "fetch", "fetch", "stock.read"]);
    for (attempts, call) in [(&spans[..2], &spans[2]), (&spans[3..5], &spans[5])] {
        assert!(attempts.iter().all(|attempt| attempt.parent_span_id == call.span_context.span_id()));
    }

    let (recovered, failed) = (&spans[2], &spans[5]);
    assert_eq!(
        (text(recovered, "retry.outcome"), text(failed, "retry.outcome")),
        ("succeeded".into(), "gave-up".into())
    );
    assert_eq!((text(recovered, "error.type"), text(failed, "error.type")), ("".into(), "Validation".into()));
    assert_eq!((&recovered.status, &failed.status), (&Status::Unset, &Status::error("")));
    let types = failed
        .events
        .iter()
        .filter_map(|event| event.attributes.iter().find(|attribute| attribute.key.as_str() == "error.type"));
    let types = Vec::from_iter(types.map(|attribute| attribute.value.to_string()));
    assert_eq!(types, ["Server", "Validation"]);
}

/// Returns an attribute of a span, or an empty text if the span does not have it.
fn text(span: &SpanData, key: &str) -> String {
    let attribute = span.attributes.iter().find(|attribute| attribute.key.as_str() == key);
    attribute.map_or_else(String::new, |attribute| match &attribute.value {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    })
}
