//! Hints in the forms that services send beside those of RFC 9110, and the headers that they come in.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use retry_core::{
    Class, Failure, GiveUp, Instant, Policy, Retry, Verdict, classify::parse_hint, policy::Hints,
    testing::FakeClock,
};
use tests::{ms, secs};

/// Tue, 14 Jul 2026 03:33:20 GMT
const NOW: u64 = 1_784_000_000;

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
        ("1w", Some(secs(604_800))),
        ("1 hour 30 minutes", Some(secs(5_400))),
        (".5s", Some(ms(500))),
        // ISO 8601.
        ("PT2S", Some(secs(2))),
        ("pt1m30.5s", Some(ms(90_500))),
        ("PT0S", Some(secs(0))),
        ("P1DT2H", Some(secs(93_600))),
        ("P1W", Some(secs(604_800))),
        ("P1M", Some(secs(31 * 86_400))),
        ("P1Y", Some(secs(366 * 86_400))),
        ("P", None),
        ("PT", None),
        ("P1", None),
        ("P1DT", None),
        ("PT-2S", None),
        ("P2S", None),
        ("PT99999999999999999999H", Some(secs(u64::MAX))),
        // A TimeSpan of .NET.
        ("00:00:30", Some(secs(30))),
        ("01:02:03.5", Some(ms(3_723_500))),
        ("1.02:03:04", Some(secs(93_784))),
        ("00:30", None),
        ("00:00:00:30", None),
        ("-00:00:30", None),
        ("5x", None),
        ("5s 3", None),
        ("s", None),
        // Unix times, in seconds and in milliseconds.
        ("1784000008", Some(secs(8))),
        ("1784000008.25", Some(ms(8_250))),
        ("1784000008500", Some(ms(8_500))),
        ("1784000008500000", Some(ms(8_500))),
        ("1784000008500000001", Some(Duration::new(8, 500_000_001))),
        ("9223372036854775807", Some(Duration::new(9_223_372_036 - NOW, 854_775_807))),
        ("18446744073709551615", Some(secs(u64::MAX))),
        ("1783999999", Some(secs(0))),
        ("999999999", Some(secs(999_999_999))),
        // Dates in other spellings.
        ("Tue, 14 Jul 2026 03:34:20 UTC", Some(secs(60))),
        ("tue, 14 jul 2026 03:34:20 gmt", Some(secs(60))),
        ("TUESDAY, 14 JULY 2026 03:34:20 GMT", Some(secs(60))),
        ("Tuesday, July 14, 2026 03:34:20 GMT", Some(secs(60))),
        ("Tue Jul 14 03:34:20 2026", Some(secs(60))),
        ("tue jul 14 03:34:20 UTC 2026", Some(secs(60))),
        ("Tuesday, 14-Jul-26 03:34:20 UTC", Some(secs(60))),
        ("tue, 14-jul-26 03:34:20 gmt", Some(secs(60))),
        ("Fri, 14-Jul-78 03:34:20 utc", Some(secs(0))), // 1978, because 2078 is more than 50 years away
        // How JavaScript shows a date.
        ("Tue Jul 14 2026 04:34:20 GMT+0100 (Central European Standard Time)", Some(secs(60))),
        ("14 July 2026 03:34 GMT", Some(secs(40))),
        ("Tue, 14 Jul 2026 3:34:20 GMT", Some(secs(60))),
        ("14 Jul 2026 03:34:20 GMT", Some(secs(60))),
        ("Tue, 14-Jul-2026 03:34:20 GMT", Some(secs(60))),
        ("Tue, 14 Jul 2026 05:34:20 +0200", Some(secs(60))),
        ("Mon, 13 Jul 2026 22:34:20 -05:00", Some(secs(60))),
        ("2026-07-14T03:34:20Z", Some(secs(60))),
        ("2026-07-14 03:34:20.5+00:00", Some(secs(61))),
        ("2026-07-14", None),
        ("2026-07-14T03:34:20", Some(secs(60))),
        ("2026-07-14t03:34:20z", Some(secs(60))),
        ("2026-07-14T03:34Z", Some(secs(40))),
        ("2026-07-14T05:34:20+02", Some(secs(60))),
        ("20260714T033420Z", Some(secs(60))),
        ("2026-13-14T03:34:20Z", None),
        ("2026-02-30T03:34:20Z", None),
        ("2026-07-14T25:34:20Z", None),
        ("Mon, 13 Jul 2026 22:34:20 EST", Some(secs(60))),
        ("Mon, 13 Jul 2026 20:34:20 pdt", Some(secs(60))),
        ("Tue, 14 Jul 2026 03:34:20 CEST", None),
        ("Tue, 14 Jul 2026 03:34:20 PM", None),
        ("07/14/2026 03:34:20", None),
        ("14 14 Jul 2026 03:34:20 GMT", None),
        ("Tue, 14 Jul Aug 2026 03:34:20 GMT", None),
        ("Tue, 14 Jul 2026 03:34:20 04:00:00 GMT", None),
        ("Tue, 14 Jul 2026", None),
        ("Tue, 14 Jul 20260 03:34:20 GMT", None),
        ("Tue, 14 Jul 2026 03:34:20 +2:00", None),
        ("Tue, 7 Jul 2026 03:34:20 GMT", Some(secs(0))),
        // Lists: the longest, whatever else there is.
        ("30, 60", Some(secs(60))),
        ("60,soon,30", Some(secs(60))),
        ("30, Tue, 14 Jul 2026 03:34:20 GMT, 5", Some(secs(60))),
        (",", None),
        ("1m, 90s, 1.5", Some(secs(90))),
        ("-5, 10", Some(secs(10))),
        // Parameters, quotes and white space.
        ("20;w=60", Some(secs(20))),
        ("20;w=60, 30;w=3600", Some(secs(30))),
        ("\"20\"", Some(secs(20))),
        ("\t 20 \t", Some(secs(20))),
        ("\"\"", None),
        (";w=60", None),
        ("2 0", None),
        // No hint, and the most.
        ("", None),
        ("-1", None),
        ("+1", Some(secs(1))),
        ("++1", None),
        ("+-1", None),
        ("NaN", None),
        ("Infinity", None),
        ("null", None),
        ("0x10", None),
        ("1_000", None),
        ("\u{664}", None),
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

fn of(status: u16, lines: &[(&str, &str)]) -> Option<Failure> {
    let line = |&(name, value): &(&str, &str)| {
        (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap())
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
        // Docker Hub.
        (429, &[("x-retry-after", "1784000008")], RateLimit, Some(secs(8))),
        (429, &[("retry-after", "9"), ("x-retry-after", "1784000008")], RateLimit, Some(secs(9))),
        (429, &[("retry-after", "7"), ("x-retry-after", "1784000008")], RateLimit, Some(secs(8))),
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
        (
            429,
            &[("retry-after", "5"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")],
            RateLimit,
            Some(secs(5)),
        ),
        // GitHub's secondary limit.
        (403, &[("retry-after", "60"), ("x-ratelimit-remaining", "4999")], RateLimit, Some(secs(60))),
        (429, &[("retry-after", "60"), ("x-ratelimit-remaining", "4999")], RateLimit, Some(secs(60))),
        (403, &[("x-ratelimit-remaining", "0")], RateLimit, None),
        (413, &[("retry-after", "5")], Transient, Some(secs(5))),
        // A limit that is used up says nothing about a refusal for another reason.
        (401, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")], Client, Some(secs(9))),
        (409, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")], Client, Some(secs(9))),
        // Milliseconds with a fraction or a unit.
        (429, &[("retry-after-ms", "1500.5")], RateLimit, Some(Duration::from_micros(1_500_500))),
        (429, &[("retry-after-ms", "20s")], RateLimit, Some(secs(20))),
        (429, &[("x-ms-retry-after-ms", "9"), ("x-ms-retry-after-ms", "10")], RateLimit, Some(ms(10))),
        (503, &[("x-amz-retry-after", "250")], Server, Some(ms(250))),
        (404, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9")], NotFound, Some(secs(9))),
    ];
    for &(status, lines, class, hint) in rows {
        let failure = of(status, lines).unwrap();
        assert_eq!((failure.class, failure.hint), (class, hint), "{status} {lines:?}");
    }
    assert_eq!(of(201, &[("retry-after", "60"), ("x-ratelimit-remaining", "0")]), None);
}

/// The headers of services that show a limit in pairs.
#[test]
fn the_rate_limits_of_services() {
    const EMPTY: &str = "0";
    type Row<'a> = (&'a [(&'static str, &'a str)], Option<Duration>);
    let rows: &[Row<'_>] = &[
        // Docker Hub: with the window as a parameter.
        (&[("ratelimit-remaining", "0;w=21600"), ("ratelimit-reset", "90;w=21600")], Some(secs(90))),
        // Reddit: with a fraction.
        (&[("x-ratelimit-remaining", "0.0"), ("x-ratelimit-reset", "573")], Some(secs(573))),
        // Okta and X; Rocket.Chat: in milliseconds; Vimeo and Atlassian: as a date.
        (&[("x-rate-limit-remaining", EMPTY), ("x-rate-limit-reset", "1784000009")], Some(secs(9))),
        (&[("x-ratelimit-remaining", EMPTY), ("x-ratelimit-reset", "1784000009500")], Some(ms(9_500))),
        (
            &[("x-ratelimit-remaining", EMPTY), ("x-ratelimit-reset", "2026-07-14T03:33:29+00:00")],
            Some(secs(9)),
        ),
        // GitLab: a date beside the time.
        (
            &[("ratelimit-remaining", EMPTY), ("ratelimit-resettime", "Tue, 14 Jul 2026 03:33:29 GMT")],
            Some(secs(9)),
        ),
        // OpenAI and Anthropic: several limits.
        (
            &[
                ("x-ratelimit-remaining-requests", EMPTY),
                ("x-ratelimit-reset-requests", "20ms"),
                ("x-ratelimit-remaining-tokens", EMPTY),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ],
            Some(secs(360)),
        ),
        (
            &[
                ("anthropic-ratelimit-requests-remaining", "49"),
                ("anthropic-ratelimit-requests-reset", "2026-07-14T04:00:00Z"),
                ("anthropic-ratelimit-input-tokens-remaining", EMPTY),
                ("anthropic-ratelimit-input-tokens-reset", "2026-07-14T03:33:29Z"),
            ],
            Some(secs(9)),
        ),
        // Linear and Fastly: other places of the word.
        (&[("x-ratelimit-requests-remaining", EMPTY), ("x-ratelimit-requests-reset", "9")], Some(secs(9))),
        (&[("fastly-ratelimit-remaining", EMPTY), ("fastly-ratelimit-reset", "1784000009")], Some(secs(9))),
        // Symfony and Bucket4j.
        (&[("x-ratelimit-remaining", EMPTY), ("x-ratelimit-retry-after", "1784000009")], Some(secs(9))),
        (&[("x-rate-limit-retry-after-seconds", "9")], Some(secs(9))),
        (&[("x-rate-limit-reset-ms", "1500")], Some(ms(1_500))),
        (&[("x-rate-limit-retry-after-milliseconds", "1500")], Some(ms(1_500))),
        // Repeated headers and lists: the limit of which nothing remains.
        (&[("x-ratelimit-remaining", "5, 0"), ("x-ratelimit-reset", "3, 9")], Some(secs(9))),
        (
            &[
                ("x-ratelimit-remaining", "5"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", "9"),
                ("x-ratelimit-reset", "3"),
            ],
            Some(secs(9)),
        ),
        // A number below zero does not say what remains, so the status decides.
        (&[("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset", "9")], Some(secs(9))),
        (&[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "9")], None),
        // A time that has passed.
        (&[("x-ratelimit-remaining", EMPTY), ("x-ratelimit-reset", "1783999990")], Some(secs(0))),
        // A wait beside a time, and one that cannot be read.
        (&[("x-ratelimit-reset-after", "1.25"), ("x-ratelimit-reset", "1784000009")], Some(ms(1_250))),
        (&[("x-ratelimit-reset-after", "soon"), ("x-ratelimit-reset", "1784000009")], Some(secs(9))),
        // Names that only look similar.
        (&[("x-limit-remaining", EMPTY), ("x-limit-reset", "9")], None),
        (&[("x-ratelimit-limit", "60"), ("ratelimit-policy", "60;w=60")], None),
        (&[("x-password-reset", "9")], None),
    ];
    for &(lines, hint) in rows {
        let failure = of(429, lines).unwrap();
        assert_eq!((failure.class, failure.hint), (Class::RateLimit, hint), "{lines:?}");
    }
    // Without a refusal for the rate, what remains has to be said.
    assert_eq!(of(503, &[("x-rate-limit-reset-ms", "1500")]), Some(Class::Server.into()));
    assert_eq!(of(503, &[("x-ratelimit-remaining", "-1"), ("x-ratelimit-reset", "9")]).unwrap().hint, None);
}

#[test]
fn the_header_ratelimit_of_each_draft() {
    let rows: &[(&[&str], Option<u64>)] = &[
        // Draft 07: one limit.
        (&["limit=100, remaining=0, reset=5"], Some(5)),
        (&["limit=100,remaining=0,reset=5"], Some(5)),
        (&["reset=5, remaining=0"], Some(5)),
        (&["Limit=100, Remaining=0, Reset=5"], Some(5)),
        (&["limit=100, remaining=1, reset=5"], None),
        (&["limit=100", "remaining=0", "reset=5"], Some(5)),
        (&["limit=100, remaining=0"], None),
        (&["limit=100; remaining=0; reset=5"], Some(5)),
        // From draft 08 on: a list of limits.
        (&["\"default\";r=0;t=5"], Some(5)),
        (&["default;r=0;t=5"], Some(5)),
        (&["\"default\"; r=0; t=5"], Some(5)),
        (&["\"default\";t=5;r=0;pk=:QUJD=:"], Some(5)),
        (&["\"default\";r=50;t=30"], None),
        (&["\"default\";r=0"], None),
        (&["\"burst\";r=0;t=5, \"daily\";r=9;t=3600"], Some(5)),
        (&["\"burst\";r=9;t=5, \"daily\";r=0;t=3600"], Some(3_600)),
        (&["\"burst\";r=0;t=5, \"daily\";r=0;t=3600"], Some(3_600)),
        (&["\"burst\";r=0;t=5", "\"daily\";r=9;t=3600"], Some(5)),
        (&["\"a;r=7,b\";r=0;t=5"], Some(5)),
        (&["\"r=0;t=9,b\";r=7;t=5"], None),
        (&["\"a\";r=0;t=5, \"b=c\";r=9;t=60"], Some(5)),
        // What cannot be read.
        (&[""], None),
        (&[","], None),
        (&["\""], None),
        (&["remaining=0, reset=soon"], None),
        (&["\"default\";r=0;t=-5"], None),
        (&["\"default\";r=0;t=99999999999999999999999"], Some(u64::MAX)),
    ];
    for &(values, reset) in rows {
        let lines: Vec<_> = values.iter().map(|value| ("ratelimit", *value)).collect();
        for status in [403, 429, 503] {
            let failure = of(status, &lines).unwrap();
            assert_eq!(failure.hint, reset.map(secs), "{status} {values:?}");
        }
    }
    // A 429 that leaves out what remains is enough.
    assert_eq!(of(429, &[("ratelimit", "limit=100, reset=5")]).unwrap().hint, Some(secs(5)));
    assert_eq!(of(503, &[("ratelimit", "limit=100, reset=5")]).unwrap().hint, None);
    // A 403 is one for the rate only if nothing remains.
    let class = |value| of(403, &[("ratelimit", value)]).unwrap().class;
    assert_eq!(class("\"default\";r=0;t=5"), Class::RateLimit);
    assert_eq!(class("\"default\";r=1;t=5"), Class::Client);
}

#[test]
fn a_response_that_asks_not_to_be_asked_again() {
    let server = Failure::new(Class::Server);
    let rows: &[(&str, &str, Failure)] = &[
        ("x-should-retry", "false", server.not_retried()),
        ("stripe-should-retry", "False", server.not_retried()),
        ("x-should-retry", "true", server),
        ("x-should-retry", "", server),
        ("should-retry", "false", server),
    ];
    for &(name, value, failure) in rows {
        assert_eq!(of(503, &[(name, value)]), Some(failure), "{name}: {value}");
    }
    assert_eq!(of(200, &[("x-should-retry", "false")]), None);
}

#[test]
fn a_pushback_of_grpc() {
    const STATUS: (&str, &str) = ("grpc-status", "14");
    let server = Failure::new(Class::Server);
    let unreadable = server.not_retried().unreadable_hint();
    let rows = [
        ("0", server.retry_after(secs(0))),
        ("1000", server.retry_after(secs(1))),
        ("2147483647", server.retry_after(ms(2_147_483_647))),
        ("2147483648", unreadable),
        ("-1", server.not_retried()),
        ("-0", server.not_retried()),
        ("01", unreadable),
        ("+1", unreadable),
        ("soon", unreadable),
        ("-soon", unreadable),
        ("-", unreadable),
        ("", unreadable),
    ];
    for (value, failure) in rows {
        assert_eq!(of(200, &[STATUS, ("grpc-retry-pushback-ms", value)]), Some(failure), "{value:?}");
    }
    let twice = [STATUS, ("grpc-retry-pushback-ms", "1"), ("grpc-retry-pushback-ms", "1")];
    assert_eq!(of(200, &twice), Some(unreadable));
    assert_eq!(of(200, &[STATUS]), Some(server));
    // The status of gRPC decides before that of HTTP.
    let unauthorized = [("grpc-status", "16"), ("retry-after", "5")];
    assert_eq!(of(503, &unauthorized), Some(Class::Client.into()));
    assert_eq!(of(503, &[STATUS, ("grpc-retry-pushback-ms", "1000")]), Some(server.retry_after(secs(1))));
    assert_eq!(of(503, &[("grpc-status", "0")]), Some(server));
    assert_eq!(of(200, &[("grpc-status", "fourteen")]), Some(Class::Unknown.into()));
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
        assert_eq!(failure.unreadable_hint, unreadable, "{status} {lines:?}");

        let (clock, told) = (FakeClock::new(), std::cell::RefCell::new(Vec::new()));
        let retry = Retry::new(&Policy::DEFAULT, &clock)
            .classify_opaque(|failure: &Failure| *failure)
            .on_event(|event| told.borrow_mut().push(event.to_string()));
        let _ = retry.run_blocking(|| Err::<(), _>(failure));
        let heard = told.borrow().iter().any(|line| line.contains(", unreadable hint"));
        assert_eq!(heard, unreadable, "{:?}", told.borrow());
    }
}
