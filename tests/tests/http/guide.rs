//! What `docs/http-and-tower.md` says in tables is so.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use retry_core::{CircuitConfig, Class, Failure, Policy, classify::Idempotency};

const GUIDE: &str = include_str!("../../../docs/http-and-tower.md");

/// The cells of the rows of the table whose first row begins like this, without the marks of code.
pub(crate) fn table(head: &str) -> Vec<Vec<String>> {
    let mut lines = GUIDE.lines().skip_while(|line| !line.starts_with(head));
    assert!(lines.next().is_some() && lines.next().is_some_and(|line| line.starts_with("|---")), "{head}");
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
    lines.take_while(|line| line.starts_with('|')).map(cells).collect()
}

/// Which statuses a cell names: numbers, a range, or all others that begin with a digit.
fn statuses(cell: &str, named: &[u16]) -> Vec<u16> {
    let of_part = |part: &str| match (part.strip_prefix("other "), part.split_once(" to ")) {
        (Some(other), _) => {
            let first = other[..1].parse::<u16>().expect("a digit") * 100;
            (first..first + 100).filter(|status| !named.contains(status)).collect()
        }
        (_, Some((from, to))) => (from.parse().expect("a number")..=to.parse().expect("a number")).collect(),
        _ => part.parse().into_iter().collect::<Vec<u16>>(),
    };
    cell.split(", ").flat_map(of_part).collect()
}

#[test]
fn the_statuses() {
    let rows = table("| status | class |");
    let named: Vec<u16> =
        rows.iter().flat_map(|row| row[0].split(", ")).filter_map(|part| part.parse().ok()).collect();
    let mut seen = Vec::new();
    for row in &rows {
        let with_hint = row[0].ends_with(", with Retry-After");
        let hint = with_hint.then_some(Duration::from_secs(7));
        for status in statuses(&row[0], &named) {
            let class = Failure::of_http(status, hint).map(|failure| failure.class);
            assert_eq!(row[1], class.map_or("no error", Class::name), "{status}");
            let is_retried = class.is_some_and(|class| Policy::DEFAULT.retries(class));
            assert_eq!(row[2], if is_retried { "yes" } else { "no" }, "{status}");
            let counts = class.is_some_and(|class| CircuitConfig::DEFAULT.counts(class));
            assert_eq!(row[3], if counts { "as a failure" } else { "as a success" }, "{status}");
            if !with_hint {
                seen.push(status);
            }
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (100..600).collect::<Vec<_>>(), "each once");
}

#[test]
fn the_requests() {
    let rules = [Idempotency::Method, Idempotency::MethodOrKey, Idempotency::Assumed];
    let mut methods = 0;
    for row in table("| request | `Idempotency::Method` |") {
        let mut headers = HeaderMap::new();
        if row[0].ends_with(", with Idempotency-Key") {
            headers.insert("idempotency-key", HeaderValue::from_static("\"8e03978e\""));
        }
        for name in row[0].split(", ").filter(|part| !part.starts_with("with ")) {
            let name = if name == "any other" { "LOCK" } else { name };
            let method = Method::from_bytes(name.as_bytes()).expect("a method");
            for (rule, cell) in rules.iter().zip(&row[1..]) {
                assert_eq!(
                    *cell,
                    if rule.allows(&method, &headers) { "yes" } else { "no" },
                    "{name} {rule:?}"
                );
            }
            methods += 1;
        }
    }
    assert_eq!(methods, 6 + 2 + 2 + 2);
}
