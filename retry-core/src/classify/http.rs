//! The class of an HTTP status.

use core::time::Duration;

use crate::class::Class;
use crate::policy::Failure;

impl Class {
    /// Returns the class of an HTTP status; `None` for 1xx, 2xx and 3xx.
    ///
    /// | status | class | source |
    /// |---|---|---|
    /// | 400, 422 | `Validation` | RFC 9110, [15.5.1], [15.5.21] |
    /// | 404, 410 | `NotFound` | RFC 9110, [15.5.5], [15.5.11] |
    /// | 408 | `Timeout` | RFC 9110, [15.5.9] |
    /// | 409 | `Client`: the user may resolve the conflict and send a new request | RFC 9110, [15.5.10] |
    /// | 421 | `Transient`: the request may be sent again over another connection | RFC 9110, [15.5.20] |
    /// | 423 | `Transient`: the resource is locked | RFC 4918, [11.3] |
    /// | 425 | `Transient`: the request came before the handshake was done | RFC 8470, [5.2] |
    /// | 429 | `RateLimit` | RFC 6585, [4] |
    /// | 420 | `RateLimit`: "enhance your calm" | [Twitter] |
    /// | 430 | `Client`: the request was taken for malicious | [Shopify] |
    /// | 449 | `Transient`: retry with, a lost race | [Azure Cosmos DB] |
    /// | 499 | `Network`: a proxy on the way closed the request; the same as `CANCELLED` of gRPC | [nginx], [google.rpc.Code] |
    /// | other 4xx, such as 401 and 403 | `Client` | RFC 9110, [15.5] |
    /// | 501, 505 | `Permanent`: the server does not support the request | RFC 9110, [15.6.2], [15.6.6] |
    /// | 506, 508, 510 | `Permanent`: a wrong configuration of the server, a loop, a missing extension | [RFC 2295], [RFC 5842], [RFC 2774] |
    /// | 507 | `Permanent`: the server's storage is full, and only a new action of the user may repeat the request | RFC 4918, [11.5] |
    /// | 504 | `Timeout` | RFC 9110, [15.6.5] |
    /// | 509 | `RateLimit`: a limit of bandwidth | [botocore] |
    /// | 511 | `Client`: the network asks for a login | RFC 6585, [6] |
    /// | 529 | `Server`: overloaded | [Anthropic] |
    /// | 500, 502, 503 and other 5xx | `Server` | RFC 9110, [15.6] |
    /// | below 100, from 600 | `Server`: an invalid status, which counts as a 5xx | RFC 9110, [15] |
    ///
    /// [15]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15
    /// [15.5]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5
    /// [15.5.1]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1
    /// [15.5.5]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.5
    /// [15.5.9]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.9
    /// [15.5.10]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.10
    /// [15.5.11]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.11
    /// [15.5.20]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.20
    /// [15.5.21]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.21
    /// [15.6]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.6
    /// [15.6.2]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.6.2
    /// [15.6.5]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.6.5
    /// [15.6.6]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.6.6
    /// [5.2]: https://www.rfc-editor.org/rfc/rfc8470.html#section-5.2
    /// [4]: https://www.rfc-editor.org/rfc/rfc6585.html#section-4
    /// [6]: https://www.rfc-editor.org/rfc/rfc6585.html#section-6
    /// [11.3]: https://www.rfc-editor.org/rfc/rfc4918.html#section-11.3
    /// [11.5]: https://www.rfc-editor.org/rfc/rfc4918.html#section-11.5
    /// [RFC 2295]: https://www.rfc-editor.org/rfc/rfc2295.html#section-8.1
    /// [RFC 5842]: https://www.rfc-editor.org/rfc/rfc5842.html#section-7.2
    /// [RFC 2774]: https://www.rfc-editor.org/rfc/rfc2774.html#section-7
    /// [Twitter]: https://developer.x.com/en/support/x-api/error-troubleshooting
    /// [Shopify]: https://shopify.dev/docs/api/usage/response-codes
    /// [Azure Cosmos DB]: https://learn.microsoft.com/azure/cosmos-db/nosql/conceptual-resilient-sdk-applications
    /// [nginx]: https://github.com/nginx/nginx/blob/master/src/http/ngx_http_request.h
    /// [google.rpc.Code]: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
    /// [botocore]: https://github.com/boto/botocore/blob/develop/botocore/data/_retry.json
    /// [Anthropic]: https://docs.anthropic.com/en/api/errors
    ///
    /// A service may say more in its body, and that decides first: see [`of_aws_code`](Self::of_aws_code).
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_http_status(200), None);
    /// assert_eq!(Class::of_http_status(404), Some(Class::NotFound));
    /// assert_eq!(Class::of_http_status(503), Some(Class::Server));
    /// ```
    pub const fn of_http_status(status: u16) -> Option<Self> {
        Some(match status {
            100..=399 => return None,
            400 | 422 => Self::Validation,
            404 | 410 => Self::NotFound,
            408 | 504 => Self::Timeout,
            421 | 423 | 425 | 449 => Self::Transient,
            420 | 429 | 509 => Self::RateLimit,
            499 => Self::Network,
            401..=499 | 511 => Self::Client,
            501 | 505..=508 | 510 => Self::Permanent,
            _ => Self::Server,
        })
    }
}

impl Failure {
    /// Makes a failure of an HTTP status and a server's hint; `None` for 1xx, 2xx and 3xx.
    ///
    /// The class is that of [`Class::of_http_status`]. The hint is the wait that the response asks for, such as the
    /// result of [`parse_hint`](crate::classify::parse_hint). If the response has a hint that cannot be read, add
    /// [`unreadable_hint`](Self::unreadable_hint). It is used with every status that is an
    /// error, beyond those for which RFC 9110 mentions it.
    ///
    /// With a hint, the class [`Client`](Class::Client) becomes [`Transient`](Class::Transient): the server refuses the
    /// request only for now. [RFC 9110, 15.5.14](https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.14) has this
    /// meaning for 413. A 403 with a hint is of class [`RateLimit`](Class::RateLimit), because
    /// [GitHub's secondary limits](https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits)
    /// answer so.
    ///
    /// ```
    /// use core::time::Duration;
    /// use retry_core::{classify::parse_retry_after, Class, Failure};
    ///
    /// let of = |status, retry_after: Option<&str>| {
    ///     let hint = retry_after.and_then(|value| parse_retry_after(value, 1_700_000_000));
    ///     Failure::of_http(status, hint)
    /// };
    /// let busy = Failure::new(Class::Server).retry_after(Duration::from_secs(120));
    /// assert_eq!(of(503, Some("120")), Some(busy));
    /// assert_eq!(of(503, Some("soon")), Some(Class::Server.into()));
    /// assert_eq!(of(413, None), Some(Class::Client.into()));
    /// assert_eq!(of(413, Some("120")).unwrap().class, Class::Transient);
    /// assert_eq!(of(301, Some("120")), None);
    /// ```
    ///
    /// Most HTTP clients return a response of any status as `Ok`. For these, call this function in
    /// [`Retry::classify_ok`](crate::Retry::classify_ok).
    pub const fn of_http(status: u16, hint: Option<Duration>) -> Option<Self> {
        let Some(class) = Class::of_http_status(status) else {
            return None;
        };
        let failure = match (class, hint) {
            (Class::Client, Some(hint)) if status == 403 => Self::new(Class::RateLimit).retry_after(hint),
            (Class::Client, Some(hint)) => Self::new(Class::Transient).retry_after(hint),
            (class, Some(hint)) => Self::new(class).retry_after(hint),
            (class, None) => Self::new(class),
        };
        Some(failure.code("HTTP status", status as i32))
    }
}
