//! HTTP status codes, and the two forms of `Retry-After`.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::sample::select;
use retry_core::{
    Class, Failure, Policy, Retry,
    classify::{
        Messages, parse_delay_millis, parse_delay_seconds, parse_hint, parse_http_date, parse_reset_time,
        parse_retry_after,
    },
    testing::FakeClock,
};
use tests::secs;

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
    (420, Some(Class::RateLimit), ""),
    (421, Some(Class::Transient), ""),
    (422, Some(Class::Validation), "Unprocessable Content"),
    (423, Some(Class::Transient), ""),
    (425, Some(Class::Transient), "Too Early"),
    (429, Some(Class::RateLimit), "Too Many Requests"),
    (430, Some(Class::Client), ""),
    (449, Some(Class::Transient), ""),
    (451, Some(Class::Client), ""),
    (499, Some(Class::Network), ""),
    (500, Some(Class::Server), "Internal Server Error"),
    (501, Some(Class::Permanent), "Not Implemented"),
    (502, Some(Class::Server), "Bad Gateway"),
    (503, Some(Class::Server), "Service Unavailable"),
    (504, Some(Class::Timeout), "Gateway Timeout"),
    (505, Some(Class::Permanent), "HTTP Version Not Supported"),
    (506, Some(Class::Permanent), ""),
    (507, Some(Class::Permanent), ""),
    (508, Some(Class::Permanent), ""),
    (509, Some(Class::RateLimit), ""),
    (510, Some(Class::Permanent), ""),
    (511, Some(Class::Client), "Network Authentication Required"),
    (520, Some(Class::Server), ""),
    (529, Some(Class::Server), ""),
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
fn a_hint_counts_with_every_error_and_makes_a_status_retryable() {
    let hint = Some(secs(7));
    for &(status, class, _) in STATUSES {
        let without = Failure::of_http(status, None);
        assert_eq!(without, class.map(Failure::new), "{status}");
        let with = match class {
            Some(Class::Client) if status == 403 => Some(Class::RateLimit),
            Some(Class::Client) => Some(Class::Transient),
            class => class,
        };
        let with = with.map(|class| Failure::new(class).retry_after(secs(7)));
        assert_eq!(Failure::of_http(status, hint), with, "{status} with a hint");
    }
}

#[test]
fn the_next_attempt_waits_as_long_as_the_response_asks() {
    let clock = FakeClock::new();
    let mut responses = [(503, Some("7")), (403, Some("11")), (200, None)].into_iter();
    let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|class: &Class| *class).classify_ok(
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
fn a_date_must_exist_and_have_one_of_three_forms() {
    let rows: &[(&str, Option<i64>)] = &[
        ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("Sat, 01 Jan 0000 00:00:00 GMT", Some(-62_167_219_200)),
        // The wrong name of the day.
        ("Mon, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
        // A leap second exists only at the end of a day.
        ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800)),
        ("Sat, 31 Dec 2016 22:59:60 GMT", None),
        ("Sat, 31 Dec 2016 23:58:60 GMT", None),
        ("Sat, 31 Dec 2016 23:59:61 GMT", None),
        ("Sat, 31 Dec 2016 24:00:00 GMT", None),
        ("Sat, 31 Dec 2016 23:60:00 GMT", None),
        // A day that the month or the year does not have.
        ("Fri, 29 Feb 2104 00:00:00 GMT", Some(4_233_686_400)),
        ("Mon, 29 Feb 2100 00:00:00 GMT", None),
        ("Sun, 30 Feb 2104 00:00:00 GMT", None),
        ("Sun, 31 Apr 2104 00:00:00 GMT", None),
        ("Sun, 00 Jan 2104 00:00:00 GMT", None),
        ("Sun Nov  0 08:49:37 1994", None),
        // The day of one form with the rest of another.
        ("Sun, 06-Nov-94 08:49:37 GMT", None),
        ("Sunday, 06 Nov 1994 08:49:37 GMT", None),
        ("Sunday Nov  6 08:49:37 1994", None),
        ("Tueday, 08-Nov-94 08:49:37 GMT", None),
        ("Sunday, 06-Nov-1994 08:49:37 GMT", None),
        ("Sun Nov  6 08:49:37 1994 GMT", None),
        // Two ways to write a day in `asctime`. A shorter one is invalid.
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

/// Formats a date in each of the three forms, with another library.
fn forms(at: DateTime) -> [String; 3] {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .map(|form| at.strftime(form).to_string())
}

fn unix_secs(at: DateTime) -> i64 {
    at.to_zoned(TimeZone::UTC).expect("in range").timestamp().as_second()
}

/// Works up to the last second of 9999. A timestamp of that library ends a day earlier.
fn since_1970(secs: i64) -> DateTime {
    date(1970, 1, 1).at(0, 0, 0, 0).checked_add(SignedDuration::from_secs(secs)).expect("before 10000")
}

#[test]
fn every_day_of_four_centuries_in_three_forms() {
    let mut day = date(1970, 1, 1);
    let mut days = 0;
    while day.year() <= 2400 {
        let at = some_time_of(day, days);
        let expected = unix_secs(at);
        for form in forms(at) {
            // Within 50 years of now, a year of two digits means the year of the day.
            let now = expected.cast_unsigned();
            assert_eq!(parse_http_date(&form, now), Some(expected), "{form}");
        }
        // The reader of hints takes the same dates, in any case.
        let form = &forms(at)[days.cast_unsigned() as usize % 3];
        let (now, form) = (expected.cast_unsigned(), form.to_ascii_uppercase());
        let before = now.saturating_sub(7);
        assert_eq!(parse_hint(&form, before), Some(secs(now - before)), "{form}");
        day = day.tomorrow().expect("in range");
        days += 1;
    }
    assert_eq!(days, 157_420); // 431 years, 105 of them leap years, without 2100, 2200 and 2300
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
    // Even the latest time of a clock does not overflow.
    let last = parse_http_date("Friday, 31-Dec-99 23:59:59 GMT", u64::MAX);
    assert_eq!(last, Some(253_402_300_799));
    // The year 10036 is not valid, although it begins less than 50 years from now.
    let late_in_9986 = 252_987_321_600;
    let years_ago = parse_http_date("Sunday, 01-Jan-36 08:49:37 GMT", late_in_9986).map(since_1970);
    assert_eq!(years_ago.map(|it| it.year()), Some(9936));
}

fn some_time_of(day: Date, number: i32) -> DateTime {
    let second = number * 7_919 % 86_400;
    let part = |part: i32| i8::try_from(part % 60).expect("below 60");
    day.at(part(second / 3_600), part(second / 60), part(second), 0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    /// A text with one wrong character is another date, or none.
    #[test]
    fn a_date_with_a_wrong_character_is_another_date_or_none(
        at in 0_i64..253_402_300_800,
        form in 0_usize..3,
        place in any::<prop::sample::Index>(),
        letter in select(b" ,-:0123456789ADFGJMNOSTWabcdefghilmnoprstuvy".to_vec()),
    ) {
        let text = forms(since_1970(at))[form].clone();
        let mut bytes = text.into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = letter;
        let text = String::from_utf8(bytes).unwrap();
        let Some(parsed) = parse_http_date(&text, at.cast_unsigned()) else { return Ok(()) };
        // The exceptions: the name of the day, the second way to write a day in `asctime`, and the leap second.
        let without_name = |text: &str| text.split_once(' ').map(|(_, date)| date.replace("  ", " 0"));
        if !text.contains(" 23:59:60 ") {
            prop_assert_eq!(without_name(&forms(since_1970(parsed))[form]), without_name(&text));
        }
    }

    #[test]
    fn a_number_is_read_or_saturates(
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
}
