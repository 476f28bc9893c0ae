//! Classes of responses and idempotency of requests, for the types of the crate `http`.

use core::cell::LazyCell;
use core::time::Duration;

use http::header::{DATE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode};

use super::hints::Hint;
use super::retry_after::{parse_delay_millis, parse_http_date};
use crate::class::Class;
use crate::policy::Failure;

impl Failure {
    /// What an HTTP response says of its request, by its status and its headers; `None` where the status is no
    /// error. Status and hint mean what they do to [`of_http`](Self::of_http).
    ///
    /// The hint is that of the first of these headers that can be read, in any form that
    /// [`parse_hint`](crate::classify::parse_hint) reads:
    ///
    /// 1. `retry-after-ms`, `x-ms-retry-after-ms` and `x-amz-retry-after`, in milliseconds
    /// 2. `Retry-After`
    /// 3. `ratelimit-reset-after` and `ratelimit-reset`, also with `x-`, if `ratelimit-remaining` is 0 or the status is 429
    ///    without it
    ///
    /// A 4xx with nothing remaining is of class `RateLimit`, as GitHub's 403 is. A gRPC response that has only trailers is
    /// a failure by its `grpc-status`; its `grpc-retry-pushback-ms` means what it does to
    /// [`grpc_pushback`](Self::grpc_pushback).
    ///
    /// Where the hint is a date or a Unix time, the response's own `Date` says from when it counts, so that no clock has to be
    /// right; without one, `now_unix_secs` does, the seconds since 1970, such as
    /// [`StdRuntime::unix_secs`](crate::runtime::StdRuntime::unix_secs); it is called for those only. Values that say nothing are left
    /// out; where there are several that do, which
    /// [must not be](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.3), the longest wait counts.
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
        // Most responses are none, and have nothing to be read.
        let Some(failure) = Self::of_http(status.as_u16(), None) else {
            return if headers.contains_key(GRPC_STATUS) { of_grpc(headers) } else { None };
        };
        let exhausted = nothing_remains(headers);
        let failure = match hint(status, headers, now_unix_secs) {
            None if has_hint(headers) => failure.unreadable_hint(),
            None => failure,
            hint => Self::of_http(status.as_u16(), hint)?,
        };
        // The refusal is for the rate of requests, whatever its status says.
        let is_refusal =
            matches!(failure.class, Class::Client | Class::Transient) && status.is_client_error();
        Some(if exhausted && is_refusal { Self { class: Class::RateLimit, ..failure } } else { failure })
    }
}

/// What the trailers of a gRPC response say that has nothing but these: a status, and possibly a pushback.
fn of_grpc(headers: &HeaderMap) -> Option<Failure> {
    let code = headers.get(GRPC_STATUS).and_then(text)?.parse().ok();
    let class = code.map_or(Some(Class::Unknown), Class::of_grpc_code)?;
    let mut values = headers.get_all(GRPC_PUSHBACK).iter();
    let failure = match code {
        Some(code) => Failure::new(class).code("gRPC status", code),
        None => Failure::new(class).detail("unreadable gRPC status"),
    };
    Some(match (values.next(), values.next()) {
        (None, _) => failure,
        (Some(value), None) => failure.grpc_pushback(text(value).unwrap_or_default()),
        // Several are none that can be read.
        (Some(_), Some(_)) => failure.not_retried(),
    })
}

/// The hint of a failed response: the finer header first, then `Retry-After`, then the reset of a limit.
fn hint(status: StatusCode, headers: &HeaderMap, now_unix_secs: impl FnOnce() -> u64) -> Option<Duration> {
    // A wall clock is read for dates and Unix times only, and those are rare.
    let now = LazyCell::new(|| {
        let now = now_unix_secs();
        let date = headers.get(DATE).and_then(text).and_then(|date| parse_http_date(date, now));
        date.and_then(|date| u64::try_from(date).ok()).unwrap_or(now)
    });
    let all = |name: &'static str| headers.get_all(name).iter().filter_map(text);
    let longest = |name: &'static str| all(name).filter_map(Hint::read).map(|hint| hint.wait(|| *now)).max();
    let in_millis = IN_MILLIS.iter().filter_map(|name| all(name).filter_map(parse_delay_millis).max()).max();
    in_millis.or_else(|| longest("retry-after")).or_else(|| {
        let resets = LIMITS.iter().filter(|limit| match limit.remain(headers) {
            Some(remain) => !remain,
            None => status == StatusCode::TOO_MANY_REQUESTS,
        });
        resets.filter_map(|limit| longest(limit.reset_after).or_else(|| longest(limit.reset))).max()
    })
}

/// Whether a header is there that would be a hint if it could be read.
fn has_hint(headers: &HeaderMap) -> bool {
    let exhausted = LIMITS.iter().filter(|limit| limit.remain(headers) == Some(false));
    headers.contains_key(RETRY_AFTER)
        || IN_MILLIS.iter().any(|name| headers.contains_key(*name))
        || exhausted.into_iter().any(|limit| headers.contains_key(limit.reset))
}

/// Whether a limit says that no request remains.
fn nothing_remains(headers: &HeaderMap) -> bool {
    LIMITS.iter().any(|limit| limit.remain(headers) == Some(false))
}

/// The headers of one limit of requests.
struct Limit {
    remaining: &'static str,
    reset_after: &'static str,
    reset: &'static str,
}

impl Limit {
    /// Whether requests remain; `None` if the limit does not say.
    fn remain(&self, headers: &HeaderMap) -> Option<bool> {
        let remaining = headers.get(self.remaining).and_then(text)?.trim_matches([' ', '\t']);
        let digits = !remaining.is_empty() && remaining.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| remaining.bytes().any(|byte| byte != b'0'))
    }
}

/// draft-ietf-httpapi-ratelimit-headers-03, GitHub and Discord, Twitter, OpenAI.
const LIMITS: &[Limit] = &[
    Limit {
        remaining: "ratelimit-remaining",
        reset_after: "ratelimit-reset-after",
        reset: "ratelimit-reset",
    },
    Limit {
        remaining: "x-ratelimit-remaining",
        reset_after: "x-ratelimit-reset-after",
        reset: "x-ratelimit-reset",
    },
    Limit {
        remaining: "x-rate-limit-remaining",
        reset_after: "x-rate-limit-reset-after",
        reset: "x-rate-limit-reset",
    },
    Limit {
        remaining: "x-ratelimit-remaining-requests",
        reset_after: "x-ratelimit-reset-requests",
        reset: "x-ratelimit-reset-requests",
    },
    Limit {
        remaining: "x-ratelimit-remaining-tokens",
        reset_after: "x-ratelimit-reset-tokens",
        reset: "x-ratelimit-reset-tokens",
    },
];

/// OpenAI and Azure, Azure's older ones, Amazon.
const IN_MILLIS: &[&str] = &["retry-after-ms", "x-ms-retry-after-ms", "x-amz-retry-after"];
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
