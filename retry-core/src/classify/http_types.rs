//! HTTP requests and responses, as the crate `http` has them.

use core::cell::LazyCell;
use core::time::Duration;

use http::header::{DATE, HeaderMap, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode};

use super::retry_after::{parse_delay_seconds, parse_http_date, parse_retry_after};
use crate::policy::Failure;

impl Failure {
    /// What an HTTP response says of its request, by its status and its `Retry-After`; `None` where the status is no
    /// error. Status and hint mean what they do to [`of_http`](Self::of_http).
    ///
    /// Where `Retry-After` is a date, the response's own `Date` says from when it counts, so that no clock has to be
    /// right; without one, `now_unix_secs` does, the seconds since 1970, such as
    /// [`StdRuntime::unix_secs`](crate::runtime::StdRuntime::unix_secs); it is called for a date only. Values that say nothing are left
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
        let failure = Self::of_http(status.as_u16(), None)?;
        match retry_after(headers, now_unix_secs) {
            None => Some(failure),
            hint => Self::of_http(status.as_u16(), hint),
        }
    }
}

fn retry_after(headers: &HeaderMap, now_unix_secs: impl FnOnce() -> u64) -> Option<Duration> {
    // A wall clock is read for dates only, and those are rare.
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

/// Which HTTP requests may be sent again after a failure that leaves open whether the server has acted on them.
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
    /// Those of a method that is idempotent by
    /// [RFC 9110, 9.2.2](https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2): GET, HEAD, OPTIONS, TRACE, PUT,
    /// DELETE.
    #[default]
    Method,
    /// Those, and POST and PATCH with an `Idempotency-Key` that is not empty: for servers that are known to keep to
    /// [it](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header).
    MethodOrKey,
    /// All: for servers on which every request may be repeated.
    Assumed,
}

impl Idempotency {
    /// Whether a request of this method with these headers may be sent again.
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
