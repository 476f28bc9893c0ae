//! Hints in the forms that services send beside those of RFC 9110, and the headers that they come in.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use retry_core::{
    Class, Failure, GiveUp, Instant, Policy, Retry, Verdict, classify::parse_hint, policy::Hints,
    testing::FakeClock,
};
use tests::secs;

/// Tue, 14 Jul 2026 03:33:20 GMT
const NOW: u64 = 1_784_000_000;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn the_forms_of_a_hint() {
    let rows: &[(&str, Option<Duration>)] = &[
        // Fractions are rounded up.
        ("120.5", Some(ms(120_500))),
        ("0.0000000001", Some(Duration::from_nanos(1))),
        ("0.9999999999", Some(secs(1))),
        (" 2. ", Some(secs(2))),
        // Units, one or several.
        ("1m0s", Some(secs(60))),
        ("1h2m3.5s", Some(ms(3_723_500))),
        ("20ms", Some(ms(20))),
        ("1500us", Some(Duration::from_micros(1_500))),
        ("30 seconds", Some(secs(30))),
        ("2 Minutes", Some(secs(120))),
        ("1d", Some(secs(86_400))),
        ("5x", None),
        ("5s 3", None),
        ("s", None),
        // Unix times, in seconds and in milliseconds.
        ("1784000008", Some(secs(8))),
        ("1784000008.25", Some(ms(8_250))),
        ("1784000008500", Some(ms(8_500))),
        ("1783999999", Some(secs(0))),
        ("999999999", Some(secs(999_999_999))),
        // Dates in other spellings.
        ("Tue, 14 Jul 2026 03:34:20 UTC", Some(secs(60))),
        ("tue, 14 jul 2026 03:34:20 gmt", Some(secs(60))),
        ("TUESDAY, 14 JULY 2026 03:34:20 GMT", None),
        ("14 Jul 2026 03:34:20 GMT", Some(secs(60))),
        ("Tue, 14-Jul-2026 03:34:20 GMT", Some(secs(60))),
        ("Tue, 14 Jul 2026 05:34:20 +0200", Some(secs(60))),
        ("Mon, 13 Jul 2026 22:34:20 -05:00", Some(secs(60))),
        ("2026-07-14T03:34:20Z", Some(secs(60))),
        ("2026-07-14 03:34:20.5+00:00", Some(secs(61))),
        ("2026-07-14", None),
        ("Tue, 14 Jul 2026 03:34:20 EST", None),
        ("Tue, 7 Jul 2026 03:34:20 GMT", Some(secs(0))),
        // Lists: the longest, whatever else there is.
        ("30, 60", Some(secs(60))),
        ("60,soon,30", Some(secs(60))),
        ("30, Tue, 14 Jul 2026 03:34:20 GMT, 5", Some(secs(60))),
        (",", None),
        // No hint, and the most.
        ("", None),
        ("-1", None),
        ("+1", None),
        ("never", None),
        ("1e3", None),
        ("99999999999999999999999", Some(secs(u64::MAX))),
        ("99999999999999999999999d", Some(secs(u64::MAX))),
    ];
    for (value, expected) in rows {
        let wait = parse_hint(value, NOW);
        // A product past the range is the longest duration.
        let same = wait == *expected || wait.zip(*expected).is_some_and(|(a, b)| a.min(b) == secs(u64::MAX));
        assert!(same, "{value:?}: {wait:?}, not {expected:?}");
    }
}

/// What takes seconds in total for a quadratic parser takes this one no time.
#[test]
fn a_megabyte_is_read_in_one_pass() {
    const MEGABYTE: usize = 1 << 20;
    for unit in
        ["9", ",", "1,", "1s", "1 ", "a", "Tue, ", "0.", "-", "\u{661}", "Tue, 14 Jul 2026 03:34:20 GMT,"]
    {
        let text = unit.repeat(MEGABYTE / unit.len());
        let wait = parse_hint(&text, NOW);
        let expected = match unit {
            "9" => Some(secs(u64::MAX)),
            "1," => Some(secs(1)),
            "1s" => Some(secs(MEGABYTE as u64 / 2)),
            "Tue, 14 Jul 2026 03:34:20 GMT," => Some(secs(60)),
            _ => None,
        };
        assert_eq!(wait, expected, "{unit:?}");
    }
}

fn of(status: u16, lines: &[(&'static str, &str)]) -> Option<Failure> {
    let line = |&(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    let headers: HeaderMap = lines.iter().map(line).collect();
    Failure::of_http_response(StatusCode::from_u16(status).unwrap(), &headers, || NOW)
}

#[test]
fn the_headers_of_a_hint() {
    use Class::{Client, NotFound, RateLimit, Server, Transient};
    type Row<'a> = (u16, &'a [(&'static str, &'a str)], Class, Option<Duration>);
    let rows: &[Row<'_>] = &[
        (429, &[("retry-after-ms", "1500"), ("retry-after", "2")], RateLimit, Some(ms(1_500))),
        (429, &[("retry-after-ms", "soon"), ("retry-after", "2")], RateLimit, Some(secs(2))),
        (503, &[("x-ms-retry-after-ms", "20000")], Server, Some(secs(20))),
        (429, &[("ratelimit-reset", "20")], RateLimit, Some(secs(20))),
        (429, &[("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "20")], RateLimit, None),
        (503, &[("x-ratelimit-reset", "20")], Server, None),
        (503, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "20")], Server, Some(secs(20))),
        (
            429,
            &[
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "1784000900"),
                ("x-ratelimit-reset-after", "1.25"),
            ],
            RateLimit,
            Some(ms(1_250)),
        ),
        (
            429,
            &[
                ("x-ratelimit-remaining-requests", "5"),
                ("x-ratelimit-reset-requests", "9s"),
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ],
            RateLimit,
            Some(secs(360)),
        ),
        // GitHub: a refusal for the rate, and one for the right to read.
        (
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1784000060")],
            RateLimit,
            Some(secs(60)),
        ),
        (403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "later")], RateLimit, None),
        (403, &[("x-ratelimit-remaining", "57"), ("x-ratelimit-reset", "1784000060")], Client, None),
        (403, &[("x-ratelimit-remaining", "0"), ("retry-after", "5")], RateLimit, Some(secs(5))),
        (403, &[("retry-after", "5")], Transient, Some(secs(5))),
        (404, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")], NotFound, Some(secs(9))),
    ];
    for &(status, lines, class, hint) in rows {
        let failure = of(status, lines).unwrap();
        assert_eq!((failure.class, failure.hint), (class, hint), "{status} {lines:?}");
    }
    assert_eq!(of(201, &[("retry-after", "60"), ("x-ratelimit-remaining", "0")]), None);
}

#[test]
fn a_pushback_of_grpc() {
    const STATUS: (&str, &str) = ("grpc-status", "14");
    let server = Failure::new(Class::Server);
    let rows = [
        ("0", server.retry_after(secs(0))),
        ("1000", server.retry_after(secs(1))),
        ("2147483647", server.retry_after(ms(2_147_483_647))),
        ("2147483648", server.not_retried()),
        ("-1", server.not_retried()),
        ("-0", server.not_retried()),
        ("01", server.not_retried()),
        ("+1", server.not_retried()),
        ("soon", server.not_retried()),
        ("", server.not_retried()),
    ];
    for (value, failure) in rows {
        assert_eq!(of(200, &[STATUS, ("grpc-retry-pushback-ms", value)]), Some(failure), "{value:?}");
    }
    let twice = [STATUS, ("grpc-retry-pushback-ms", "1"), ("grpc-retry-pushback-ms", "1")];
    assert_eq!(of(200, &twice), Some(server.not_retried()));
    assert_eq!(of(200, &[STATUS]), Some(server));
    assert_eq!(of(200, &[("grpc-status", "0"), ("grpc-retry-pushback-ms", "1")]), None);
}

#[test]
fn hints_are_ignored_if_the_policy_says_so() {
    const POLICY: Policy = Policy::fixed(Duration::from_millis(100)).max_delay(Duration::from_secs(1));
    let hinted = |policy: &Policy, hint| {
        let (clock, failure) = (FakeClock::new(), Failure::new(Class::Server).retry_after(hint));
        let mut call = retry_core::Call::new(policy, Instant::ORIGIN);
        call.attempt(clock.now()).unwrap().fail(failure, clock.now(), &mut clock.words(&[u64::MAX]))
    };
    let ignoring = POLICY.hints(Hints::Ignore);
    for hint in [Duration::ZERO, ms(500), secs(5), Duration::MAX] {
        assert_eq!(hinted(&ignoring, hint), Verdict::Retry(ms(100)), "{hint:?}");
    }
    assert_eq!(hinted(&POLICY, secs(5)), Verdict::GiveUp(GiveUp::Hint));
    assert!(ignoring.to_string().contains("hints ignored, retries"), "{ignoring}");
    let read = toml::from_str::<Policy>(
        "backoff = 'fixed'\nbase_delay = '100ms'\nmax_delay = '1s'\nhints = 'ignore'",
    );
    assert_eq!(read.unwrap().settings().hints, Hints::Ignore);
}

#[test]
fn an_observer_hears_of_a_hint_that_cannot_be_read() {
    type Row<'a> = (u16, &'a [(&'static str, &'a str)], bool);
    let rows: &[Row<'_>] = &[
        (503, &[("retry-after", "soon")], true),
        (429, &[("retry-after-ms", "-5")], true),
        (429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "later")], true),
        (503, &[("retry-after", "soon"), ("retry-after", "5")], false),
        (503, &[("retry-after", "5")], false),
        (503, &[], false),
    ];
    for &(status, lines, unreadable) in rows {
        let failure = of(status, lines).unwrap();
        assert_eq!(failure.hint_unreadable, unreadable, "{status} {lines:?}");

        let (clock, told) = (FakeClock::new(), std::cell::RefCell::new(Vec::new()));
        let retry = Retry::new(&Policy::DEFAULT, &clock)
            .classify_opaque(|failure: &Failure| *failure)
            .on_event(|event| told.borrow_mut().push(event.to_string()));
        let _ = retry.run_blocking(|| Err::<(), _>(failure));
        let heard = told.borrow().iter().any(|line| line.contains(", unreadable hint"));
        assert_eq!(heard, unreadable, "{:?}", told.borrow());
    }
}
