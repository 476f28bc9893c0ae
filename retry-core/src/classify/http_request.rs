//! HTTP requests, as the crate `http` has them: which may be sent again, and where to.

use http::{HeaderMap, Method};

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
