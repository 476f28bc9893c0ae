//! Status codes of gRPC.

use crate::class::Class;

/// The names and classes by code, from 0.
const CODES: [(&str, Option<Class>); 17] = [
    ("OK", None),
    ("CANCELLED", Some(Class::Network)),
    ("UNKNOWN", Some(Class::Unknown)),
    ("INVALID_ARGUMENT", Some(Class::Validation)),
    ("DEADLINE_EXCEEDED", Some(Class::Timeout)),
    ("NOT_FOUND", Some(Class::NotFound)),
    ("ALREADY_EXISTS", Some(Class::Client)),
    ("PERMISSION_DENIED", Some(Class::Client)),
    ("RESOURCE_EXHAUSTED", Some(Class::RateLimit)),
    ("FAILED_PRECONDITION", Some(Class::Client)),
    ("ABORTED", Some(Class::Transient)),
    ("OUT_OF_RANGE", Some(Class::Validation)),
    ("UNIMPLEMENTED", Some(Class::Permanent)),
    ("INTERNAL", Some(Class::Server)),
    ("UNAVAILABLE", Some(Class::Server)),
    ("DATA_LOSS", Some(Class::Permanent)),
    ("UNAUTHENTICATED", Some(Class::Client)),
];

impl Class {
    /// Returns the class of a gRPC status code. Returns `None` for 0, which is `OK`.
    ///
    /// | code | class |
    /// |---|---|
    /// | 1 `CANCELLED` | `Network`: a caller that did not cancel meets it if the connection or a proxy ended the stream |
    /// | 2 `UNKNOWN` | `Unknown` |
    /// | 3 `INVALID_ARGUMENT`, 11 `OUT_OF_RANGE` | `Validation` |
    /// | 4 `DEADLINE_EXCEEDED` | `Timeout` |
    /// | 5 `NOT_FOUND` | `NotFound` |
    /// | 6 `ALREADY_EXISTS`, 7 `PERMISSION_DENIED`, 16 `UNAUTHENTICATED` | `Client` |
    /// | 8 `RESOURCE_EXHAUSTED` | `RateLimit` |
    /// | 9 `FAILED_PRECONDITION` | `Client`: "the client should not retry until the system state has been explicitly fixed" |
    /// | 10 `ABORTED` | `Transient`: a lost race, to be tried again at a higher level |
    /// | 12 `UNIMPLEMENTED`, 15 `DATA_LOSS` | `Permanent` |
    /// | 13 `INTERNAL`, 14 `UNAVAILABLE` | `Server` |
    /// | any other | `Unknown`, as the specification asks |
    ///
    /// Source: [gRPC status codes].
    ///
    /// [gRPC status codes]: https://grpc.io/docs/guides/status-codes/
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// // With tonic: Class::of_grpc_code(status.code() as i32)
    /// assert_eq!(Class::of_grpc_code(0), None);
    /// assert_eq!(Class::of_grpc_code(8), Some(Class::RateLimit));
    /// assert_eq!(Class::of_grpc_code(14), Some(Class::Server));
    /// ```
    pub const fn of_grpc_code(code: i32) -> Option<Self> {
        match code {
            0..=16 => CODES[code.unsigned_abs() as usize].1,
            _ => Some(Self::Unknown),
        }
    }
}

/// Returns the class of a code by its name, such as `DEADLINE_EXCEEDED` or `DeadlineExceeded`.
pub(in crate::classify) fn named(name: &str) -> Option<Class> {
    // Go spells it with one L.
    let name = if super::is_same_name("CANCELED", name) { "CANCELLED" } else { name };
    CODES.iter().find(|(code, _)| super::is_same_name(code, name)).and_then(|(_, class)| *class)
}
