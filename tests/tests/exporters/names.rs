//! Names and keys with any characters, through every exporter that writes text.

use metrics::with_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use proptest::prelude::*;
use retry_core::observe::{CallSpan, MetricsFacade, Name, Observer, TracingLog};
use serde_json::Value;
use tracing_subscriber::fmt::format::FmtSpan;

use super::{Written, letter};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// A record is one line. Its text cannot end a line, clear a screen or change the direction of text.
    #[test]
    fn any_name_stays_on_one_line(operation in any_name(), key in any_name()) {
        let written = Written::default();
        let to = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(move || to.clone())
            .finish();
        let operation = operation.into();
        let mut event = letter(&operation, true);
        event.key = key.as_str().into();
        tracing::subscriber::with_default(subscriber, || {
            TracingLog.observe(&event);
            let _ = CallSpan::new(event.operation);
        });
        let text = written.take();
        prop_assert_eq!(text.lines().count(), 2);
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            check(&record)?;
        }
    }

    /// A sample is one line, whatever its labels are. Its value is the count, and its label one of three.
    #[test]
    fn any_name_stays_in_one_sample(operation in any_name(), other in any_name()) {
        let recorder = PrometheusBuilder::new().build_recorder();
        let facade = MetricsFacade::<4>::sized();
        with_local_recorder(&recorder, || {
            for name in [operation.into(), other.into(), Name::new("stock.read")] {
                facade.observe(&letter(&name, true));
            }
        });
        let page = recorder.handle().render();
        let samples = page.lines().filter_map(|line| line.strip_prefix("retry_dead_letters_total{operation=\""));
        let kept = samples.filter_map(|sample| sample.split_once("\",outcome=\"kept\"} "));
        let counts = Vec::from_iter(kept.map(|(name, count)| (name.chars().count(), count.parse::<u32>().unwrap())));
        prop_assert_eq!(counts.iter().map(|(_, count)| count).sum::<u32>(), 3, "{}", page);
        prop_assert!(counts.iter().all(|(length, _)| *length <= 2 * 128), "{}", page);
    }
}

/// Names with any characters, most of them characters with a special meaning. Some names are very long.
fn any_name() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        any::<char>(),
        prop::sample::select(Vec::from_iter(
            "\n\r\t\0\x1b\"\\{}=,:/ a\u{85}\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}\u{e9}".chars()
        )),
    ];
    let text = |length| prop::collection::vec(character.clone(), length).prop_map(String::from_iter);
    prop_oneof![4 => text(0..20), 1 => text(100..140), 1 => (text(1..4), 1_000..4_000_usize).prop_map(|(text, n)| text.repeat(n))]
}

/// Checks that every text of a record is short and clean.
fn check(value: &Value) -> Result<(), TestCaseError> {
    match value {
        Value::String(text) => {
            let breaks = |c: char| c.is_control() || "\u{2028}\u{2029}\u{202e}\u{2066}\u{200f}".contains(c);
            prop_assert!(!text.contains(breaks), "{text:?}");
            prop_assert!(text.chars().count() < 200, "{text:?}");
        }
        Value::Array(values) => values.iter().try_for_each(check)?,
        Value::Object(fields) => fields.values().try_for_each(check)?,
        _ => {}
    }
    Ok(())
}
