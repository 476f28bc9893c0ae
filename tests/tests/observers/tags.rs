//! The tags of [`Tagged`], and the type of an operation, in events and in the lines of a log.

use std::cell::RefCell;

use retry_core::{
    Call, Class, Policy, Preset, Retry,
    dead_letter::{DeadLetterQueue, ReasonSet, WhenFull},
    observe::{Event, Metrics, Observer, QueuedEvent, Tagged, observer_fn},
    policy::OfType,
    pool::Operations,
    testing::FakeClock,
};

use super::{Lines, POLICY};

const ONCE: Policy = Policy::DEFAULT.max_attempts(1);

#[test]
fn every_line_has_the_type_and_the_tags_behind_the_name() {
    let lines = Lines::default();
    let log = Tagged::new(&[("region", "eu"), ("team.name", "stock")], &lines);
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock).observe(&log);
    let named = retry.by_ref().named("users.read");
    let calls = [
        named.by_ref().of_type("database").keyed("north").run_blocking(|| Ok::<_, Class>(7)),
        named.by_ref().of_type("database").run_blocking(|| Ok(7)),
        named.by_ref().of_type("users.read").run_blocking(|| Ok(7)), // says nothing more than the name
        named.run_blocking(|| Ok(7)),
        retry.by_ref().of_type("database").run_blocking(|| Ok(7)),
        retry.run_blocking(|| Ok(7)),
    ];
    assert!(calls.iter().all(|call| *call == Ok(7)));
    let lines = lines.0.into_inner().unwrap();
    assert_eq!(
        Vec::from_iter(lines.iter().filter(|line| line.ends_with("attempt 1"))),
        [
            "users.read[north] (database) {region=eu, team.name=stock}: attempt 1",
            "users.read (database) {region=eu, team.name=stock}: attempt 1",
            "users.read {region=eu, team.name=stock}: attempt 1",
            "users.read {region=eu, team.name=stock}: attempt 1",
            "(database) {region=eu, team.name=stock}: attempt 1",
            "{region=eu, team.name=stock}: attempt 1",
        ]
    );
    assert_eq!(
        lines.iter().filter(|line| line.contains("{region=eu, team.name=stock}: ")).count(),
        lines.len()
    );
}

/// Types and tags from outside: a log line stays one line, and cannot be reversed or made long.
#[test]
fn types_and_tags_are_shown_clean_and_bounded() {
    let lines = Lines::default();
    let long = "x".repeat(128);
    let tags = (0..8).map(|number| (format!("{}{number}", "n".repeat(63)), long.clone()));
    let log = Tagged::try_new(tags, &lines).unwrap();
    let hostile: &'static str = "a\u{202e}b\nc\u{1b}[2J";
    let call = Retry::new(&ONCE, FakeClock::new()).named("read").of_type(hostile).observe(&log);
    assert_eq!(call.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
    let reversed = Tagged::new(&[("region", "eu\u{202e}su\u{2028}")], &lines);
    assert_eq!(
        Retry::new(&ONCE, FakeClock::new())
            .named("read")
            .observe(&reversed)
            .run_blocking(|| Ok::<_, Class>(7)),
        Ok(7)
    );
    for line in lines.0.into_inner().unwrap() {
        let foreign = |it: char| it.is_control() || ('\u{2028}'..='\u{202e}').contains(&it);
        assert!(!line.contains(foreign) && line.len() < 2_000, "{line:?}");
        assert!(
            line.contains("(a\u{fffd}b\u{fffd}c\u{fffd}[2J)")
                || line.contains("{region=eu\u{fffd}su\u{fffd}}")
        );
    }
}

#[test]
fn tags_that_exporters_could_not_take_are_an_error() {
    #[rustfmt::skip]
    let rows: [(&[(&str, &str)], &str); 6] = [
        (&[("region", "eu\n")], r#"tags = "eu?": a value must hold no control characters"#),
        (&[("", "eu")], r#"tags = "": a name must begin with a letter or an underscore"#),
        (&[("re gion", "eu")], r#"tags = "re gion": a name must consist of ASCII letters, digits, underscores and dots"#),
        (&[("operation_type", "http")], r#"tags = "operation_type": a name must not be one of the exporters' labels"#),
        (&[("a.b", "1"), ("a_b", "2")], r#"tags = "a_b": each name must be unique"#),
        (&[("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", ""), ("f", ""), ("g", ""), ("h", ""), ("i", "")], "tags = 9: must be at most 8"),
    ];
    for (tags, line) in rows {
        let leaked: Vec<(&'static str, &'static str)> = tags
            .iter()
            .map(|(name, value)| (&*name.to_string().leak(), &*value.to_string().leak()))
            .collect();
        assert_eq!(Tagged::try_new(leaked, ()).unwrap_err().to_string(), line);
    }
}

/// An event that waits in a queue, or reaches an inner `Tagged`, has the tags of the innermost one.
#[test]
fn tags_and_type_go_with_an_event() {
    let seen = RefCell::new(Vec::new());
    let look = |event: &Event| {
        let tags = Vec::from_iter(event.tags().map(|(name, value)| format!("{name}={value}")));
        seen.borrow_mut().push((event.operation_type, tags.join(",")));
    };
    let queued = observer_fn(|event| QueuedEvent::from(event).with(|event| look(event)));
    let clock = FakeClock::new();
    let observe = |observer: &dyn Observer| {
        let mut call = Call::new(OfType::new("http", &ONCE), clock.now()).observe(observer);
        call.attempt(clock.now()).unwrap().succeed(clock.now());
        seen.take().pop().unwrap()
    };
    assert_eq!(observe(&observer_fn(look)), ("http", String::new()));
    assert_eq!(observe(&Tagged::new(&[("a", "1")], &queued)), ("http", "a=1".into()));
    let inner = Tagged::new(&[("b", "2")], observer_fn(look));
    assert_eq!(observe(&Tagged::new(&[("a", "1")], &inner)), ("http", "b=2".into()));
}

/// A call of [`Operations`] that has a name of its own keeps the operation as its type, up to its dead letter.
#[test]
fn the_type_is_in_every_event_of_an_operations_calls() {
    static ALL: Operations<1> = Operations::new([Preset::DATABASE]);
    let types = RefCell::new(Vec::new());
    let clock = FakeClock::new();
    let retry = ALL.named("database").retry(&clock).named("users.read");
    let retry =
        retry.on_event(|event| types.borrow_mut().push((event.operation.to_owned(), event.operation_type)));
    let letters = DeadLetterQueue::new(1, WhenFull::Refuse);
    retry
        .dead_letters(&letters)
        .only(ReasonSet::ALL)
        .run_blocking(|| Err::<(), _>(Class::Validation))
        .unwrap_err();
    drop(retry);
    let types = types.into_inner();
    assert_eq!(types, vec![("users.read".to_owned(), "database"); 4]); // started, failed, ended, dead-lettered
}

#[test]
fn metrics_tell_the_type_of_an_operation() {
    let metrics = Metrics::<4>::sized();
    let retry = Retry::new(&ONCE, FakeClock::new()).observe(&metrics);
    for name in ["users.read", "users.write"] {
        let _ = retry.by_ref().named(name).of_type("database").run_blocking(|| Ok::<_, Class>(7));
    }
    let _ = retry.by_ref().named("stock.read").run_blocking(|| Ok::<_, Class>(7));
    let of = |name| metrics.operation(name).unwrap().operation_type();
    assert_eq!([of("users.read"), of("users.write"), of("stock.read")], ["database", "database", ""]);
    // So counts are added up by type.
    let all =
        metrics.operations().filter(|it| it.operation_type() == "database").map(|it| it.snapshot().calls());
    assert_eq!(all.sum::<u64>(), 2);
}
