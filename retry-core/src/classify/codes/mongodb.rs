//! Error codes of MongoDB.

use super::Row;
use crate::class::Class;

const CODES: &[Row<i32>] = &[
    (1, "INTERNAL_ERROR", Class::Server),
    (2, "BAD_VALUE", Class::Validation),
    (4, "NO_SUCH_KEY", Class::NotFound),
    (6, "HOST_UNREACHABLE", Class::Network),
    (7, "HOST_NOT_FOUND", Class::Network),
    (8, "UNKNOWN_ERROR", Class::Unknown),
    (9, "FAILED_TO_PARSE", Class::Validation),
    (11, "USER_NOT_FOUND", Class::NotFound),
    (13, "UNAUTHORIZED", Class::Client),
    (14, "TYPE_MISMATCH", Class::Validation),
    (15, "OVERFLOW", Class::Validation),
    (18, "AUTHENTICATION_FAILED", Class::Client),
    (20, "ILLEGAL_OPERATION", Class::Permanent),
    (22, "INVALID_BSON", Class::Validation),
    (24, "LOCK_TIMEOUT", Class::Transient),
    (26, "NAMESPACE_NOT_FOUND", Class::NotFound),
    (27, "INDEX_NOT_FOUND", Class::NotFound),
    (31, "ROLE_NOT_FOUND", Class::NotFound),
    (40, "CONFLICTING_UPDATE_OPERATORS", Class::Validation),
    (43, "CURSOR_NOT_FOUND", Class::NotFound),
    (46, "LOCK_BUSY", Class::Transient),
    (48, "NAMESPACE_EXISTS", Class::Client),
    (50, "MAX_TIME_MS_EXPIRED", Class::Timeout),
    (59, "COMMAND_NOT_FOUND", Class::Permanent),
    (63, "STALE_SHARD_VERSION", Class::Transient),
    (64, "WRITE_CONCERN_FAILED", Class::Timeout),
    (64, "WRITE_CONCERN_TIMEOUT", Class::Timeout),
    (66, "IMMUTABLE_FIELD", Class::Validation),
    (68, "INDEX_ALREADY_EXISTS", Class::Client),
    (72, "INVALID_OPTIONS", Class::Validation),
    (73, "INVALID_NAMESPACE", Class::Validation),
    (79, "UNKNOWN_REPL_WRITE_CONCERN", Class::Permanent),
    (85, "INDEX_OPTIONS_CONFLICT", Class::Client),
    (86, "INDEX_KEY_SPECS_CONFLICT", Class::Client),
    (89, "NETWORK_TIMEOUT", Class::Timeout),
    (91, "SHUTDOWN_IN_PROGRESS", Class::Transient),
    (100, "UNSATISFIABLE_WRITE_CONCERN", Class::Permanent),
    (107, "LOCK_FAILED", Class::Transient),
    (112, "WRITE_CONFLICT", Class::Transient),
    (115, "COMMAND_NOT_SUPPORTED", Class::Permanent),
    (117, "CONFLICTING_OPERATION_IN_PROGRESS", Class::Transient),
    (121, "DOCUMENT_VALIDATION_FAILURE", Class::Validation),
    (133, "FAILED_TO_SATISFY_READ_PREFERENCE", Class::Transient),
    (134, "READ_CONCERN_MAJORITY_NOT_AVAILABLE_YET", Class::Transient),
    (141, "SSL_HANDSHAKE_FAILED", Class::Permanent),
    (143, "CURSOR_IN_USE", Class::Transient),
    (145, "POOLED_CONNECTIONS_DROPPED", Class::Network),
    (146, "EXCEEDED_MEMORY_LIMIT", Class::Permanent),
    (150, "STALE_EPOCH", Class::Transient),
    (189, "PRIMARY_STEPPED_DOWN", Class::Transient),
    (202, "NETWORK_INTERFACE_EXCEEDED_TIME_LIMIT", Class::Timeout),
    (216, "ELECTION_IN_PROGRESS", Class::Transient),
    (225, "TRANSACTION_TOO_OLD", Class::Client),
    (234, "RETRY_CHANGE_STREAM", Class::Transient),
    (238, "NOT_IMPLEMENTED", Class::Permanent),
    (239, "SNAPSHOT_TOO_OLD", Class::Transient),
    (246, "SNAPSHOT_UNAVAILABLE", Class::Transient),
    (249, "STALE_DB_VERSION", Class::Transient),
    (250, "STALE_CHUNK_HISTORY", Class::Transient),
    (251, "NO_SUCH_TRANSACTION", Class::Transient),
    (256, "TRANSACTION_COMMITTED", Class::Client),
    (257, "TRANSACTION_TOO_LARGE", Class::Validation),
    (262, "EXCEEDED_TIME_LIMIT", Class::Timeout),
    (272, "MIGRATION_CONFLICT", Class::Transient),
    (279, "CLIENT_DISCONNECT", Class::Network),
    (290, "TRANSACTION_EXCEEDED_LIFETIME_LIMIT_SECONDS", Class::Timeout),
    (292, "QUERY_EXCEEDED_MEMORY_LIMIT_NO_DISK_USE_ALLOWED", Class::Permanent),
    (314, "OBJECT_IS_BUSY", Class::Transient),
    (317, "CONNECTION_POOL_EXPIRED", Class::Network),
    (334, "MECHANISM_UNAVAILABLE", Class::Permanent),
    (358, "INTERNAL_TRANSACTION_NOT_SUPPORTED", Class::Transient),
    (355, "INTERRUPTED_DUE_TO_STORAGE_CHANGE", Class::Transient),
    (365, "TEMPORARILY_UNAVAILABLE", Class::Transient),
    (384, "CONNECTION_ERROR", Class::Network),
    (391, "REAUTHENTICATION_REQUIRED", Class::Client),
    (402, "RESOURCE_EXHAUSTED", Class::RateLimit),
    (406, "MIGRATION_BLOCKING_OPERATION_COORDINATOR_CLEANING_UP", Class::Transient),
    (407, "POOLED_CONNECTION_ACQUISITION_EXCEEDED_TIME_LIMIT", Class::Timeout),
    (412, "UPDATES_STILL_PENDING", Class::Transient),
    (433, "ADMISSION_QUEUE_OVERFLOW", Class::RateLimit),
    (449, "RATE_LIMIT_EXCEEDED", Class::RateLimit),
    (450, "POOLED_CONNECTION_ACQUISITION_REJECTED", Class::RateLimit),
    (453, "INTERRUPTED_DUE_TO_RESHARDING_CRITICAL_SECTION", Class::Transient),
    (462, "INGRESS_REQUEST_RATE_LIMIT_EXCEEDED", Class::RateLimit),
    (9001, "SOCKET_EXCEPTION", Class::Network),
    (10058, "LEGACY_NOT_PRIMARY", Class::Transient),
    (10107, "NOT_WRITABLE_PRIMARY", Class::Transient),
    (11000, "DUPLICATE_KEY", Class::Client),
    (10334, "BSON_OBJECT_TOO_LARGE", Class::Validation),
    (11600, "INTERRUPTED_AT_SHUTDOWN", Class::Transient),
    (11601, "INTERRUPTED", Class::Transient),
    (11602, "INTERRUPTED_DUE_TO_REPL_STATE_CHANGE", Class::Transient),
    (12586, "BACKGROUND_OPERATION_IN_PROGRESS_FOR_DATABASE", Class::Transient),
    (12587, "BACKGROUND_OPERATION_IN_PROGRESS_FOR_NAMESPACE", Class::Transient),
    (13388, "STALE_CONFIG", Class::Transient),
    (13435, "NOT_PRIMARY_NO_SECONDARY_OK", Class::Transient),
    (13436, "NOT_PRIMARY_OR_SECONDARY", Class::Transient),
    (14031, "OUT_OF_DISK_SPACE", Class::Permanent),
    (50915, "BACKUP_CURSOR_OPEN_CONFLICT_WITH_CHECKPOINT", Class::Transient),
    (91331, "RETRIABLE_REMOTE_COMMAND_FAILURE", Class::Transient),
    (10_045_600, "INTERRUPTED_DUE_TO_FCV_CHANGE", Class::Transient),
];

/// Names that other services and protocols have, too, with meanings of their own. In a text, they decide nothing.
const COMMON: &[&str] = &[
    "INTERNAL_ERROR",
    "UNKNOWN_ERROR",
    "BAD_VALUE",
    "TYPE_MISMATCH",
    "INVALID_OPTIONS",
    "ILLEGAL_OPERATION",
    "NOT_IMPLEMENTED",
    "CONNECTION_ERROR",
    "RESOURCE_EXHAUSTED",
];

impl Class {
    /// Returns the class of an error code of MongoDB.
    ///
    /// | class | codes |
    /// |---|---|
    /// | `Network` | 6 host unreachable, 7 host not found, 9001 socket; 145, 279, 317, 384 connections |
    /// | `Timeout` | 50, 64, 89, 202, 262, 290, 407 |
    /// | `RateLimit` | 402 resources, 433 and 450 queues, 449 and 462 rate |
    /// | `Transient` | 24, 46, 107 locks; 91 and 11600 shutdown; 112 write conflict; 133, 134, 189, 216, 10058, 10107, 11602, 13435, 13436 another primary; 63, 150, 249, 250, 13388 stale routing; 239, 246, 272 snapshots; 117, 12586, 12587 another operation; 143, 234, 251, 314, 355, 358, 365, 406, 412, 453, 11601, 50915, 91331, 10045600 |
    /// | `Server` | 1 internal error |
    /// | `Client` | 13, 18, 391 not allowed; 48, 68, 85, 86 exists; 11000 duplicate key; 225, 256 transaction over |
    /// | `NotFound` | 4, 11, 26, 27, 31, 43 |
    /// | `Validation` | 2, 9, 14, 15, 22, 40, 66, 72, 73, 121, 257, 10334 |
    /// | `Permanent` | 20, 59, 115, 238, 334 not supported; 79, 100 write concern; 141 TLS; 146 and 292 memory of a query; 14031 disk full |
    /// | `Unknown` | 8 unknown error |
    ///
    /// All codes that the drivers retry are retried, and all that the server calls retriable. Sources: the server's
    /// [error_codes.yml], MongoDB's [error codes], the drivers' [retryable writes].
    ///
    /// [error_codes.yml]: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
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
    let is_common = COMMON.iter().any(|common| super::is_same_name(common, name));
    if is_common { None } else { super::named_in_several_words(CODES, name) }
}
