//! Classes of responses and idempotency of requests, for the types of the crate `http`.

use core::cell::LazyCell;
use core::time::Duration;

use http::header::{DATE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode};

use super::retry_after::{parse_delay_seconds, parse_http_date, parse_retry_after};
use crate::policy::Failure;

impl Failure {
    /// Makes a failure of the status and the `Retry-After` of an HTTP response, as [`of_http`](Self::of_http) does;
    /// `None` for 1xx, 2xx and 3xx.
    ///
    /// If `Retry-After` is a date, it is compared with the `Date` header of the same response, so the local clock may
    /// be wrong. If there is no valid `Date`, it is compared with `now_unix_secs`, the seconds since 1970, such as
    /// [`StdRuntime::unix_secs`](crate::runtime::StdRuntime::unix_secs). That closure is called only if a value is not
    /// a number of seconds.
    ///
    /// Invalid values are ignored. If there are several valid ones, against
    /// [RFC 9110, 5.3](https://www.rfc-editor.org/rfc/rfc9110.html#section-5.3), the longest wait counts.
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
        // Most responses are good, and then the headers are left alone.
        let failure = Self::of_http(status.as_u16(), None)?;
        match retry_after(headers, now_unix_secs) {
            None => Some(failure),
            hint => Self::of_http(status.as_u16(), hint),
        }
    }
}

fn retry_after(headers: &HeaderMap, now_unix_secs: impl FnOnce() -> u64) -> Option<Duration> {
    // The wall clock is read only for dates, which are rare.
    let now = LazyCell::new(|| {
        let now = now_unix_secs();
        let date = headers.get(DATE).and_then(text).and_then(|date| parse_http_date(date, now));
        date.and_then(|date| u64::try_from(date).ok()).unwrap_or(now)
    });
    let wait = |value| parse_delay_seconds(value).or_else(|| parse_retry_after(value, *now));
    headers.get_all(RETRY_AFTER).iter().filter_map(text).filter_map(wait).max()
}

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
