//! Requests and responses of the `http` crate.

use std::cell::Cell;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;
use retry_core::{Class, Failure, classify::Idempotency, runtime::StdRuntime};
use tests::secs;

type Line = (&'static str, &'static [u8]);

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: u64 = 784_111_777;

fn headers(lines: &[Line]) -> HeaderMap {
    let header = |&(name, value): &Line| {
        (HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("a valid header value"))
    };
    lines.iter().map(header).collect()
}

fn hint(lines: &[Line]) -> Option<Duration> {
    Failure::of_http_response(StatusCode::SERVICE_UNAVAILABLE, &headers(lines), || NOW).unwrap().hint
}

#[test]
fn the_hint_of_a_response() {
    const EIGHT_KILOBYTES: &[u8] = &[b'9'; 8_192];
    let rows: &[(&[Line], Option<Duration>)] = &[
        (&[], None),
        (&[("retry-after", b"120")], Some(secs(120))),
        (&[("retry-after", b"0")], Some(secs(0))),
        (&[("retry-after", b"Sun, 06 Nov 1994 08:49:47 GMT")], Some(secs(10))),
        // A response with a date counts from that date, whatever the local clock says.
        (
            &[("date", b"Thu, 06 Nov 2098 08:49:37 GMT"), ("retry-after", b"Thu, 06 Nov 2098 08:49:47 GMT")],
            Some(secs(10)),
        ),
        (
            &[
                ("date", b"Sunday, 06-Nov-94 08:49:40 GMT"),
                ("retry-after", b"Sunday, 06-Nov-94 08:49:47 GMT"),
            ],
            Some(secs(7)),
        ),
        (&[("date", b"today"), ("retry-after", b"Sun, 06 Nov 1994 08:49:47 GMT")], Some(secs(10))),
        (
            &[("date", b"Sat, 06 Nov 1869 08:49:37 GMT"), ("retry-after", b"Sun, 06 Nov 1994 08:49:47 GMT")],
            Some(secs(10)),
        ),
        (&[("date", b"Thu, 06 Nov 2098 08:49:37 GMT"), ("retry-after", b"120")], Some(secs(120))),
        // Invalid values are ignored, and too large ones saturate.
        (&[("retry-after", b"")], None),
        (&[("retry-after", b"-1")], None),
        (&[("retry-after", b"1.5")], Some(Duration::from_millis(1_500))),
        (&[("retry-after", b"soon")], None),
        (&[("retry-after", b"120, 240")], Some(secs(240))),
        (&[("retry-after", b"\xff\xfe")], None),
        (&[("retry-after", "\u{661}\u{662}".as_bytes())], None),
        (&[("retry-after", EIGHT_KILOBYTES)], Some(secs(u64::MAX))),
        (&[("retry-after", b"10"), ("retry-after", b"30"), ("retry-after", b"20")], Some(secs(30))),
        (&[("retry-after", b"\xff"), ("retry-after", b"soon"), ("retry-after", b"5")], Some(secs(5))),
        (&[("retry-after", b"5"), ("retry-after", b"Sun, 06 Nov 1994 08:49:47 GMT")], Some(secs(10))),
        (&[("x-retry-after", b"120")], Some(secs(120))),
        (&[("x-retry-later", b"120")], None),
    ];
    for (lines, expected) in rows {
        assert_eq!(hint(lines), *expected, "{lines:?}");
    }
}

#[test]
fn a_response_is_classified_by_its_status_and_hint() {
    let seven = headers(&[("retry-after", b"7")]);
    for status in 100..1_000 {
        let code = StatusCode::from_u16(status).unwrap();
        let of = |headers: &HeaderMap| {
            Failure::of_http_response(code, headers, || unreachable!("there is no date"))
        };
        assert_eq!(of(&HeaderMap::new()), Failure::of_http(status, None), "{status}");
        assert_eq!(of(&seven), Failure::of_http(status, Some(secs(7))), "{status}");
    }
}

#[test]
fn the_clock_is_read_once_and_only_for_a_date() {
    let asked = Cell::new(0);
    let of = |status: u16, lines: &[Line]| {
        asked.set(0);
        Failure::of_http_response(StatusCode::from_u16(status).unwrap(), &headers(lines), || {
            asked.set(asked.get() + 1);
            NOW
        });
        asked.get()
    };
    let date: Line = ("retry-after", b"Sun, 06 Nov 1994 08:49:47 GMT");
    assert_eq!(of(200, &[date]), 0);
    assert_eq!(of(503, &[("retry-after", b"120")]), 0);
    assert_eq!(of(503, &[]), 0);
    assert_eq!(of(503, &[date, date]), 1);
}

#[test]
fn the_system_clock_is_rounded_down_to_whole_seconds() {
    let now = || std::time::UNIX_EPOCH.elapsed().expect("the clock is after 1970").as_secs();
    let (before, read, after) = loop {
        let (before, read, after) = (now(), StdRuntime::unix_secs(), now());
        if before <= after {
            break (before, read, after); // otherwise the system has set its clock back meanwhile
        }
    };
    assert!(before <= read && read <= after);
}

#[test]
fn which_requests_may_be_sent_again() {
    use Idempotency::{Assumed, Method as ByMethod, MethodOrKey};

    let key: &[Line] = &[("idempotency-key", b"\"8e03978e-40d5\"")];
    let idempotent = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE, Method::PUT, Method::DELETE];
    for method in idempotent {
        for headers in [HeaderMap::new(), headers(key)] {
            assert!([ByMethod, MethodOrKey, Assumed].iter().all(|rule| rule.allows(&method, &headers)));
        }
    }
    let odd = Method::from_bytes(b"get").unwrap(); // methods are case-sensitive
    for method in [Method::POST, Method::PATCH, Method::CONNECT, Method::from_bytes(b"LOCK").unwrap(), odd] {
        let may_by_key = matches!(method, Method::POST | Method::PATCH);
        let rows: &[(&[Line], bool)] = &[
            (&[], false),
            (key, may_by_key),
            (&[("idempotency-key", b"k")], may_by_key),
            (&[("idempotency-key", b"\xff")], may_by_key),
            (&[("idempotency-key", b"")], false),
            (&[("idempotency-key", b" \t")], false),
            (&[("idempotency-key", b"\"\"")], false),
            (&[("idempotency-key", b""), ("idempotency-key", b"k")], may_by_key),
            (&[("x-idempotency-key", b"k")], false),
        ];
        for &(lines, may) in rows {
            let headers = headers(lines);
            assert!(!ByMethod.allows(&method, &headers), "{method} {lines:?}");
            assert_eq!(MethodOrKey.allows(&method, &headers), may, "{method} {lines:?}");
            assert!(Assumed.allows(&method, &headers));
        }
    }
    assert_eq!(Idempotency::default(), ByMethod);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn any_header_is_read_without_a_panic(
        status in 100_u16..1_000,
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
        date in prop::collection::vec(any::<u8>(), 0..40),
        now in any::<u64>(),
    ) {
        let mut headers = HeaderMap::new();
        for value in values.iter().filter_map(|value| HeaderValue::from_bytes(value).ok()) {
            headers.append("retry-after", value);
        }
        if let Ok(date) = HeaderValue::from_bytes(&date) {
            headers.append("date", date);
        }
        let failure = Failure::of_http_response(StatusCode::from_u16(status).unwrap(), &headers, || now);
        prop_assert_eq!(failure.is_some(), Class::of_http_status(status).is_some());
    }
}
