//! When the next attempt begins: every form in which servers say it.

use core::time::Duration;
use std::time::SystemTime;

use harness::claims::Claims;
use tokio::task::JoinSet;

use super::{client, get};
use crate::Result;
use crate::server::{Answer, Shop};

/// Without a hint, the backoff is at most 100 ms, after a 429.
pub async fn hints(claims: &mut Claims) -> Result<()> {
    let shop = Shop::default();
    let host = shop.start().await?;
    let in_2_s = wall_clock() + Duration::from_secs(2);
    let unix = in_2_s.duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let owned = |text: &str| text.to_owned();
    let [http_date, rfc850, asctime] = dates(in_2_s)?;
    // status, headers, the shortest wait in milliseconds, or 0 until a date
    let rows = [
        (503, vec![("retry-after", owned("1"))], 1_000),
        (429, vec![("retry-after", owned("1.5"))], 1_500),
        (429, vec![("retry-after", owned("0m1s"))], 1_000),
        (503, vec![("retry-after", owned("PT2S"))], 2_000),
        (503, vec![("retry-after", owned("1, 2"))], 2_000),
        (403, vec![("retry-after", owned("1"))], 1_000),
        (503, vec![("retry-after", http_date)], 0),
        (503, vec![("retry-after", rfc850)], 0),
        (503, vec![("retry-after", asctime)], 0),
        (429, vec![("retry-after", unix.to_string())], 0),
        (429, vec![("retry-after-ms", owned("300"))], 300),
        (429, vec![("retry-after-ms", owned("300")), ("retry-after", owned("9"))], 300),
        (503, vec![("x-ms-retry-after-ms", owned("300"))], 300),
        (503, vec![("x-amz-retry-after", owned("300"))], 300),
        (429, vec![("x-ratelimit-remaining", owned("0")), ("x-ratelimit-reset", owned("1"))], 1_000),
        (429, vec![("x-ratelimit-remaining", owned("0")), ("x-ratelimit-reset-after", owned("1.2"))], 1_200),
        (403, vec![("x-ratelimit-remaining", owned("0")), ("x-ratelimit-reset", unix.to_string())], 0),
        (429, vec![("ratelimit-remaining", owned("0")), ("ratelimit-reset", owned("1"))], 1_000),
        (429, vec![("ratelimit", owned("\"default\";r=0;t=1"))], 1_000),
        (429, vec![("x-ratelimit-reset-requests", owned("600ms"))], 600),
    ];
    let mut calls = JoinSet::new();
    for (row, (status, headers, _)) in rows.iter().enumerate() {
        let path = format!("/{row}");
        shop.set(&path, vec![Answer::Fail(*status, headers.clone()), Answer::Ok]);
        let (http, request) = (client()?, get(host, &path)?);
        calls.spawn(
            async move { http.send(request).await.is_ok_and(|response| response.status().is_success()) },
        );
    }
    let succeeded = calls.join_all().await.into_iter().filter(|succeeded| *succeeded).count();
    claims.check(
        succeeded == rows.len(),
        format_args!("{succeeded} of {} calls succeeded after a wait", rows.len()),
    );
    for (row, (status, headers, wait)) in rows.iter().enumerate() {
        let seen = shop.seen(&format!("/{row}"));
        let [first, second] = &seen[..] else {
            claims.check(false, format_args!("{status} {headers:?}: {} requests instead of 2", seen.len()));
            continue;
        };
        let waited = second.at - first.at;
        let in_time = *wait > 0 || second.wall_clock >= whole_seconds(in_2_s);
        let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        claims.check(
            waited >= Duration::from_millis(*wait) && in_time,
            format_args!("{:>5} ms after {status}, {}", waited.as_millis(), headers.join(", ")),
        );
    }

    for (path, headers) in [
        ("/never", vec![("x-should-retry", owned("false"))]),
        ("/stripe-never", vec![("stripe-should-retry", owned("false"))]),
        ("/too-long", vec![("retry-after", owned("3600"))]),
    ] {
        shop.set(path, vec![Answer::Fail(503, headers.clone())]);
        let response = client()?.send(get(host, path)?).await?; // with a circuit of its own
        let (status, sent) = (response.status(), shop.seen(path).len());
        let (name, value) = &headers[0];
        claims.check(
            status == 503 && sent == 1,
            format_args!("{sent} request, and the caller has the response: 503, {name}: {value}"),
        );
    }
    shop.set("/soon", vec![Answer::Fail(503, vec![("retry-after", owned("soon"))])]);
    let response = client()?.send(get(host, "/soon")?).await?;
    let sent = shop.seen("/soon").len();
    claims.check(
        response.status() == 503 && sent == 4,
        format_args!("{sent} requests, by the backoff alone: 503, retry-after: soon"),
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an HTTP date is a time of the wall clock")]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// Returns a time in the three forms of an HTTP date: the one of today, that of RFC 850, and that of `asctime`.
fn dates(time: SystemTime) -> Result<[String; 3]> {
    const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

    let date = httpdate::fmt_http_date(time);
    let parts: Vec<_> = date.split([' ', ',']).filter(|part| !part.is_empty()).collect();
    let [weekday, day, month, year, clock, _] = parts[..] else {
        return Err(format!("a date: {date}").into());
    };
    let in_full = DAYS.into_iter().find(|name| name.starts_with(weekday)).ok_or("a day of the week")?;
    let rfc850 = format!("{in_full}, {day}-{month}-{} {clock} GMT", &year[2..]);
    let asctime = format!("{weekday} {month} {:>2} {clock} {year}", day.trim_start_matches('0'));
    Ok([date, rfc850, asctime])
}

/// A date of HTTP has whole seconds.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let nanos = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    time - Duration::from_nanos(nanos.into())
}
