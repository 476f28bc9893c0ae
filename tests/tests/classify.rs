//! From an error to its class: by HTTP status, by `io::ErrorKind`, by text; and when a server wants to be asked again.

use std::fmt;
use std::io::{self, ErrorKind};
use std::time::Duration;

use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;
use retry_core::{
    Class, Classify, Error, Failure, FakeClock, Messages, Policy, Rejected, Retry, parse_delay_millis,
    parse_delay_seconds, parse_http_date, parse_reset_time, parse_retry_after,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Sun, 06 Nov 1994 08:49:37 GMT
const NOW: u64 = 784_111_777;

const STATUSES: &[(u16, Option<Class>, &str)] = &[
    (0, Some(Class::Server), ""),
    (99, Some(Class::Server), ""),
    (100, None, ""),
    (200, None, ""),
    (202, None, ""),
    (301, None, ""),
    (399, None, ""),
    (400, Some(Class::Validation), "Bad Request"),
    (401, Some(Class::Client), "Unauthorized"),
    (402, Some(Class::Client), ""),
    (403, Some(Class::Client), "Forbidden"),
    (404, Some(Class::NotFound), "Not Found"),
    (408, Some(Class::Timeout), "Request Timeout"),
    (409, Some(Class::Client), ""),
    (410, Some(Class::NotFound), ""),
    (413, Some(Class::Client), ""),
    (422, Some(Class::Validation), "Unprocessable Content"),
    (425, Some(Class::Transient), "Too Early"),
    (429, Some(Class::RateLimit), "Too Many Requests"),
    (499, Some(Class::Client), ""),
    (500, Some(Class::Server), "Internal Server Error"),
    (501, Some(Class::Permanent), "Not Implemented"),
    (502, Some(Class::Server), "Bad Gateway"),
    (503, Some(Class::Server), "Service Unavailable"),
    (504, Some(Class::Timeout), "Gateway Timeout"),
    (505, Some(Class::Permanent), "HTTP Version Not Supported"),
    (506, Some(Class::Permanent), ""),
    (507, Some(Class::Permanent), ""),
    (508, Some(Class::Permanent), ""),
    (509, Some(Class::Server), ""),
    (510, Some(Class::Permanent), ""),
    (511, Some(Class::Client), "Network Authentication Required"),
    (520, Some(Class::Server), ""),
    (599, Some(Class::Server), ""),
    (600, Some(Class::Server), ""),
    (u16::MAX, Some(Class::Server), ""),
];

#[test]
fn the_class_of_a_status_and_of_its_reason_phrase() {
    for &(status, class, phrase) in STATUSES {
        assert_eq!(Class::of_http_status(status), class, "{status}");
        if !phrase.is_empty() {
            let text = format!("HTTP/1.1 {status} {phrase}");
            assert_eq!(Some(Messages::DEFAULT.classify(&text)), class, "{text}");
        }
    }
}

#[test]
fn a_hint_counts_with_every_error_and_makes_a_refusal_temporary() {
    let hint = Some(secs(7));
    for &(status, class, _) in STATUSES {
        let without = Failure::of_http(status, None);
        assert_eq!(without, class.map(Failure::new), "{status}");
        let with = match class {
            Some(Class::Client) => Some(Class::Transient),
            class => class,
        };
        let with = with.map(|class| Failure::new(class).retry_after(secs(7)));
        assert_eq!(Failure::of_http(status, hint), with, "{status} with a hint");
    }
}

#[test]
fn a_response_that_asks_for_time_gets_it() {
    let clock = FakeClock::new();
    let mut responses = [(503, Some("7")), (403, Some("11")), (200, None)].into_iter();
    let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|class: &Class| *class).unacceptable(
        |(status, retry_after): &(u16, Option<&str>)| {
            Failure::of_http(*status, retry_after.and_then(|value| parse_retry_after(value, NOW)))
        },
    );
    let response = retry.run_blocking(|| responses.next().ok_or(Class::Permanent)).unwrap();
    assert_eq!(response.0, 200);
    assert_eq!(clock.now().as_millis(), 18_000);
}

#[test]
fn a_retry_after_is_a_number_or_a_date() {
    let rows: &[(&str, Option<Duration>)] = &[
        ("0", Some(secs(0))),
        ("120", Some(secs(120))),
        (" 120", Some(secs(120))),
        ("120\t ", Some(secs(120))),
        ("18446744073709551615", Some(secs(u64::MAX))),
        ("18446744073709551616", Some(secs(u64::MAX))),
        ("99999999999999999999999999999999999999999999", Some(secs(u64::MAX))),
        ("Sun, 06 Nov 1994 08:49:36 GMT", Some(secs(0))),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(secs(0))),
        ("Sun, 06 Nov 1994 08:49:38 GMT", Some(secs(1))),
        ("\tSun, 06 Nov 1994 08:49:38 GMT ", Some(secs(1))),
        ("Sunday, 06-Nov-94 08:49:38 GMT", Some(secs(1))),
        ("Sun Nov  6 08:49:38 1994", Some(secs(1))),
        ("Mon, 01 Jan 0001 00:00:00 GMT", Some(secs(0))),
        ("Fri, 31 Dec 9999 23:59:59 GMT", Some(secs(253_402_300_799 - NOW))),
        ("", None),
        (" ", None),
        ("1 2", None),
        ("120, 130", None),
        ("120;", None),
        ("\n120", None),
        ("\u{661}", None),
        ("soon", None),
    ];
    for &(value, expected) in rows {
        assert_eq!(parse_retry_after(value, NOW), expected, "{value:?}");
    }
    assert_eq!(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", u64::MAX), Some(secs(0)));
    assert_eq!(parse_delay_millis("18446744073709551616"), Some(Duration::from_millis(u64::MAX)));
    assert_eq!(parse_reset_time("18446744073709551616", 1), Some(secs(u64::MAX - 1)));
}

#[test]
fn a_date_exists_and_is_written_in_one_of_three_ways() {
    let rows: &[(&str, Option<i64>)] = &[
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Sat, 01 Jan 0000 00:00:00 GMT", Some(-62_167_219_200)),
        // The name of another day.
        ("Mon, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        // The leap second, which is none at any other time of day.
        ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800)),
        ("Sat, 31 Dec 2016 22:59:60 GMT", None),
        ("Sat, 31 Dec 2016 23:58:60 GMT", None),
        ("Sat, 31 Dec 2016 23:59:61 GMT", None),
        ("Sat, 31 Dec 2016 24:00:00 GMT", None),
        ("Sat, 31 Dec 2016 23:60:00 GMT", None),
        // One day too many, of a month or a year.
        ("Fri, 29 Feb 2104 00:00:00 GMT", Some(4_233_686_400)),
        ("Mon, 29 Feb 2100 00:00:00 GMT", None),
        ("Sun, 30 Feb 2104 00:00:00 GMT", None),
        ("Sun, 31 Apr 2104 00:00:00 GMT", None),
        ("Sun, 00 Jan 2104 00:00:00 GMT", None),
        ("Sun Nov  0 08:49:37 1994", None),
        // One form's day with another's rest.
        ("Sun, 06-Nov-94 08:49:37 GMT", None),
        ("Sunday, 06 Nov 1994 08:49:37 GMT", None),
        ("Sunday Nov  6 08:49:37 1994", None),
        ("Tueday, 08-Nov-94 08:49:37 GMT", None),
        ("Sunday, 06-Nov-1994 08:49:37 GMT", None),
        ("Sun Nov  6 08:49:37 1994 GMT", None),
        // Two ways to write one day in `asctime`, none of them shorter.
        ("Sun Nov 06 08:49:37 1994", Some(784_111_777)),
        ("Sun Nov 6 08:49:37 1994", None),
        (" Sun, 06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT ", None),
        ("Sun, 06 Nov 1994 08:49:37.5 GMT", None),
        ("Sun, 06 NOV 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 +8:49:37 GMT", None),
        ("Sun", None),
        ("", None),
    ];
    for &(value, expected) in rows {
        assert_eq!(parse_http_date(value, 0), expected, "{value:?}");
    }
}

/// A date in each of the three forms, by another library.
fn forms(at: DateTime) -> [String; 3] {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .map(|form| at.strftime(form).to_string())
}

fn unix_secs(at: DateTime) -> i64 {
    at.to_zoned(TimeZone::UTC).expect("in range").timestamp().as_second()
}

#[test]
fn every_day_of_four_centuries_in_three_forms() {
    let mut day = date(1970, 1, 1);
    let mut days = 0;
    while day.year() <= 2400 {
        let at = some_time_of(day, days);
        let expected = unix_secs(at);
        for form in forms(at) {
            // Within 50 years of now, a year of two digits is the year of the day.
            let now = expected.cast_unsigned();
            assert_eq!(parse_http_date(&form, now), Some(expected), "{form}");
        }
        day = day.tomorrow().expect("in range");
        days += 1;
    }
    assert_eq!(days, 157_420); // 431 years, 105 of them leap years but for 2100, 2200 and 2300
}

#[test]
fn two_digits_of_a_year_reach_to_50_years_from_now() {
    let mut day = date(2020, 1, 2);
    let mut days = 0;
    while day.year() <= 2425 {
        let at = some_time_of(day, days);
        let [_, form, _] = forms(at);
        let years_before = |years: i16| at.with().year(at.year() - years).build().ok().map(unix_secs);
        if let (Some(edge), earlier) = (years_before(50), years_before(100)) {
            let edge = edge.cast_unsigned();
            assert_eq!(parse_http_date(&form, edge), Some(unix_secs(at)), "{form}, 50 years on");
            assert_eq!(parse_http_date(&form, edge - 1), earlier, "{form}, a second more");
        }
        day = day.tomorrow().expect("in range");
        days += 1;
    }
    // No clock is so far on that it would overflow.
    let last = parse_http_date("Friday, 31-Dec-99 23:59:59 GMT", u64::MAX);
    assert_eq!(last, Some(253_402_300_799));
}

fn some_time_of(day: Date, number: i32) -> DateTime {
    let second = number * 7_919 % 86_400;
    let part = |part: i32| i8::try_from(part % 60).expect("below 60");
    day.at(part(second / 3_600), part(second / 60), part(second), 0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn no_text_is_too_strange(text in any::<String>(), now in any::<u64>()) {
        prop_assert_eq!(Messages::new(&[]).classify(&text), Class::Unknown);
        Messages::DEFAULT.classify(&text);
        parse_retry_after(&text, now);
        parse_http_date(&text, now);
    }

    /// Whatever is taken for a date is one, to the letter.
    #[test]
    fn a_date_with_a_wrong_letter_is_another_date_or_none(
        at in 0_i64..253_402_300_800,
        form in 0_usize..3,
        place in any::<prop::sample::Index>(),
        letter in select(b" ,-:0123456789ADFGJMNOSTWabcdefghilmnoprstuvy".to_vec()),
    ) {
        let timestamp = jiff::Timestamp::from_second(at).unwrap();
        let text = forms(timestamp.to_zoned(TimeZone::UTC).datetime())[form].clone();
        let mut bytes = text.into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = letter;
        let text = String::from_utf8(bytes).unwrap();
        let Some(parsed) = parse_http_date(&text, at.cast_unsigned()) else { return Ok(()) };
        let parsed = jiff::Timestamp::from_second(parsed).unwrap().to_zoned(TimeZone::UTC).datetime();
        // But for the name of the day, the second way to write a day in `asctime`, and the leap second.
        let without_name = |text: &str| text.split_once(' ').map(|(_, date)| date.replace("  ", " 0"));
        if !text.contains(" 23:59:60 ") {
            prop_assert_eq!(without_name(&forms(parsed)[form]), without_name(&text));
        }
    }

    #[test]
    fn a_number_is_its_digits_or_the_most(
        digits in "[0-9]{1,40}",
        before in "[ \t]{0,2}",
        after in "[ \t]{0,2}",
        other in "[^0-9 \t]",
        place in any::<prop::sample::Index>(),
    ) {
        let text = format!("{before}{digits}{after}");
        let number = digits.parse::<u128>().unwrap_or(u128::MAX);
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        prop_assert_eq!(parse_delay_seconds(&text), Some(secs(number)));
        prop_assert_eq!(parse_delay_millis(&text), Some(Duration::from_millis(number)));
        prop_assert_eq!(parse_retry_after(&text, NOW), Some(secs(number)));
        let mut spoilt = digits.clone();
        spoilt.insert_str(place.index(digits.len() + 1), &other);
        prop_assert_eq!(parse_retry_after(&spoilt, NOW), None);
        prop_assert_eq!(parse_reset_time(&spoilt, NOW), None);
    }

    /// The rules for phrases, on a whole text at once.
    #[test]
    fn phrases_are_found_as_by_a_search_in_the_whole_text(
        words in prop::collection::vec(select(&["a", "b", "ab", "a1", "abc", "c"][..]), 0..12),
        separators in prop::collection::vec(select(&[" ", "-", "_ ", ": \u{2019}", "\n", ""][..]), 13),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        shout in any::<bool>(),
    ) {
        const TABLE: &[(&str, Class)] = &[
            ("abc-A", Class::Timeout),
            ("b  ab", Class::Network),
            ("ab", Class::Server),
            ("a1 a1", Class::Client),
            ("B", Class::NotFound),
        ];
        let mut text = separators[12].to_owned();
        for (word, separator) in words.iter().zip(&separators) {
            text.extend([*word, *separator]);
        }
        let spaced = |text: &str| {
            let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
            let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
            format!(" {} ", words.join(" ").to_ascii_lowercase())
        };
        let expected = TABLE.iter().find(|(phrase, _)| spaced(&text).contains(&spaced(phrase)));
        let expected = expected.map_or(Class::Unknown, |(_, class)| *class);
        if shout {
            text.make_ascii_uppercase();
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let pieces = Pieces { text: &text, cuts: &cuts };
        prop_assert_eq!(Messages::new(TABLE).classify(&pieces), expected, "{:?}", text);
    }
}

/// A text that is written in pieces.
struct Pieces<'a> {
    text: &'a str,
    cuts: &'a [usize],
}

impl fmt::Display for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut from = 0;
        for &cut in self.cuts {
            if self.text.is_char_boundary(cut) {
                f.write_str(&self.text[from..cut])?;
                from = cut;
            }
        }
        f.write_str(&self.text[from..])
    }
}

/// The kind, its class, and the class of its text where that is another.
const KINDS: &[(ErrorKind, Class, Option<Class>)] = &[
    (ErrorKind::ConnectionRefused, Class::Network, None),
    (ErrorKind::ConnectionReset, Class::Network, None),
    (ErrorKind::ConnectionAborted, Class::Network, None),
    (ErrorKind::NotConnected, Class::Network, None),
    (ErrorKind::BrokenPipe, Class::Network, None),
    (ErrorKind::HostUnreachable, Class::Network, None),
    (ErrorKind::NetworkUnreachable, Class::Network, None),
    (ErrorKind::NetworkDown, Class::Network, None),
    (ErrorKind::AddrNotAvailable, Class::Network, None),
    (ErrorKind::UnexpectedEof, Class::Network, None),
    (ErrorKind::TimedOut, Class::Timeout, None),
    (ErrorKind::Interrupted, Class::Transient, None),
    (ErrorKind::WouldBlock, Class::Transient, None),
    (ErrorKind::ResourceBusy, Class::Transient, None),
    (ErrorKind::ExecutableFileBusy, Class::Transient, None),
    (ErrorKind::AddrInUse, Class::Transient, None),
    (ErrorKind::Deadlock, Class::Transient, None),
    (ErrorKind::StaleNetworkFileHandle, Class::Transient, None),
    (ErrorKind::OutOfMemory, Class::Transient, None),
    (ErrorKind::NotFound, Class::NotFound, None),
    (ErrorKind::PermissionDenied, Class::Client, None),
    (ErrorKind::AlreadyExists, Class::Client, None),
    (ErrorKind::NotADirectory, Class::Client, None),
    (ErrorKind::IsADirectory, Class::Client, None),
    (ErrorKind::DirectoryNotEmpty, Class::Client, None),
    (ErrorKind::InvalidInput, Class::Validation, None),
    (ErrorKind::InvalidFilename, Class::Validation, None),
    (ErrorKind::ArgumentListTooLong, Class::Validation, None),
    (ErrorKind::InvalidData, Class::Serialization, Some(Class::Validation)),
    (ErrorKind::Unsupported, Class::Permanent, None),
    (ErrorKind::StorageFull, Class::Permanent, None),
    // A service says the same of its rates.
    (ErrorKind::QuotaExceeded, Class::Permanent, Some(Class::RateLimit)),
    (ErrorKind::ReadOnlyFilesystem, Class::Permanent, None),
    (ErrorKind::FileTooLarge, Class::Permanent, None),
    (ErrorKind::NotSeekable, Class::Permanent, None),
    (ErrorKind::CrossesDevices, Class::Permanent, None),
    (ErrorKind::TooManyLinks, Class::Permanent, None),
    (ErrorKind::WriteZero, Class::Permanent, None),
    (ErrorKind::Other, Class::Unknown, None),
];

#[test]
fn the_class_of_an_io_error_and_of_its_text() {
    for &(kind, class, of_text) in KINDS {
        let error = io::Error::from(kind);
        assert_eq!(error.classify(), class.into(), "{kind:?}");
        assert_eq!(Messages::DEFAULT.classify(&error), of_text.unwrap_or(class), "{error}");
    }
}

#[test]
fn an_io_error_around_another() {
    let refused = || io::Error::from(ErrorKind::ConnectionRefused);
    let clock = FakeClock::new();
    let ours = || -> Error<io::Error> {
        let retry = Retry::new(&Policy::DEFAULT, &clock);
        retry.run_blocking(|| Err::<(), _>(refused())).unwrap_err()
    };
    let rejected = Rejected { wait: secs(1), phase: retry_core::Phase::Open };
    let rows: Vec<(io::Error, Class)> = vec![
        (io::Error::other("text"), Class::Unknown),
        (io::Error::other(refused()), Class::Network),
        (io::Error::other(io::Error::other(refused())), Class::Network),
        // Who gave it a kind knew better.
        (io::Error::new(ErrorKind::TimedOut, refused()), Class::Timeout),
        (io::Error::other(ours()), Class::Exhausted),
        (io::Error::new(ErrorKind::ConnectionReset, ours()), Class::Exhausted),
        (io::Error::new(ErrorKind::TimedOut, io::Error::other(ours())), Class::Exhausted),
        (io::Error::other(rejected), Class::CircuitOpen),
    ];
    for (error, class) in rows {
        assert_eq!(error.classify(), class.into(), "{error:?}");
    }

    let mut attempts = 0;
    let outer = Retry::new(&Policy::DEFAULT, &clock);
    let error = outer.run_blocking(|| {
        attempts += 1;
        Err::<(), _>(io::Error::other(ours()))
    });
    assert_eq!(attempts, 1, "{error:?}");
}

#[test]
fn the_class_of_a_text() {
    let rows: &[(&str, Class)] = &[
        ("operation timed out", Class::Timeout),
        ("Request Time-out", Class::Timeout),
        ("status: DEADLINE_EXCEEDED", Class::Timeout),
        ("deadline has elapsed", Class::Timeout),
        ("canceling statement due to statement timeout", Class::Timeout),
        ("failed to connect to 10.0.0.1: Connection timed out (os error 110)", Class::Timeout),
        ("failed to connect to 10.0.0.1: Connection refused (os error 111)", Class::Network),
        ("No such host is known. (os error 11001)", Class::Network),
        ("failed to lookup address information: Name or service not known", Class::Network),
        ("Temporary failure in name resolution", Class::Network),
        ("MySQL server has gone away", Class::Network),
        ("Resource temporarily unavailable (os error 11)", Class::Transient),
        ("ERROR 1205: Lock wait timeout exceeded; try restarting transaction", Class::Transient),
        ("Deadlock found when trying to get lock", Class::Transient),
        ("could not serialize access due to concurrent update", Class::Transient),
        ("ThrottlingException: Rate exceeded", Class::RateLimit),
        ("TooManyRequestsException", Class::RateLimit),
        ("Rate limit reached, please try again in 20s", Class::RateLimit),
        ("SlowDown", Class::RateLimit),
        ("readTimeout, socketTimeout", Class::Timeout),
        ("socketTimeout", Class::Timeout),
        ("Disk quota exceeded (os error 122)", Class::Permanent),
        ("invalid peer certificate: Expired", Class::Permanent),
        ("AccessDenied", Class::Client),
        ("NoSuchKey: the specified key is not there", Class::NotFound),
        ("expected `,` while parsing a list", Class::Serialization),
        ("invalid utf-8 sequence of 1 bytes from index 3", Class::Serialization),
        ("upstream \u{201c}timeout\u{201d}", Class::Timeout),
        // Nested: an error of ours that only its text is left of.
        ("gave up after attempt 3 of 3, 300 ms (Timeout): no attempts left", Class::Exhausted),
        ("rejected before the first attempt: the circuit is open for another 30.0 s", Class::CircuitOpen),
        // What only looks like it.
        ("no timeout configured", Class::Unknown),
        ("invalid timeout: -1", Class::Validation),
        ("timeouted", Class::Unknown),
        ("xtimeout", Class::Unknown),
        ("timeout1", Class::Unknown),
        ("internal error: entered unreachable code", Class::Unknown),
        ("invalidated", Class::Unknown),
        ("the pathfinder is not foundry", Class::Unknown),
        ("", Class::Unknown),
        ("\u{1f980}", Class::Unknown),
    ];
    for &(text, class) in rows {
        assert_eq!(Messages::DEFAULT.classify(text), class, "{text}");
    }
}

#[test]
fn the_longest_phrase_is_found_at_the_end_of_a_long_text() {
    const PHRASE: &str = "phrase of as many bytes as the classifier will take, which is 63";
    const { assert!(PHRASE.len() == Messages::LONGEST_PHRASE + 1) };
    const LONGEST: &str = PHRASE.split_at(Messages::LONGEST_PHRASE).0;
    const MESSAGES: Messages = Messages::new(&[(LONGEST, Class::Server)]);
    for before in [0, 1, 62, 63, 64, 65, 10_000] {
        let text = format!("{} {LONGEST}", "x".repeat(before));
        assert_eq!(MESSAGES.classify(&text), Class::Server, "{before} bytes before");
        let text = format!("{}y{LONGEST}", "x".repeat(before));
        assert_eq!(MESSAGES.classify(&text), Class::Unknown, "{before} letters before");
    }
}

#[test]
fn the_first_phrase_of_the_table_decides_wherever_it_stands() {
    const OWN: Messages = Messages::new(&[("gamma", Class::Permanent), ("timeout", Class::Unknown)]);
    const BOTH: Messages = OWN.or_default();
    let rows: &[(&str, Class, Class)] = &[
        ("timeout, gamma", Class::Permanent, Class::Permanent),
        ("gamma, timeout", Class::Permanent, Class::Permanent),
        ("broken pipe, gamma", Class::Permanent, Class::Permanent),
        ("broken pipe after timeout", Class::Unknown, Class::Unknown),
        ("broken pipe", Class::Unknown, Class::Network),
    ];
    for &(text, own, both) in rows {
        assert_eq!(OWN.classify(text), own, "{text}");
        assert_eq!(BOTH.classify(text), both, "{text}, or by default");
    }
}

#[test]
fn an_error_that_fails_to_show_itself_is_known_by_what_it_showed() {
    struct Broken;
    impl fmt::Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("broken pipe")?;
            Err(fmt::Error)
        }
    }
    assert_eq!(Messages::DEFAULT.classify(&Broken), Class::Network);
}

#[test]
fn a_table_that_would_match_anything_or_nothing() {
    const EDGE: &str = "must begin and end with an ASCII letter or digit";
    let rows: &[(&'static [(&'static str, Class)], String)] = &[
        (&[("", Class::Server)], format!("phrase = 1: {EDGE}")),
        (&[("a", Class::Server), (" b", Class::Server)], format!("phrase = 2: {EDGE}")),
        (&[("a", Class::Server), ("b:", Class::Server)], format!("phrase = 2: {EDGE}")),
        (&[("d\u{e9}pass\u{e9}", Class::Server)], format!("phrase = 1: {EDGE}")),
        (
            &[("0123456789012345678901234567890123456789012345678901234567890123", Class::Server)],
            "phrase = 1: must have at most 63, the longest, in bytes".into(),
        ),
    ];
    for (table, line) in rows {
        let error = Messages::try_new(table).expect_err(line);
        assert_eq!((error.field(), error.to_string()), ("phrase", line.clone()));
    }
    assert!(Messages::try_new(&[("x", Class::Server), ("d\u{e9}j\u{e0} vu", Class::Server)]).is_ok());
}
