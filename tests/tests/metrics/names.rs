//! The names and tags of metrics: which are valid, and what happens if there are too many.

use retry_core::{
    Class, Retry,
    observe::{EventKind, Metrics, MetricsFacade, Name, Observer, OperationMetrics},
    testing::FakeClock,
};

use super::{POLICY, event};

type Tags = &'static [(&'static str, &'static str)];

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

#[test]
fn names_and_tags_that_exporters_cannot_use_are_errors() {
    const NINE: Tags =
        &[("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", ""), ("f", ""), ("g", ""), ("h", ""), ("i", "")];
    let huge = leak("n".repeat(10_240));
    let name = |name| OperationMetrics::<1>::try_sharded(name).unwrap_err().to_string();
    assert_eq!(name("a\nb"), r#"operation = "a?b": must hold no control characters"#);
    assert_eq!(name("a\u{9b}b"), r#"operation = "a??b": must hold no control characters"#);
    assert_eq!(name("a\0"), r#"operation = "a?": must hold no control characters"#);
    assert_eq!(name(huge), r#"operation = "nnnnnnnnnnnnnnnnnnnnnnnn..": must be at most 128 bytes"#);

    let one = |tag: (&'static str, &'static str)| -> Tags { Box::leak(Box::new([tag])) };
    #[rustfmt::skip]
    let rows: [(Tags, &str); 13] = [
        (NINE,                          "tags = 9: must be at most 8"),
        (&[("a", ""), ("b", ""), ("a", "")], r#"tags = "a": each name must be unique"#),
        (&[("a.b", ""), ("a_b", "")],   r#"tags = "a_b": each name must be unique"#),
        (&[("", "")],                   r#"tags = "": a name must begin with a letter or an underscore"#),
        (&[("1st", "")],                r#"tags = "1st": a name must begin with a letter or an underscore"#),
        (&[("__name", "")],             r#"tags = "__name": a name must not begin with two underscores"#),
        (&[("a-b", "")],                r#"tags = "a-b": a name must consist of ASCII letters, digits, underscores and dots"#),
        (&[("r\u{e9}gion", "")],        r#"tags = "r??gion": a name must consist of ASCII letters, digits, underscores and dots"#),
        (&[("re\x1bgion", "")],         r#"tags = "re?gion": a name must consist of ASCII letters, digits, underscores and dots"#),
        (&[("operation", "")],          r#"tags = "operation": a name must not be one of the exporters' labels"#),
        (&[("region", "eu\nwest")],     r#"tags = "eu?west": a value must hold no control characters"#),
        (one((huge, "")),               r#"tags = "nnnnnnnnnnnnnnnnnnnnnnnn..": a name must be at most 64 bytes"#),
        (one(("region", huge)),         r#"tags = "nnnnnnnnnnnnnnnnnnnnnnnn..": a value must be at most 128 bytes"#),
    ];
    for (tags, line) in rows {
        assert_eq!(
            OperationMetrics::<1>::sharded("a").try_tags(tags.iter().copied()).unwrap_err().to_string(),
            line
        );
        assert_eq!(Metrics::<1>::sized().try_tags(tags.iter().copied()).unwrap_err().to_string(), line);
        let error = MetricsFacade::<1>::sized().try_tags(tags.iter().copied()).unwrap_err();
        assert_eq!((error.field(), error.to_string().as_str()), ("tags", line));
    }
}

#[test]
fn names_and_tags_at_the_limits_are_valid() {
    let longest = leak("\u{e9}".repeat(64));
    assert_eq!(OperationMetrics::<1>::sharded(longest).operation(), longest);
    assert_eq!(OperationMetrics::<1>::sharded("").operation(), "");
    const TAGS: Tags = &[
        ("Region", "\u{a0}\u{1f34e} \"eu\""),
        ("cloud.account_id", ""),
        ("_a", ""),
        ("b2", ""),
        ("c", ""),
        ("d", ""),
        ("e", ""),
        ("region", ""),
    ];
    // Each operation has the tags, also operations that are added later, and those that do not fit.
    let metrics = Metrics::<1>::sized().try_tags(TAGS.iter().copied()).unwrap();
    metrics.observe(&event(EventKind::Started));
    assert_eq!(
        (all(metrics.tagged()), all(metrics.operation("stock.read").unwrap().tagged())),
        (TAGS.to_vec(), TAGS.to_vec())
    );
    assert_eq!(
        (all(metrics.other().tagged()), all(metrics.circuits().tagged())),
        (TAGS.to_vec(), TAGS.to_vec())
    );
    assert_eq!(all(MetricsFacade::<1>::sized().tags(TAGS).tagged()), TAGS);
    assert_eq!(all(OperationMetrics::<1>::sharded("a").tags(TAGS).tagged()), TAGS);
}

#[test]
#[should_panic(expected = r#"tags = "operation": a name must not be one of the exporters' labels"#)]
fn the_plain_setter_panics_with_the_same_message_at_run_time() {
    let _ = Metrics::<1>::sized().tags(std::hint::black_box(&[("operation", "")]));
}

#[test]
fn names_that_do_not_fit_are_counted_together() {
    let metrics = Metrics::<8>::sized();
    let clock = FakeClock::new();
    let retry = Retry::new(&POLICY, &clock).observe(&metrics);
    let mut names = Vec::from_iter((0..20).map(|i| format!("operation {i}")));
    names.insert(3, "n".repeat(10_240));
    names.insert(5, "stock\x1b[2Jread".into());
    names.insert(0, "".into());
    for name in &names {
        for _ in 0..2 {
            retry.by_ref().named(name).run_blocking(|| Ok::<_, Class>(())).unwrap();
        }
    }
    let mut kept = Vec::from_iter(metrics.operations().map(OperationMetrics::operation));
    kept.sort_unstable();
    let first = [
        "operation 0",
        "operation 1",
        "operation 2",
        "operation 3",
        "operation 4",
        "operation 5",
        "operation 6",
        "unnamed",
    ];
    assert_eq!(kept, first);
    assert!(metrics.operations().all(|operation| operation.snapshot().calls() == 2));
    assert_eq!(metrics.other().snapshot().calls(), 2 * (names.len() as u64 - 8));
    assert_eq!(metrics.snapshot().calls(), 2 * names.len() as u64);
    assert!(metrics.operation("stock.read").is_none());
}

#[test]
fn equal_names_are_one_wherever_their_text_is_stored() {
    let metrics = Metrics::<4>::sized();
    let clock = FakeClock::new();
    let at_run_time = ["stock.read", "stock.reae", "tock.read"].map(|name| Name::from(name.to_owned()));
    for name in at_run_time.into_iter().chain(["stock.read".into()]) {
        let retry = Retry::new(&POLICY, &clock).observe(&metrics).named(name);
        retry.run_blocking(|| Ok::<_, Class>(())).unwrap();
    }
    let calls = |name| metrics.operation(name).unwrap().snapshot().calls();
    assert_eq!(["stock.read", "stock.reae", "tock.read"].map(calls), [2, 1, 1]);
    assert_eq!(format!("{metrics:?}").matches("calls").count(), 4);
}

/// Memory is used only for the names that fit.
#[test]
fn a_flood_of_names_uses_no_more_memory() {
    let metrics = Metrics::<8>::sized();
    let names = Vec::from_iter((0..10_000).map(|i| Name::from(format!("operation {i}"))));
    let mut event = event(EventKind::Started);
    let flood = allocation_counter::measure(|| {
        for name in &names {
            event.operation = name;
            event.attempt = 1;
            metrics.observe(&event);
        }
    });
    assert_eq!(flood.count_total, 3 * 8, "three allocations for each of 8 names");
    assert_eq!(metrics.snapshot().attempts(), 10_000);
    assert_eq!(metrics.other().snapshot().attempts(), 9_992);
}

/// A look-up does not add a name. Operations without a name are counted under one name.
#[test]
fn a_name_is_added_at_its_first_event() {
    let (clock, metrics) = (FakeClock::new(), Metrics::<2>::sized());
    assert!(metrics.operation("stock.raed").is_none() && metrics.operation("stock.rite").is_none());
    for name in ["stock.read", "", "stock.read"] {
        let retry = Retry::new(&POLICY, &clock).named(name).observe(&metrics);
        retry.run_blocking(|| Ok::<_, Class>(())).unwrap();
    }
    let counted = ["stock.read", "", "unnamed"]
        .map(|name| metrics.operation(name).map(|counted| (counted.operation(), counted.snapshot().calls())));
    assert_eq!(counted, [Some(("stock.read", 2)), Some(("unnamed", 1)), None]);
    assert_eq!(metrics.other().snapshot().calls(), 0);
}

fn all<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    tags.collect()
}

#[test]
fn tags_are_known_at_run_time() {
    let tenant = String::from("north");
    let metrics = Metrics::<1>::sized().try_tags([("tenant", tenant.clone())]).unwrap();
    assert_eq!(all(metrics.tagged()), [("tenant", "north")]);
    let error = Metrics::<1>::sized().try_tags([("tenant", tenant), ("region", "eu\nwest".to_owned())]);
    assert_eq!(error.unwrap_err().to_string(), "tags = 2: a value must hold no control characters");
}

/// With two places, every second pair of names collides, and the second name of such a pair is at the other place.
#[test]
fn names_that_collide_are_found_wherever_they_are() {
    let names: Vec<&'static str> = ('a'..='z').map(|letter| leak(letter.to_string())).collect();
    let clock = FakeClock::new();
    for first in &names {
        for second in names.iter().filter(|second| *second != first) {
            let metrics = Metrics::<2>::sized();
            let retry = Retry::new(&POLICY, &clock).observe(&metrics);
            for (name, calls) in [(*first, 1), (*second, 2)] {
                for _ in 0..calls {
                    retry.by_ref().named(name).run_blocking(|| Ok::<_, Class>(())).unwrap();
                }
            }
            let calls = |name| metrics.operation(name).map(|operation| operation.snapshot().calls());
            assert_eq!((calls(first), calls(second)), (Some(1), Some(2)), "{first}, {second}");
            let third = names.iter().find(|third| *third != first && *third != second).unwrap();
            assert_eq!((calls(third), metrics.other().snapshot().calls()), (None, 0), "{first}, {second}");
        }
    }
}

#[test]
fn a_tag_that_occurs_twice_is_found_at_each_place() {
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for again in 1..8 {
        for (first, name) in NAMES.into_iter().enumerate().take(again) {
            let mut tags = NAMES.map(|name| (name, ""));
            tags[again].0 = name;
            let line = format!(r#"tags = "{name}": each name must be unique"#);
            let error = Metrics::<1>::sized().try_tags(tags).unwrap_err();
            assert_eq!(error.to_string(), line, "{first} and {again}");
            let tags: Tags = Box::leak(Box::new(tags));
            let panic = std::panic::catch_unwind(|| Metrics::<1>::sized().tags(tags)).unwrap_err();
            assert_eq!(panic.downcast_ref::<String>(), Some(&line), "{first} and {again}");
        }
    }
}

#[test]
fn a_name_at_its_limit_is_kept_and_one_byte_more_is_not() {
    let clock = FakeClock::new();
    let of = |length: usize| leak("n".repeat(length));
    let metrics = Metrics::<8>::sized();
    for length in [127, 128, 129] {
        let retry = Retry::new(&POLICY, &clock).named(of(length)).observe(&metrics);
        retry.run_blocking(|| Ok::<_, Class>(())).unwrap();
        let kept = length <= 128;
        assert_eq!(metrics.operation(of(length)).is_some(), kept, "{length}");
        assert_eq!(OperationMetrics::<1>::try_sharded(of(length)).is_ok(), kept, "{length}");
    }
    assert_eq!(metrics.other().snapshot().calls(), 1);
    for (name, value, fits) in [(64, 128, true), (65, 128, false), (64, 129, false)] {
        let tag = [(of(name), of(value))];
        assert_eq!(Metrics::<1>::sized().try_tags(tag).is_ok(), fits, "{name}, {value}");
        let tags: Tags = Box::leak(Box::new(tag));
        let set = std::panic::catch_unwind(|| OperationMetrics::<1>::sharded("a").tags(tags));
        assert_eq!(set.is_ok(), fits, "{name}, {value}");
    }
}
