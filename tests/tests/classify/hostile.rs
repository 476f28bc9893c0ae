//! Hostile input of classifiers: values of megabytes, thousands of headers, bytes that are no text, and numbers at
//! their limits. The work is linear in what was sent: a quadratic reader would need hours for these tables.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use retry_core::classify::{
    Messages, parse_delay_millis, parse_delay_seconds, parse_hint, parse_http_date, parse_reset_time,
    parse_retry_after,
};
use retry_core::{Class, ErrorKind, Failure, GiveUp, Policy, Retry, testing::FakeClock};
use tests::secs;

const MEGABYTE: usize = 1 << 20;
/// Tue, 14 Jul 2026 03:33:20 GMT
const NOW: u64 = 1_784_000_000;

fn of(status: StatusCode, headers: &HeaderMap) -> Failure {
    Failure::of_http_response(status, headers, || NOW).expect("a failure")
}

/// What a megabyte is made of.
const UNITS: &[&str] = &[
    "9",
    ",",
    "\"",
    "(",
    " ",
    "-",
    "a",
    "1s",
    "0,",
    "r=0,",
    "\"a\";r=0;t=1,",
    "Tue, ",
    "PT1S,",
    "\u{e9}",
    "Tue, 14 Jul 2026 03:34:20 GMT,",
];

#[test]
fn a_header_of_a_megabyte_is_read_in_one_pass() {
    const NAMES: &[&str] =
        &["retry-after", "retry-after-ms", "date", "ratelimit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    for (i, unit) in UNITS.iter().enumerate() {
        let of_len = |len: usize| HeaderValue::from_bytes(unit.repeat(len / unit.len()).as_bytes()).unwrap();
        // One of the headers has a megabyte, and the others have the most that a server would usually accept.
        let (value, others) = (of_len(MEGABYTE), of_len(64 << 10));
        let mut headers: HeaderMap =
            NAMES.iter().map(|name| (HeaderName::from_static(name), others.clone())).collect();
        headers.insert(NAMES[i % NAMES.len()], value.clone());
        headers.append("retry-after", HeaderValue::from_static("Tue, 14 Jul 2026 03:34:20 GMT"));
        let failure = of(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert_eq!((failure.class, failure.rule), (Class::RateLimit, None), "{unit:?}");
        assert!(failure.hint >= Some(Duration::ZERO), "{unit:?}");

        let in_grpc = [("grpc-status", HeaderValue::from_static("14")), ("grpc-retry-pushback-ms", value)];
        headers.extend(in_grpc.map(|(name, value)| (HeaderName::from_static(name), value)));
        assert_eq!(
            of(StatusCode::OK, &headers),
            Failure::new(Class::Server).not_retried().unreadable_hint(),
            "{unit:?}"
        );
    }
}

#[test]
fn thousands_of_headers_are_read_in_one_pass() {
    const MOST: usize = 12_000;
    let value = HeaderValue::from_static;
    let named = |name: String| HeaderName::try_from(name).unwrap();

    // Many limits, each with its own wait.
    let mut headers = HeaderMap::new();
    for i in 0..MOST {
        headers.insert(named(format!("x-ratelimit-remaining-{i}")), value("0"));
        headers.insert(named(format!("x-ratelimit-reset-{i}")), HeaderValue::from(i));
    }
    let failure = of(StatusCode::FORBIDDEN, &headers);
    assert_eq!((failure.class, failure.hint), (Class::RateLimit, Some(secs(MOST as u64 - 1))));

    // One limit, and many lines of each of its headers.
    let lines = [
        ("retry-after", "soon"),
        ("retry-after-ms", "soon"),
        ("ratelimit", "\"a\";r=1;t=9"),
        ("x-ratelimit-remaining", "1"),
        ("x-ratelimit-reset", "9"),
        ("x-ratelimit-reset-ms", "9"),
        ("x-ratelimit-reset-after", "9"),
        ("x-ratelimit-retry-after", "9"),
        ("x-should-retry", "maybe"),
    ];
    let mut headers = HeaderMap::new();
    for (name, line) in lines {
        for _ in 0..MOST {
            headers.append(name, value(line));
        }
    }
    let unreadable = Failure::new(Class::Server).unreadable_hint();
    assert_eq!(of(StatusCode::SERVICE_UNAVAILABLE, &headers), unreadable);
    headers.append("x-ratelimit-remaining", value("0"));
    assert_eq!(of(StatusCode::SERVICE_UNAVAILABLE, &headers).hint, Some(secs(9)));
    headers.append("retry-after", value("5"));
    assert_eq!(of(StatusCode::SERVICE_UNAVAILABLE, &headers).hint, Some(secs(5)));

    // A name that is too long to have a pair.
    let long = "x".repeat(60_000);
    let mut headers = HeaderMap::new();
    headers.insert(named(format!("ratelimit-{long}-remaining")), value("0"));
    headers.insert(named(format!("ratelimit-{long}-reset")), value("9"));
    assert_eq!(of(StatusCode::SERVICE_UNAVAILABLE, &headers), Class::Server.into());
}

#[test]
fn bytes_that_are_no_text_are_no_hint() {
    type Row<'a> = (&'a [(&'static str, &'a [u8])], Option<Duration>, bool);
    let rows: &[Row<'_>] = &[
        (&[("retry-after", b"\xff\xfe")], None, true),
        (&[("retry-after", b"5\x80")], None, true),
        (&[("retry-after-ms", b"\xc3\x28"), ("retry-after", b"5")], Some(secs(5)), false),
        (&[("date", b"\xff"), ("retry-after", b"1784000005")], Some(secs(5)), false),
        (&[("x-ratelimit-remaining", b"\xff"), ("x-ratelimit-reset", b"5")], Some(secs(5)), false),
        (&[("x-ratelimit-remaining", b"0"), ("x-ratelimit-reset", b"\xff")], None, true),
        (&[("ratelimit", b"\"\xff\";r=0;t=5")], None, false),
        (&[("x-should-retry", b"false\xff")], None, false),
    ];
    for &(lines, hint, unreadable) in rows {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let failure = of(StatusCode::TOO_MANY_REQUESTS, &headers);
        assert_eq!((failure.hint, failure.unreadable_hint), (hint, unreadable), "{lines:?}");
        assert_eq!(failure.rule, None, "{lines:?}");
    }
}

#[test]
fn numbers_at_their_limits_saturate() {
    let most = Some(secs(u64::MAX));
    let max = u64::MAX.to_string();
    let above = "18446744073709551616";
    for text in [&*max, above, "340282366920938463463374607431768211456"] {
        assert_eq!(parse_delay_seconds(text), most, "{text}");
        assert_eq!(parse_delay_millis(text), Some(Duration::from_millis(u64::MAX)), "{text}");
        assert_eq!(parse_retry_after(text, NOW), most, "{text}");
        assert_eq!(parse_hint(text, NOW), most, "{text}");
        assert_eq!(parse_reset_time(text, NOW), Some(secs(u64::MAX - NOW)), "{text}");
        for unit in ["w", " weeks", "d", "h", "m"] {
            assert_eq!(parse_hint(&format!("{text}{unit}"), NOW), Some(Duration::MAX), "{text}{unit}");
        }
        assert_eq!(parse_hint(&format!("P{text}YT{text}H"), NOW), Some(Duration::MAX), "{text}");
        assert_eq!(parse_hint(&format!("{text}.{text}:{text}:{text}"), NOW), Some(Duration::MAX), "{text}");
    }
    // The time of the machine is at a limit.
    for (text, now, wait) in [
        ("1784000008", 0, secs(1_784_000_008)),
        ("1784000008", u64::MAX, secs(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 0, secs(253_402_300_799)),
        ("Fri, 31 Dec 9999 23:59:59 -2359", u64::MAX, secs(0)),
        ("Sat, 01 Jan 0000 00:00:00 GMT", 0, secs(0)),
        ("Sat, 01 Jan 0000 00:00:00 +2359", 0, secs(0)),
        ("Friday, 31-Dec-99 23:59:59 UTC", u64::MAX, secs(0)),
    ] {
        assert_eq!(parse_hint(text, now), Some(wait), "{text} at {now}");
    }
}

#[test]
fn a_hint_beyond_all_limits_ends_the_call_with_one_line() {
    let clock = FakeClock::new();
    let texts = ["9".repeat(MEGABYTE), "9w".repeat(MEGABYTE / 2), format!("P{}Y", "9".repeat(MEGABYTE))];
    let retry = Retry::new(&Policy::DEFAULT, &clock)
        .classify(|row: &usize| Failure::of_http(503, parse_hint(&texts[*row], NOW)).expect("a failure"));
    for row in 0..texts.len() {
        let error = retry.run_blocking(|| Err::<(), _>(row)).unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::GaveUp(GiveUp::Hint), 1));
        let line = error.to_string();
        assert!(line.len() < 200 && !line.contains('\n') && line.contains("the server asks"), "{line}");
    }
    assert_eq!(clock.now().as_millis(), 0);
}

#[test]
fn a_code_of_a_megabyte_is_read_in_one_pass() {
    for unit in UNITS {
        let text = unit.repeat(MEGABYTE / unit.len());
        assert_eq!(Class::of_sqlstate(&text), None, "{unit:?}");
        assert_eq!(Class::of_redis_error(&text), None, "{unit:?}");
        assert_eq!(Class::of_aws_code(&text), None, "{unit:?}");
        assert_eq!(parse_http_date(&text, NOW), None, "{unit:?}");
        let failure = Failure::new(Class::Server);
        assert_eq!(failure.grpc_pushback(&text), failure.not_retried().unreadable_hint(), "{unit:?}");
        let class = Messages::DEFAULT.classify(&text);
        assert_eq!(class, Class::Unknown, "{unit:?}");
    }
}

#[test]
fn codes_at_their_limits_are_looked_up() {
    for code in [i32::MIN, i32::MIN + 1, i32::MAX] {
        assert_eq!(Class::of_grpc_code(code), Some(Class::Unknown), "{code}");
        for class in [
            Class::of_sqlite_code(code),
            Class::of_mongodb_code(code),
            Class::of_linux_error(code),
            Class::of_macos_error(code),
            Class::of_windows_error(code),
            Class::of_os_error(code),
            Class::of_resolver_error(code),
        ] {
            assert_eq!(class, None, "{code}");
        }
    }
    assert_eq!(Class::of_curl_code(u32::MAX), None);
    assert_eq!(Class::of_mysql_error(u16::MAX), None);
    assert_eq!(Class::of_http_status(u16::MAX), Some(Class::Server));
    let texts = [
        "os error 2147483648",
        "os error -2147483648",
        "error -99999999999999999999",
        "(code: 340282366920938463463374607431768211456)",
        "curl: (4294967296)",
        "grpc status 99999999999",
    ];
    for text in texts {
        assert_eq!(Messages::DEFAULT.classify(text), Class::Unknown, "{text}");
    }
}

/// A kind whose name has no end, and that counts how much of it is written.
struct Endless(Cell<usize>);

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionRefused")?;
        loop {
            self.0.set(self.0.get() + 1);
            f.write_str(" ")?;
        }
    }
}

#[test]
fn the_name_of_a_kind_is_read_no_further_than_it_takes() {
    let kind = Endless(Cell::new(0));
    assert_eq!(Class::of_embedded_io_kind(&kind), None);
    assert_eq!(kind.0.get(), 1);
}
