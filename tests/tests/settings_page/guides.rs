//! `docs/troubleshooting.md` and `docs/best-practices.md`: the names in them are names of the code.

use std::collections::BTreeSet;

use retry_core::{Class, Preset};

use crate::page::{keys, quoted, sections};
use crate::sources::SOURCES;

const GUIDES: [(&str, &str); 2] = [
    ("troubleshooting", include_str!("../../../docs/troubleshooting.md")),
    ("best practices", include_str!("../../../docs/best-practices.md")),
];
const RULES: &str = include_str!("../../../examples/monitoring/rules.yml");

/// What is named in these pages and belongs to others, or to the samples in them.
#[rustfmt::skip]
const OTHERS: [&str; 29] = [
    // samples
    "circuit", "clock", "config", "error", "handle", "main", "policy", "pool", "progress", "queue", "sink",
    // libraries, files and logs
    "Duration", "from_secs", "Idempotency-Key", "Ok", "RUST_LOG", "Retry-After", "debug", "info", "m", "never", "reqwest", "retry", "retry-core",
    "start_paused", "timeout", "to_string", "u32", "warn",
];

/// The names in a page's code spans: what a span begins with, such as `max_attempts(3)` or `circuit.reset(now)`, and
/// paths anywhere in it, such as `hints(Hints::Clamp)`. Lines of a log have spaces outside of brackets, and are left out.
fn names(page: &str) -> BTreeSet<&str> {
    let text = page.split("```").step_by(2).flat_map(str::lines).filter(|line| !line.starts_with('['));
    let spans: Vec<_> = text.flat_map(|line| quoted(line)).collect();
    let first = spans.iter().filter_map(|span| span.split(['(', '{', '=', '[']).next());
    let first = first.map(str::trim).filter(|span| !span.contains(' '));
    let words =
        spans.iter().flat_map(|span| span.split(|it: char| !it.is_alphanumeric() && !"_:".contains(it)));
    let names = first.chain(words.filter(|word| word.contains("::"))).flat_map(|path| path.split("::"));
    let names = names.flat_map(|name| name.split('.'));
    names.filter(|name| name.starts_with(|it: char| it.is_ascii_alphabetic())).collect()
}

#[test]
fn every_name_in_a_guide_is_in_the_code() {
    let sections = sections();
    let mut known: BTreeSet<&str> = sections.values().flat_map(|rows| keys(rows)).chain(OTHERS).collect();
    known.extend(SOURCES.names.iter().chain(&SOURCES.texts).map(String::as_str));
    known.extend(SOURCES.variants.values().flatten().map(String::as_str));
    known.extend(SOURCES.public_fields.values().flatten().map(String::as_str));
    known.extend(Class::ALL.map(Class::name).into_iter().chain(Preset::ALL.map(|preset| preset.name)));
    known.extend(RULES.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")));
    for (guide, page) in GUIDES {
        let names = names(page);
        assert!(names.len() > 40, "{guide}: {names:?}");
        let unknown: Vec<_> = names.difference(&known).collect();
        assert!(unknown.is_empty(), "{guide}: {unknown:?}");
    }
}
