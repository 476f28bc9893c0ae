//! Error codes of MongoDB.

use super::Row;
use crate::class::Class;

const CODES: &[Row<i32>] = &[
    (6, "HOST_UNREACHABLE", Class::Network),
    (7, "HOST_NOT_FOUND", Class::Network),
    (9, "FAILED_TO_PARSE", Class::Validation),
    (11, "USER_NOT_FOUND", Class::NotFound),
    (13, "UNAUTHORIZED", Class::Client),
    (18, "AUTHENTICATION_FAILED", Class::Client),
    (24, "LOCK_TIMEOUT", Class::Transient),
    (26, "NAMESPACE_NOT_FOUND", Class::NotFound),
    (43, "CURSOR_NOT_FOUND", Class::NotFound),
    (48, "NAMESPACE_EXISTS", Class::Client),
    (50, "MAX_TIME_MS_EXPIRED", Class::Timeout),
    (59, "COMMAND_NOT_FOUND", Class::Permanent),
    (64, "WRITE_CONCERN_FAILED", Class::Timeout),
    (89, "NETWORK_TIMEOUT", Class::Timeout),
    (91, "SHUTDOWN_IN_PROGRESS", Class::Transient),
    (112, "WRITE_CONFLICT", Class::Transient),
    (121, "DOCUMENT_VALIDATION_FAILURE", Class::Validation),
    (134, "READ_CONCERN_MAJORITY_NOT_AVAILABLE_YET", Class::Transient),
    (189, "PRIMARY_STEPPED_DOWN", Class::Transient),
    (251, "NO_SUCH_TRANSACTION", Class::Transient),
    (262, "EXCEEDED_TIME_LIMIT", Class::Timeout),
    (9001, "SOCKET_EXCEPTION", Class::Network),
    (10107, "NOT_WRITABLE_PRIMARY", Class::Transient),
    (11000, "DUPLICATE_KEY", Class::Client),
    (11600, "INTERRUPTED_AT_SHUTDOWN", Class::Transient),
    (11602, "INTERRUPTED_DUE_TO_REPL_STATE_CHANGE", Class::Transient),
    (13435, "NOT_PRIMARY_NO_SECONDARY_OK", Class::Transient),
    (13436, "NOT_PRIMARY_OR_SECONDARY", Class::Transient),
];

impl Class {
    /// Returns the class of an error code of MongoDB.
    ///
    /// | class | codes |
    /// |---|---|
    /// | `Network` | 6 host unreachable, 7 host not found, 9001 socket |
    /// | `Timeout` | 50, 64, 89, 262 |
    /// | `Transient` | 24 lock timeout, 91 and 11600 shutdown, 112 write conflict, 134, 189, 251, 10107, 11602, 13435, 13436 another primary |
    /// | `Client` | 13, 18 not allowed, 48 exists, 11000 duplicate key |
    /// | `NotFound` | 11, 26, 43 |
    /// | `Validation` | 9, 121 |
    /// | `Permanent` | 59 unknown command |
    ///
    /// All codes that the drivers retry are retried. Sources: MongoDB's [error codes], the drivers' [retryable writes].
    ///
    /// [error codes]: https://www.mongodb.com/docs/manual/reference/error-codes/
    /// [retryable writes]: https://github.com/mongodb/specifications/blob/master/source/retryable-writes/retryable-writes.md
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_mongodb_code(11000), Some(Class::Client)); // duplicate key
    /// assert_eq!(Class::of_mongodb_code(112), Some(Class::Transient)); // write conflict
    /// ```
    pub const fn of_mongodb_code(code: i32) -> Option<Self> {
        class_of!(CODES, code)
    }
}

/// Returns the class of a code by its name, such as `NotWritablePrimary`, or as in `E11000`.
pub(in crate::classify) fn named(name: &str) -> Option<Class> {
    if name == "E11000" || name == "E11001" {
        return Some(Class::Client);
    }
    super::named_in_several_words(CODES, name)
}
