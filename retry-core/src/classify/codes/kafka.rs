//! Error codes of Kafka, and of the client librdkafka.

use super::Row;
use crate::class::Class;

const CODES: &[Row<i16>] = &[
    (-1, "UNKNOWN_SERVER_ERROR", Class::Server),
    (1, "OFFSET_OUT_OF_RANGE", Class::Validation),
    (2, "CORRUPT_MESSAGE", Class::Transient),
    (3, "UNKNOWN_TOPIC_OR_PARTITION", Class::NotFound),
    (4, "INVALID_FETCH_SIZE", Class::Validation),
    (5, "LEADER_NOT_AVAILABLE", Class::Transient),
    (6, "NOT_LEADER_OR_FOLLOWER", Class::Transient),
    (6, "NOT_LEADER_FOR_PARTITION", Class::Transient),
    (7, "REQUEST_TIMED_OUT", Class::Timeout),
    (8, "BROKER_NOT_AVAILABLE", Class::Network),
    (9, "REPLICA_NOT_AVAILABLE", Class::Transient),
    (10, "MESSAGE_TOO_LARGE", Class::Validation),
    (10, "MESSAGE_SIZE_TOO_LARGE", Class::Validation),
    (11, "STALE_CONTROLLER_EPOCH", Class::Client),
    (12, "OFFSET_METADATA_TOO_LARGE", Class::Validation),
    (13, "NETWORK_EXCEPTION", Class::Network),
    (14, "COORDINATOR_LOAD_IN_PROGRESS", Class::Transient),
    (15, "COORDINATOR_NOT_AVAILABLE", Class::Transient),
    (16, "NOT_COORDINATOR", Class::Transient),
    (17, "INVALID_TOPIC_EXCEPTION", Class::Validation),
    (18, "RECORD_LIST_TOO_LARGE", Class::Validation),
    (19, "NOT_ENOUGH_REPLICAS", Class::Transient),
    (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", Class::Transient),
    (21, "INVALID_REQUIRED_ACKS", Class::Validation),
    (22, "ILLEGAL_GENERATION", Class::Client),
    (23, "INCONSISTENT_GROUP_PROTOCOL", Class::Validation),
    (24, "INVALID_GROUP_ID", Class::Validation),
    (25, "UNKNOWN_MEMBER_ID", Class::Client),
    (26, "INVALID_SESSION_TIMEOUT", Class::Validation),
    (27, "REBALANCE_IN_PROGRESS", Class::Transient),
    (28, "INVALID_COMMIT_OFFSET_SIZE", Class::Validation),
    (29, "TOPIC_AUTHORIZATION_FAILED", Class::Client),
    (30, "GROUP_AUTHORIZATION_FAILED", Class::Client),
    (31, "CLUSTER_AUTHORIZATION_FAILED", Class::Client),
    (32, "INVALID_TIMESTAMP", Class::Validation),
    (33, "UNSUPPORTED_SASL_MECHANISM", Class::Permanent),
    (34, "ILLEGAL_SASL_STATE", Class::Client),
    (35, "UNSUPPORTED_VERSION", Class::Permanent),
    (36, "TOPIC_ALREADY_EXISTS", Class::Client),
    (37, "INVALID_PARTITIONS", Class::Validation),
    (38, "INVALID_REPLICATION_FACTOR", Class::Validation),
    (39, "INVALID_REPLICA_ASSIGNMENT", Class::Validation),
    (40, "INVALID_CONFIG", Class::Validation),
    (41, "NOT_CONTROLLER", Class::Transient),
    (42, "INVALID_REQUEST", Class::Validation),
    (43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", Class::Permanent),
    (44, "POLICY_VIOLATION", Class::Client),
    (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", Class::Client),
    (46, "DUPLICATE_SEQUENCE_NUMBER", Class::Client),
    (47, "INVALID_PRODUCER_EPOCH", Class::Client),
    (48, "INVALID_TXN_STATE", Class::Client),
    (49, "INVALID_PRODUCER_ID_MAPPING", Class::Client),
    (50, "INVALID_TRANSACTION_TIMEOUT", Class::Validation),
    (51, "CONCURRENT_TRANSACTIONS", Class::Transient),
    (52, "TRANSACTION_COORDINATOR_FENCED", Class::Client),
    (53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", Class::Client),
    (54, "SECURITY_DISABLED", Class::Permanent),
    (55, "OPERATION_NOT_ATTEMPTED", Class::Unknown),
    (56, "KAFKA_STORAGE_ERROR", Class::Transient),
    (57, "LOG_DIR_NOT_FOUND", Class::NotFound),
    (58, "SASL_AUTHENTICATION_FAILED", Class::Client),
    (59, "UNKNOWN_PRODUCER_ID", Class::Client),
    (60, "REASSIGNMENT_IN_PROGRESS", Class::Transient),
    (61, "DELEGATION_TOKEN_AUTH_DISABLED", Class::Permanent),
    (62, "DELEGATION_TOKEN_NOT_FOUND", Class::NotFound),
    (63, "DELEGATION_TOKEN_OWNER_MISMATCH", Class::Client),
    (64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", Class::Client),
    (65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", Class::Client),
    (66, "DELEGATION_TOKEN_EXPIRED", Class::Client),
    (67, "INVALID_PRINCIPAL_TYPE", Class::Validation),
    (68, "NON_EMPTY_GROUP", Class::Client),
    (69, "GROUP_ID_NOT_FOUND", Class::NotFound),
    (70, "FETCH_SESSION_ID_NOT_FOUND", Class::Transient),
    (71, "INVALID_FETCH_SESSION_EPOCH", Class::Transient),
    (72, "LISTENER_NOT_FOUND", Class::Transient),
    (73, "TOPIC_DELETION_DISABLED", Class::Permanent),
    (74, "FENCED_LEADER_EPOCH", Class::Transient),
    (75, "UNKNOWN_LEADER_EPOCH", Class::Transient),
    (76, "UNSUPPORTED_COMPRESSION_TYPE", Class::Permanent),
    (77, "STALE_BROKER_EPOCH", Class::Client),
    (78, "OFFSET_NOT_AVAILABLE", Class::Transient),
    (79, "MEMBER_ID_REQUIRED", Class::Client),
    (80, "PREFERRED_LEADER_NOT_AVAILABLE", Class::Transient),
    (81, "GROUP_MAX_SIZE_REACHED", Class::Client),
    (82, "FENCED_INSTANCE_ID", Class::Client),
    (83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", Class::Transient),
    (84, "ELECTION_NOT_NEEDED", Class::Transient),
    (85, "NO_REASSIGNMENT_IN_PROGRESS", Class::Client),
    (86, "GROUP_SUBSCRIBED_TO_TOPIC", Class::Client),
    (87, "INVALID_RECORD", Class::Validation),
    (88, "UNSTABLE_OFFSET_COMMIT", Class::Transient),
    (89, "THROTTLING_QUOTA_EXCEEDED", Class::RateLimit),
    (90, "PRODUCER_FENCED", Class::Client),
    (91, "RESOURCE_NOT_FOUND", Class::NotFound),
    (92, "DUPLICATE_RESOURCE", Class::Client),
    (93, "UNACCEPTABLE_CREDENTIAL", Class::Client),
    (94, "INCONSISTENT_VOTER_SET", Class::Client),
    (95, "INVALID_UPDATE_VERSION", Class::Validation),
    (96, "FEATURE_UPDATE_FAILED", Class::Server),
    (97, "PRINCIPAL_DESERIALIZATION_FAILURE", Class::Serialization),
    (98, "SNAPSHOT_NOT_FOUND", Class::NotFound),
    (99, "POSITION_OUT_OF_RANGE", Class::Validation),
    (100, "UNKNOWN_TOPIC_ID", Class::NotFound),
    (101, "DUPLICATE_BROKER_REGISTRATION", Class::Client),
    (102, "BROKER_ID_NOT_REGISTERED", Class::Client),
    (103, "INCONSISTENT_TOPIC_ID", Class::Transient),
    (104, "INCONSISTENT_CLUSTER_ID", Class::Client),
    (105, "TRANSACTIONAL_ID_NOT_FOUND", Class::NotFound),
    (106, "FETCH_SESSION_TOPIC_ID_ERROR", Class::Transient),
    (107, "INELIGIBLE_REPLICA", Class::Client),
    (108, "NEW_LEADER_ELECTED", Class::Transient),
    (109, "OFFSET_MOVED_TO_TIERED_STORAGE", Class::Validation),
    (110, "FENCED_MEMBER_EPOCH", Class::Client),
    (111, "UNRELEASED_INSTANCE_ID", Class::Client),
    (112, "UNSUPPORTED_ASSIGNOR", Class::Permanent),
    (113, "STALE_MEMBER_EPOCH", Class::Client),
    (114, "MISMATCHED_ENDPOINT_TYPE", Class::Client),
    (115, "UNSUPPORTED_ENDPOINT_TYPE", Class::Permanent),
    (116, "UNKNOWN_CONTROLLER_ID", Class::NotFound),
    (117, "UNKNOWN_SUBSCRIPTION_ID", Class::Client),
    (118, "TELEMETRY_TOO_LARGE", Class::Validation),
    (119, "INVALID_REGISTRATION", Class::Validation),
    (120, "TRANSACTION_ABORTABLE", Class::Client),
    (121, "INVALID_RECORD_STATE", Class::Client),
    (122, "SHARE_SESSION_NOT_FOUND", Class::Transient),
    (123, "INVALID_SHARE_SESSION_EPOCH", Class::Transient),
    (124, "FENCED_STATE_EPOCH", Class::Client),
    (125, "INVALID_VOTER_KEY", Class::Validation),
    (126, "DUPLICATE_VOTER", Class::Client),
    (127, "VOTER_NOT_FOUND", Class::NotFound),
    (128, "INVALID_REGULAR_EXPRESSION", Class::Validation),
    (129, "REBOOTSTRAP_REQUIRED", Class::Client),
    (130, "STREAMS_INVALID_TOPOLOGY", Class::Validation),
    (131, "STREAMS_INVALID_TOPOLOGY_EPOCH", Class::Client),
    (132, "STREAMS_TOPOLOGY_FENCED", Class::Client),
    (133, "SHARE_SESSION_LIMIT_REACHED", Class::Transient),
    // The codes of librdkafka have the names of its Rust binding.
    (-199, "BAD_MESSAGE", Class::Serialization),
    (-198, "BAD_COMPRESSION", Class::Serialization),
    (-197, "BROKER_DESTROY", Class::Permanent),
    (-195, "BROKER_TRANSPORT_FAILURE", Class::Network),
    (-194, "CRITICAL_SYSTEM_RESOURCE", Class::Transient),
    (-193, "RESOLVE", Class::Network),
    (-192, "MESSAGE_TIMED_OUT", Class::Timeout),
    (-190, "UNKNOWN_PARTITION", Class::NotFound),
    (-189, "FILE_SYSTEM", Class::Permanent),
    (-188, "UNKNOWN_TOPIC", Class::NotFound),
    (-187, "ALL_BROKERS_DOWN", Class::Network),
    (-186, "INVALID_ARGUMENT", Class::Validation),
    (-185, "OPERATION_TIMED_OUT", Class::Timeout),
    (-184, "QUEUE_FULL", Class::Transient),
    (-183, "ISR_INSUFFICIENT", Class::Transient),
    (-182, "NODE_UPDATE", Class::Transient),
    (-181, "SSL", Class::Permanent),
    (-180, "WAITING_FOR_COORDINATOR", Class::Transient),
    (-179, "UNKNOWN_GROUP", Class::NotFound),
    (-178, "IN_PROGRESS", Class::Transient),
    (-177, "PREVIOUS_IN_PROGRESS", Class::Transient),
    (-172, "STATE", Class::Client),
    (-170, "NOT_IMPLEMENTED", Class::Permanent),
    (-169, "AUTHENTICATION", Class::Client),
    (-166, "TIMED_OUT_QUEUE", Class::Timeout),
    (-165, "UNSUPPORTED_FEATURE", Class::Permanent),
    (-164, "WAIT_CACHE", Class::Transient),
    (-163, "INTERRUPTED", Class::Transient),
    (-162, "KEY_SERIALIZATION", Class::Serialization),
    (-161, "VALUE_SERIALIZATION", Class::Serialization),
    (-160, "KEY_DESERIALIZATION", Class::Serialization),
    (-159, "VALUE_DESERIALIZATION", Class::Serialization),
    (-153, "RETRY", Class::Transient),
    (-150, "FATAL", Class::Permanent),
    (-144, "FENCED", Class::Client),
    (-142, "ASSIGNMENT_LOST", Class::Transient),
    (-137, "DESTROY_BROKER", Class::Network),
];

impl Class {
    /// Returns the class of an error code of Kafka, or of one of librdkafka's own, which are below -1. Returns `None`
    /// for 0.
    ///
    /// Codes that Kafka's table calls retriable are `Transient`, with these exceptions: 7 `REQUEST_TIMED_OUT` is
    /// `Timeout`, 13 `NETWORK_EXCEPTION` is `Network`, 89 `THROTTLING_QUOTA_EXCEEDED` is `RateLimit`, and 3
    /// `UNKNOWN_TOPIC_OR_PARTITION` and 100 `UNKNOWN_TOPIC_ID` are `NotFound`, because the client has asked for the
    /// metadata again before it reports them. Three more are `Transient`, because they pass by themselves: 27
    /// `REBALANCE_IN_PROGRESS`, 60 `REASSIGNMENT_IN_PROGRESS`, 108 `NEW_LEADER_ELECTED`.
    ///
    /// | class | others |
    /// |---|---|
    /// | `Network` | 8 `BROKER_NOT_AVAILABLE`; -195 transport, -193 resolve, -187 all brokers down, -137 |
    /// | `Timeout` | -192, -185, -166 |
    /// | `Transient` | -184 the local queue is full; -194, -183, -182, -180, -178, -177, -164, -163, -153, -142 |
    /// | `Server` | -1 `UNKNOWN_SERVER_ERROR`, 96 |
    /// | `Client` | authorisation (29 to 31, 53, 58, 65, 66, -169), fencing and epochs (22, 25, 47, 90, 120, -144 and others), what exists (36, 92) |
    /// | `Validation` | what is `INVALID` or too large, 1 `OFFSET_OUT_OF_RANGE` |
    /// | `NotFound` | 57, 62, 69, 91, 98, 105, 116, 127, -190, -188, -179 |
    /// | `Permanent` | what is `UNSUPPORTED` or disabled, -197 the client was closed, -189, -181, -150 a fatal error of the client |
    /// | `Serialization` | 97, -199, -198, -162 to -159 |
    /// | `Unknown` | 55 `OPERATION_NOT_ATTEMPTED` |
    ///
    /// Sources: Kafka's [protocol errors] up to version 4.2, librdkafka's [`rd_kafka_resp_err_t`].
    ///
    /// [protocol errors]: https://kafka.apache.org/protocol.html#protocol_error_codes
    /// [`rd_kafka_resp_err_t`]: https://docs.confluent.io/platform/current/clients/librdkafka/html/rdkafka_8h.html
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_kafka_code(0), None);
    /// assert_eq!(Class::of_kafka_code(5), Some(Class::Transient)); // LEADER_NOT_AVAILABLE
    /// assert_eq!(Class::of_kafka_code(-195), Some(Class::Network)); // transport
    /// ```
    pub const fn of_kafka_code(code: i16) -> Option<Self> {
        class_of!(CODES, code)
    }
}

/// Returns the class of a code by its name, such as `LEADER_NOT_AVAILABLE` or `LeaderNotAvailable`. A name of one word
/// could be any word of a text, so it is left out.
pub(in crate::classify) fn named(name: &str) -> Option<Class> {
    super::named_in_several_words(CODES, name)
}
