//! What services send with 429, 503 and 403, through the classifiers for http, reqwest and tonic. The responses of hyper
//! are those of http.

use std::cell::Cell;
use std::time::Duration;

use http::header::DATE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use retry_core::{Class, Failure, GiveUp, Policy, Verdict, testing::FakeClock};
use serde_json::Value;

use crate::json::{Ms, Replayed, fail, replay};
use crate::machine::{LONGEST, call_after, fail_once};
use crate::outcome::Outcome;

pub(crate) fn cases(_: &Value, case: &Value) -> Outcome {
    replay(case, |case| {
        let (given, expect) = (case.fields("given")?, case.fields("expect")?);
        let now: u64 = given.get("now_unix_s")?;
        let Ok(status) = StatusCode::from_u16(given.get::<u32>("status")?.try_into().unwrap_or(0)) else {
            return fail("given.status: not a status");
        };
        let headers = headers(given.get("headers")?)?;
        let clock_reads = Cell::new(0);
        let failure = Failure::of_http_response(status, &headers, || {
            clock_reads.set(clock_reads.get() + 1);
            now
        });
        let mut outcome = Outcome::check(clock_reads.get() <= 1, || "the clock was read twice".into());
        outcome = outcome.and(same_by_adapters(status, &headers, now)?);

        if expect.has("wait_ms") {
            let theirs = expect.find::<Ms>("wait_ms")?.map(|Ms(wait)| wait.as_millis());
            let ours = failure.and_then(|failure| failure.hint).map(whole_millis);
            outcome = outcome.and(Outcome::same("wait in ms", ours, theirs));
        }
        if let Some(theirs) = expect.find::<bool>("retry")? {
            outcome = outcome.and(match failure {
                None => Outcome::Fail("the response is no failure".into()),
                Some(failure) => Outcome::same("retries", retries(failure)?, theirs),
            });
        }
        if let Some(theirs) = expect.find::<&str>("class")? {
            let named = |class: &Class| format!("{class:?}").eq_ignore_ascii_case(&theirs.replace('_', ""));
            let Some(class) = Class::ALL.iter().find(|class| named(class)) else {
                return fail(format!("unknown class: {theirs}"));
            };
            outcome = outcome.and(Outcome::same("class", failure.map(|failure| failure.class), Some(*class)));
        }
        Ok(outcome)
    })
}

fn headers(lines: &[Value]) -> Replayed<HeaderMap> {
    let line = |line: &Value| {
        let [name, value] = line.as_array()?.as_slice() else { return None };
        let name = HeaderName::from_bytes(name.as_str()?.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    };
    let mut headers = HeaderMap::new();
    for each in lines {
        let Some((name, value)) = line(each) else {
            return fail(format!("given.headers: {each}: not a name and a value"));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

/// The adapters read the system's clock, so the response gets a `Date` that says the time of the case.
fn same_by_adapters(status: StatusCode, headers: &HeaderMap, now: u64) -> Replayed<Outcome> {
    let mut headers = headers.clone();
    let has_date = headers.get(DATE).is_some_and(|date| {
        date.to_str().is_ok_and(|date| retry_core::classify::parse_http_date(date, now).is_some())
    });
    if !has_date {
        headers.insert(DATE, date(now)?);
    }
    let response = || {
        let mut response = Response::new(String::new());
        *response.status_mut() = status;
        *response.headers_mut() = headers.clone();
        response
    };
    // Two failures are equal if all decisions about them are, and if both hints could be read, or neither.
    let ours = Failure::of_http_response(status, &headers, || now);
    let by_http = retry_tokio::http_response(&response());
    let by_reqwest = retry_tokio::reqwest_response(&reqwest::Response::from(response()));
    let mut outcome =
        Outcome::same("by http", by_http, ours).and(Outcome::same("by reqwest", by_reqwest, ours));
    if let Some(status) = tonic::Status::from_header_map(&headers)
        && status.code() != tonic::Code::Ok
    {
        let by_tonic = Some(retry_tokio::tonic_status(&status));
        outcome = outcome.and(Outcome::same("by tonic", by_tonic, ours));
    }
    Ok(outcome)
}

fn date(unix_secs: u64) -> Replayed<HeaderValue> {
    let time = i64::try_from(unix_secs).ok().and_then(|secs| Timestamp::from_second(secs).ok());
    let text = time.and_then(|time| DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok());
    match text.and_then(|text| HeaderValue::from_str(&text).ok()) {
        Some(date) => Ok(date),
        None => fail("given.now_unix_s: not a date of HTTP"),
    }
}

fn whole_millis(wait: Duration) -> u128 {
    wait.as_nanos().div_ceil(1_000_000)
}

/// Whether a policy for gRPC retries it.
fn retries(failure: Failure) -> Replayed<bool> {
    const POLICY: Policy = Policy::DEFAULT.max_hint(LONGEST);
    Ok(match fail_once(&mut call_after(&POLICY, 0)?, failure, &FakeClock::new(), 0)? {
        Verdict::Retry(_) => true,
        Verdict::GiveUp(GiveUp::Class) => false,
        end => return fail(format!("{end}")),
    })
}
