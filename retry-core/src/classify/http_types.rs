//! Classes of responses and idempotency of requests, for the types of the crate `http`.

use core::cell::LazyCell;
use core::time::Duration;

use http::header::{DATE, HeaderMap};
use http::{HeaderValue, Method, StatusCode};

use super::hints::{longest, longest_in_millis};
use super::rate_limits::RateLimits;
use super::retry_after::parse_http_date;
use crate::class::Class;
use crate::policy::Failure;

impl Failure {
    /// Makes a failure of an HTTP response, by its status and its headers; `None` if the status is not an error. Status and hint mean what they do to [`of_http`](Self::of_http).
    ///
    /// The hint is that of the first of these headers that can be read, in any form that
    /// [`parse_hint`](crate::classify::parse_hint) reads:
    ///
    /// 1. `retry-after-ms`, `x-ms-retry-after-ms` and `x-amz-retry-after`, in milliseconds
    /// 2. `Retry-After`, and `X-Retry-After` of [Docker Hub](https://github.com/docker/docs/pull/22916) and
    ///    [Better Auth](https://www.better-auth.com/docs/concepts/rate-limit); the longer of the two
    /// 3. the reset of a rate limit of which nothing remains, such as `x-ratelimit-remaining: 0` with
    ///    `x-ratelimit-reset`, or `RateLimit: "default";r=0;t=5`. If a 429 leaves out what remains, the reset counts, too.
    ///
    /// Headers of rate limits are known by `ratelimit` or `rate-limit` in their names. The other one of the pair has
    /// `reset`, `reset-after` or `retry-after` in the place of `remaining`. If several limits have nothing left, the
    /// longest wait counts. The form of the [draft of the header
    /// `RateLimit`](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/) is known from its version 07 on.
    ///
    /// A 403 with nothing remaining, or with a hint of its own, is of class `RateLimit`, as
    /// [GitHub sends it](https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit).
    ///
    /// A response with `x-should-retry: false` or `stripe-should-retry: false` is [not retried](Self::not_retried). The
    /// clients of [OpenAI](https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py) and
    /// [Stripe](https://github.com/stripe/stripe-go/blob/master/stripe.go) obey these headers.
    ///
    /// A gRPC response that has only trailers is a failure by its `grpc-status`, whatever its HTTP status. Its
    /// `grpc-retry-pushback-ms` means what it does to [`grpc_pushback`](Self::grpc_pushback).
    ///
    /// If the hint is a date or a Unix time, it counts from the response's own `Date`, so the clock of the machine may be
    /// wrong. If the response has no `Date`, it counts from `now_unix_secs`, the seconds since 1970, such as
    /// [`StdRuntime::unix_secs`](crate::runtime::StdRuntime::unix_secs). That function is called only for a date
    /// or a Unix time.
    ///
    /// Invalid values are left out. If a header has several valid ones, which [it should
    /// not](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.3), the longest wait counts. If a hint is there and none
    /// is valid, the failure says so by [`unreadable_hint`](Self::unreadable_hint).
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{testing::FakeClock, Class, Failure, Policy, Retry};
    ///
    /// let unavailable = http::Response::builder()
    ///     .status(503)
    ///     .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
    ///     .header("retry-after", "Sun, 06 Nov 1994 08:49:44 GMT");
    /// let mut responses = [unavailable.body(""), http::Response::builder().body("7 apples")].into_iter();
    ///
    /// let clock = FakeClock::new();
    /// let retry = Retry::new(&Policy::DEFAULT, &clock)
    ///     .classify(|_: &http::Error| Class::Validation)
    ///     .classify_ok(|response: &http::Response<_>| {
    ///         Failure::of_http_response(response.status(), response.headers(), || 0)
    ///     });
    /// let response = retry.run_blocking(|| responses.next().unwrap()).unwrap();
    /// assert_eq!(response.into_body(), "7 apples");
    /// assert_eq!(clock.now().as_millis(), 7_000);
    /// ```
    pub fn of_http_response(
        status: StatusCode,
        headers: &HeaderMap,
        now_unix_secs: impl FnOnce() -> u64,
    ) -> Option<Self> {
        if let Some(failure) = of_grpc(headers) {
            return Some(failure);
        }
        // Most responses are no failures, and nothing more of them is read.
        let failure = Self::of_http(status.as_u16(), None)?;
        // A wall clock is read for dates and Unix times only, and those are rare.
        let now = LazyCell::new(|| {
            let now = now_unix_secs();
            let date = headers.get(DATE).and_then(text).and_then(|date| parse_http_date(date, now));
            date.and_then(|date| u64::try_from(date).ok()).unwrap_or(now)
        });
        let limits = RateLimits::read(headers, failure.class == Class::RateLimit, || *now);
        let own = own_hint(headers, || *now);
        let failure = match own.or(limits.reset) {
            None if has_own_hint(headers) || limits.has_reset => failure.unreadable_hint(),
            None => failure,
            // The reset of a limit, which all responses show, does not say that the refusal was for the limit.
            Some(hint) if own.is_none() => failure.retry_after(hint),
            hint => Self::of_http(status.as_u16(), hint)?,
        };
        // This is how GitHub limits the rate of requests.
        let is_for_rate = limits.exhausted && status == StatusCode::FORBIDDEN;
        let failure = if is_for_rate { Self { class: Class::RateLimit, ..failure } } else { failure };
        Some(if is_final(headers) { failure.not_retried() } else { failure })
    }
}

/// Reads the trailers of a gRPC response that has nothing but these: a status, and possibly a pushback.
fn of_grpc(headers: &HeaderMap) -> Option<Failure> {
    let code = text(headers.get(GRPC_STATUS)?).and_then(|code| code.trim().parse().ok());
    let class = code.map_or(Some(Class::Unknown), Class::of_grpc_code)?;
    let mut values = headers.get_all(GRPC_PUSHBACK).iter();
    let failure = match code {
        Some(code) => Failure::new(class).code("gRPC status", code),
        None => Failure::new(class).detail("unreadable gRPC status"),
    };
    Some(match (values.next(), values.next()) {
        (None, _) => failure,
        (Some(value), None) => failure.grpc_pushback(text(value).unwrap_or_default()),
        // Several values are as unreadable as a wrong one.
        (Some(_), Some(_)) => failure.not_retried().unreadable_hint(),
    })
}

/// Reads the headers that serve only as a hint: the finer ones first, then `Retry-After`.
fn own_hint(headers: &HeaderMap, now: impl Fn() -> u64) -> Option<Duration> {
    let all = |name: &'static str| headers.get_all(name).iter().filter_map(text);
    let in_millis = IN_MILLIS.iter().filter_map(|name| all(name).filter_map(longest_in_millis).max()).max();
    in_millis.or_else(|| {
        IN_SECONDS.iter().flat_map(|name| all(name)).filter_map(|value| longest(value, &now)).max()
    })
}

/// Returns whether one of these headers is there, readable or not.
fn has_own_hint(headers: &HeaderMap) -> bool {
    IN_SECONDS.iter().chain(IN_MILLIS).any(|name| headers.contains_key(*name))
}

/// Returns whether the server asks for no further attempt.
fn is_final(headers: &HeaderMap) -> bool {
    let says_no =
        |value: &HeaderValue| text(value).is_some_and(|text| text.trim().eq_ignore_ascii_case("false"));
    SHOULD_RETRY.iter().any(|name| headers.get_all(*name).iter().any(says_no))
}

/// OpenAI and Azure, Azure's older ones, Amazon.
const IN_MILLIS: &[&str] = &["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"];
/// RFC 9110, Docker Hub and Better Auth. They mean the same, so the longer one counts.
const IN_SECONDS: &[&str] = &["retry-after", "x-retry-after"];
const SHOULD_RETRY: &[&str] = &["x-should-retry", "stripe-should-retry"];
const GRPC_STATUS: &str = "grpc-status";
const GRPC_PUSHBACK: &str = "grpc-retry-pushback-ms";

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// Which HTTP requests may be sent again, although the server may already have acted on them.
///
/// `RetryLayer::clone_request` of `retry-tokio` uses it, through `http_requests` and `reqwest_requests`. The closure of
/// [`Retry::run`](crate::Retry::run) is retried whatever it sends.
///
/// ```
/// use http::{Request, header::HeaderName};
/// use retry_core::classify::Idempotency;
///
/// let pay = Request::post("/payments").header("idempotency-key", "\"8e03978e\"").body(()).unwrap();
/// let read = Request::get("/stock/apple").body(()).unwrap();
/// let may = |idempotency: Idempotency, request: &Request<()>| {
///     idempotency.allows(request.method(), request.headers())
/// };
/// assert!(may(Idempotency::Method, &read) && !may(Idempotency::Method, &pay));
/// assert!(may(Idempotency::MethodOrKey, &pay));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// Requests with an idempotent method, by
    /// [RFC 9110, 9.2.2](https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2): GET, HEAD, OPTIONS, TRACE, PUT and
    /// DELETE.
    #[default]
    Method,
    /// The same, and POST and PATCH with a non-empty `Idempotency-Key`, for servers that implement the [draft of that
    /// header](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header).
    MethodOrKey,
    /// All requests, for servers on which every request may be repeated.
    Assumed,
}

impl Idempotency {
    /// Returns `true` if a request with this method and these headers may be sent again.
    pub fn allows(self, method: &Method, headers: &HeaderMap) -> bool {
        match self {
            Self::Method => method.is_idempotent(),
            Self::MethodOrKey => {
                method.is_idempotent() || matches!(*method, Method::POST | Method::PATCH) && has_key(headers)
            }
            Self::Assumed => true,
        }
    }
}

fn has_key(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all("idempotency-key").iter();
    values.any(|value| value.as_bytes().iter().any(|byte| !matches!(byte, b' ' | b'\t' | b'"')))
}
