//! [`MetricsFacade`] with the Prometheus recorder of the `metrics` crate, as a scrape would see it.

use metrics::with_local_recorder;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use retry_core::{
    CircuitConfig, Class, Failure, Instant, Policy, Retry, SharedCircuit,
    circuit::{Change, ChangeCause, CountWindow, Phase},
    observe::{Event, MetricsFacade, Observer},
    runtime::LocalLock,
    testing::FakeClock,
};

use super::{letter, story};

fn recorder() -> (PrometheusRecorder, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().set_buckets(&[0.05, 0.5]).unwrap().build_recorder();
    let handle = recorder.handle();
    (recorder, handle)
}

/// Returns the samples that are not zero.
fn samples(handle: &PrometheusHandle) -> Vec<String> {
    let text = handle.render();
    let mut samples = Vec::from_iter(
        text.lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.ends_with(" 0"))
            .map(String::from),
    );
    samples.sort();
    samples
}

#[test]
fn every_number_of_a_story_is_scraped() {
    let (recorder, handle) = recorder();
    let facade = MetricsFacade::<4>::sized().tags(&[("service.name", "shop")]);
    with_local_recorder(&recorder, || story(&facade));
    let samples =
        Vec::from_iter(samples(&handle).iter().map(|sample| sample.replace(r#"service_name="shop","#, "")));
    let numbers = samples.iter().filter(|sample| !sample.contains("_bucket"));
    assert_eq!(Vec::from_iter(numbers), Vec::from_iter(STORY.lines()));
    let within = |le| {
        format!(
            r#"retry_call_duration_seconds_bucket{{operation="stock.read",outcome="gave-up",le="{le}"}} "#
        )
    };
    assert!(samples.contains(&(within("0.05") + "1")) && samples.contains(&(within("0.5") + "2")));

    let text = handle.render();
    // Events that have not happened are exported as 0, so that the first one is an increase.
    assert!(
        text.contains(
            r#"retry_calls_total{service_name="shop",operation="stock.read",outcome="cancelled"} 0"#
        )
    );
    assert!(text.contains(
        r#"retry_failures_total{service_name="shop",operation="stock.write",error_type="Timeout"} 0"#
    ));
    assert!(text.contains("# HELP retry_circuits How many circuits are in this phase."));
    assert!(text.contains("# TYPE retry_call_duration_seconds histogram"));
}

#[test]
fn names_that_are_invalid_labels_are_counted_as_other() {
    let (recorder, handle) = recorder();
    let facade = MetricsFacade::<2>::sized();
    with_local_recorder(&recorder, || {
        for operation in ["stock\nread", "a", &"n".repeat(10_240), "", "c", "a"] {
            facade.observe(&letter(&operation.to_owned().into(), true));
        }
    });
    let expected = [
        r#"retry_dead_letters_total{operation="a",outcome="kept"} 2"#,
        r#"retry_dead_letters_total{operation="other",outcome="kept"} 3"#,
        // For Prometheus, an empty label is a missing label.
        r#"retry_dead_letters_total{operation="unnamed",outcome="kept"} 1"#,
    ];
    assert_eq!(samples(&handle), expected);
    let error = facade.try_tags([("outcome", "")]).unwrap_err();
    assert_eq!(error.to_string(), r#"tags = "outcome": a name must not be one of the exporters' labels"#);
}

#[test]
fn names_are_quoted_like_labels() {
    let (recorder, handle) = recorder();
    let facade = MetricsFacade::<2>::sized().tags(&[("region", "\"eu\"\\")]);
    with_local_recorder(&recorder, || {
        facade.observe(&letter(&"say \"hi\",x=\"} 9\\".into(), true));
    });
    let expected =
        r#"retry_dead_letters_total{region="\"eu\"\\",operation="say \"hi\",x=\"} 9\\",outcome="kept"} 1"#;
    assert_eq!(samples(&handle), [expected]);
}

#[test]
fn metrics_of_an_operation_have_its_type() {
    let (recorder, handle) = recorder();
    let facade = MetricsFacade::<2>::sized();
    with_local_recorder(&recorder, || {
        let clock = FakeClock::new();
        let retry = Retry::new(&super::POLICY, &clock).observe(&facade);
        let _ = retry.by_ref().named("users.read").of_type("database").run_blocking(|| Ok::<_, Class>(7));
        let _ = retry.by_ref().named("stock.read").run_blocking(|| Ok::<_, Class>(7));
    });
    let calls = samples(&handle).into_iter().filter(|line| line.starts_with("retry_calls_total"));
    let expected = [
        r#"retry_calls_total{operation="stock.read",outcome="succeeded"} 1"#,
        r#"retry_calls_total{operation="users.read",operation_type="database",outcome="succeeded"} 1"#,
    ];
    assert_eq!(Vec::from_iter(calls), expected);
}

/// The alert on open circuits joins the refusals with the gauge by this label.
#[test]
fn refusals_are_labelled_by_the_name_of_the_circuit() {
    let page = |facade: &MetricsFacade<2>| {
        let (recorder, handle) = recorder();
        with_local_recorder(&recorder, || {
            let clock = FakeClock::new();
            let circuits = ["stock", "price", "third", ""].map(|name| {
                SharedCircuit::<CountWindow<20>, LocalLock>::with_window(
                    CircuitConfig::WITHOUT_RULES.consecutive_failures(1),
                )
                .named(name)
            });
            for circuit in &circuits {
                let read = Retry::new(&super::POLICY, &clock).named("read").circuit(circuit).observe(facade);
                let _ = read.run_blocking(|| Err::<(), _>(Class::Server)); // opens it
                let refused = |page: &str| page.lines().filter(|it| it.starts_with("retry_refusals")).count();
                assert!(refused(&handle.render()) > 0, "the counter begins at zero");
                let _ = read.run_blocking(|| Err::<(), _>(Class::Server)); // is refused
            }
        });
        let refusals = samples(&handle).into_iter().filter(|line| line.starts_with("retry_refusals_total"));
        Vec::from_iter(refusals)
    };
    // There is room for two names. Further ones are counted with the circuits without a name.
    let by_name = [
        r#"retry_refusals_total{operation="read",circuit="price"} 1"#,
        r#"retry_refusals_total{operation="read",circuit="stock"} 1"#,
        r#"retry_refusals_total{operation="read"} 2"#,
    ];
    assert_eq!(page(&MetricsFacade::sized()), by_name);
    // A tag takes the place of the names.
    let tagged = MetricsFacade::sized().tags(&[("circuit", "all")]);
    assert_eq!(page(&tagged), [r#"retry_refusals_total{circuit="all",operation="read"} 4"#]);
}

#[test]
fn a_neutral_failure_has_a_count_of_its_own() {
    let (recorder, handle) = recorder();
    let (clock, facade) = (FakeClock::new(), MetricsFacade::<2>::sized());
    with_local_recorder(&recorder, || {
        let retry = Retry::new(Policy::DEFAULT, &clock).named("stock").observe(&facade);
        retry.run_blocking(|| Err::<(), _>(Failure::new(Class::Validation).neutral())).unwrap_err();
    });
    let samples = samples(&handle);
    assert!(samples.contains(&r#"retry_neutral_total{operation="stock"} 1"#.into()), "{samples:?}");
    assert!(!samples.iter().any(|sample| sample.starts_with("retry_failures_total")), "{samples:?}");
}

#[test]
fn circuits_are_counted_for_any_operation_and_in_any_order() {
    let (recorder, handle) = recorder();
    let facade = MetricsFacade::<2>::sized();
    let mut changes = vec![
        (Phase::Closed, Phase::Open),
        (Phase::Open, Phase::HalfOpen),
        (Phase::HalfOpen, Phase::Open),
        (Phase::Closed, Phase::Open), // another circuit
        (Phase::Open, Phase::HalfOpen),
    ];
    changes.reverse();
    let circuits = [(); 2].map(|()| SharedCircuit::new(CircuitConfig::DEFAULT));
    with_local_recorder(&recorder, || {
        for (i, (from, to)) in changes.into_iter().enumerate() {
            let at = Instant::from_millis(100 - i as u64);
            let change = Change { from, to, at, cause: ChangeCause::Manual };
            let event = Event::phase_changed(["a", "b"][i % 2], change);
            facade.observe(&event.of_circuit(&circuits[usize::from(i < 2)]));
        }
    });
    let expected = [
        r#"retry_circuit_changes_total{phase="half-open"} 2"#,
        r#"retry_circuit_changes_total{phase="open"} 3"#,
        r#"retry_circuits{phase="half-open"} 1"#,
        r#"retry_circuits{phase="open"} 1"#,
    ];
    assert_eq!(samples(&handle), expected);
}

/// The facade takes its counters at the first event of an operation.
#[test]
fn a_recorder_that_is_installed_after_the_first_calls_counts_nothing_of_them_or_after_them() {
    let (recorder, handle) = recorder();
    let facade = MetricsFacade::<2>::default();
    story(&facade);
    with_local_recorder(&recorder, || story(&facade));
    assert_eq!(samples(&handle), [""; 0]);
}

const STORY: &str = r#"retry_attempts_total{operation="stock.read",attempt="1"} 4
retry_attempts_total{operation="stock.read",attempt="2"} 2
retry_attempts_total{operation="stock.read",attempt="3"} 1
retry_attempts_total{operation="stock.write",attempt="1"} 4
retry_attempts_total{operation="stock.write",attempt="2"} 1
retry_backoff_seconds_count{operation="stock.read"} 3
retry_backoff_seconds_count{operation="stock.write"} 1
retry_backoff_seconds_sum{operation="stock.read"} 0.4
retry_backoff_seconds_sum{operation="stock.write"} 0.1
retry_budget_empty_total{operation="stock.write"} 1
retry_call_duration_seconds_count{operation="stock.read",outcome="gave-up"} 2
retry_call_duration_seconds_count{operation="stock.read",outcome="succeeded"} 2
retry_call_duration_seconds_count{operation="stock.write",outcome="cancelled"} 1
retry_call_duration_seconds_count{operation="stock.write",outcome="gave-up"} 1
retry_call_duration_seconds_count{operation="stock.write",outcome="rejected"} 2
retry_call_duration_seconds_count{operation="stock.write",outcome="succeeded"} 1
retry_call_duration_seconds_sum{operation="stock.read",outcome="gave-up"} 0.3
retry_call_duration_seconds_sum{operation="stock.read",outcome="succeeded"} 0.1
retry_call_duration_seconds_sum{operation="stock.write",outcome="cancelled"} 0.03
retry_call_duration_seconds_sum{operation="stock.write",outcome="gave-up"} 0.1
retry_calls_total{operation="stock.read",outcome="gave-up"} 2
retry_calls_total{operation="stock.read",outcome="succeeded"} 2
retry_calls_total{operation="stock.write",outcome="cancelled"} 1
retry_calls_total{operation="stock.write",outcome="gave-up"} 1
retry_calls_total{operation="stock.write",outcome="rejected"} 2
retry_calls_total{operation="stock.write",outcome="succeeded"} 1
retry_circuit_changes_total{phase="closed",circuit="stock"} 1
retry_circuit_changes_total{phase="half-open",circuit="stock"} 1
retry_circuit_changes_total{phase="open",circuit="stock"} 1
retry_dead_letters_total{operation="stock.write",outcome="kept"} 1
retry_dead_letters_total{operation="stock.write",outcome="left-out"} 2
retry_dead_letters_total{operation="stock.write",outcome="lost"} 1
retry_failures_total{operation="stock.read",error_type="Network"} 1
retry_failures_total{operation="stock.read",error_type="Server"} 1
retry_failures_total{operation="stock.read",error_type="Timeout"} 1
retry_failures_total{operation="stock.read",error_type="Unknown"} 1
retry_failures_total{operation="stock.read",error_type="Validation"} 1
retry_failures_total{operation="stock.write",error_type="Server"} 3
retry_give_ups_total{operation="stock.read",reason="attempts"} 1
retry_give_ups_total{operation="stock.read",reason="class"} 1
retry_give_ups_total{operation="stock.write",reason="budget"} 1
retry_refusals_total{operation="stock.write",circuit="stock"} 1
retry_retries_total{operation="stock.read",error_type="Network"} 1
retry_retries_total{operation="stock.read",error_type="Timeout"} 1
retry_retries_total{operation="stock.read",error_type="Unknown"} 1
retry_retries_total{operation="stock.write",error_type="Server"} 1"#;
