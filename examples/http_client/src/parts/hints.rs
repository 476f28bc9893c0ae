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
    // status, headers, the shortest wait in milliseconds; a date has its own check
    let rows = [
        (503, vec![("retry-after", owned("1"))], 1_000),
        (429, vec![("retry-after", owned("1.5"))], 1_500),
        (503, vec![("retry-after", httpdate::fmt_http_date(in_2_s))], 0),
        (429, vec![("retry-after-ms", owned("300"))], 300),
        (429, vec![("retry-after-ms", owned("300")), ("retry-after", owned("9"))], 300),
        (503, vec![("x-ms-retry-after-ms", owned("300"))], 300),
        (503, vec![("x-amz-retry-after", owned("300"))], 300),
        (429, vec![("x-ratelimit-remaining", owned("0")), ("x-ratelimit-reset", owned("1"))], 1_000),
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
        let is_date = headers.iter().any(|(_, value)| value.contains("GMT") || *value == unix.to_string());
        let in_time = !is_date || second.wall_clock >= whole_seconds(in_2_s);
        let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        claims.check(
            waited >= Duration::from_millis(*wait) && in_time,
            format_args!("{:>5} ms after {status}, {}", waited.as_millis(), headers.join(", ")),
        );
    }

    let http = client()?;
    for (path, headers) in [
        ("/never", vec![("x-should-retry", owned("false"))]),
        ("/too-long", vec![("retry-after", owned("3600"))]),
    ] {
        shop.set(path, vec![Answer::Fail(503, headers.clone())]);
        let response = http.send(get(host, path)?).await?;
        let (status, sent) = (response.status(), shop.seen(path).len());
        let (name, value) = &headers[0];
        claims.check(
            status == 503 && sent == 1,
            format_args!("{sent} request, and the caller has the response: 503, {name}: {value}"),
        );
    }
    shop.set("/soon", vec![Answer::Fail(503, vec![("retry-after", owned("soon"))])]);
    let response = http.send(get(host, "/soon")?).await?;
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

/// A date of HTTP has whole seconds.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let nanos = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    time - Duration::from_nanos(nanos.into())
}
