//! Reason codes of MQTT.

use super::Row;
use crate::class::Class;

/// The reason codes of MQTT 5.0, section 2.4.
const REASONS: &[Row<u8>] = &[
    (0x80, "UNSPECIFIED_ERROR", Class::Unknown),
    (0x81, "MALFORMED_PACKET", Class::Validation),
    (0x82, "PROTOCOL_ERROR", Class::Validation),
    (0x83, "IMPLEMENTATION_SPECIFIC_ERROR", Class::Unknown),
    (0x84, "UNSUPPORTED_PROTOCOL_VERSION", Class::Permanent),
    (0x85, "CLIENT_IDENTIFIER_NOT_VALID", Class::Validation),
    (0x86, "BAD_USER_NAME_PASSWORD", Class::Client),
    (0x87, "NOT_AUTHORIZED", Class::Client),
    (0x88, "SERVER_UNAVAILABLE", Class::Server),
    (0x89, "SERVER_BUSY", Class::Server),
    (0x8A, "BANNED", Class::Client),
    (0x8B, "SERVER_SHUTTING_DOWN", Class::Network),
    (0x8C, "BAD_AUTHENTICATION_METHOD", Class::Client),
    (0x8D, "KEEP_ALIVE_TIMEOUT", Class::Timeout),
    (0x8E, "SESSION_TAKEN_OVER", Class::Client),
    (0x8F, "TOPIC_FILTER_INVALID", Class::Validation),
    (0x90, "TOPIC_NAME_INVALID", Class::Validation),
    (0x91, "PACKET_IDENTIFIER_IN_USE", Class::Transient),
    (0x92, "PACKET_IDENTIFIER_NOT_FOUND", Class::NotFound),
    (0x93, "RECEIVE_MAXIMUM_EXCEEDED", Class::RateLimit),
    (0x94, "TOPIC_ALIAS_INVALID", Class::Validation),
    (0x95, "PACKET_TOO_LARGE", Class::Validation),
    (0x96, "MESSAGE_RATE_TOO_HIGH", Class::RateLimit),
    (0x97, "QUOTA_EXCEEDED", Class::RateLimit),
    (0x98, "ADMINISTRATIVE_ACTION", Class::Network),
    (0x99, "PAYLOAD_FORMAT_INVALID", Class::Serialization),
    (0x9A, "RETAIN_NOT_SUPPORTED", Class::Permanent),
    (0x9B, "QOS_NOT_SUPPORTED", Class::Permanent),
    (0x9C, "USE_ANOTHER_SERVER", Class::Server),
    (0x9D, "SERVER_MOVED", Class::Permanent),
    (0x9E, "SHARED_SUBSCRIPTIONS_NOT_SUPPORTED", Class::Permanent),
    (0x9F, "CONNECTION_RATE_EXCEEDED", Class::RateLimit),
    (0xA0, "MAXIMUM_CONNECT_TIME", Class::Network),
    (0xA1, "SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED", Class::Permanent),
    (0xA2, "WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED", Class::Permanent),
];

/// The return codes of MQTT 3.1.1, table 3.1, from 1.
const RETURN_CODES: [Row<u8>; 5] = [
    (1, "REFUSED_PROTOCOL_VERSION", Class::Permanent),
    (2, "BAD_CLIENT_ID", Class::Validation),
    (3, "SERVICE_UNAVAILABLE", Class::Server),
    (4, "BAD_USER_NAME_PASSWORD", Class::Client),
    (5, "NOT_AUTHORIZED", Class::Client),
];

impl Class {
    /// Returns the class of a reason code of MQTT 5. Returns `None` for codes below 0x80, which are successes.
    ///
    /// The return codes of MQTT 3.1.1 have [a function of their own](Self::of_mqtt3_return_code), because 1 and 2 are
    /// successes here. Code 0x80, a failed subscription, means the same in both versions.
    ///
    /// | class | codes |
    /// |---|---|
    /// | `Network` | 0x8B shutting down, 0x98 administrative action, 0xA0 maximum connect time |
    /// | `Timeout` | 0x8D keep alive |
    /// | `Server` | 0x88 unavailable, 0x89 busy, 0x9C use another server |
    /// | `RateLimit` | 0x93 receive maximum, 0x96 message rate, 0x97 quota, 0x9F connection rate |
    /// | `Transient` | 0x91 packet identifier in use |
    /// | `Client` | 0x86 user name or password, 0x87 not authorized, 0x8A banned, 0x8C authentication method, 0x8E session taken over |
    /// | `Validation` | 0x81, 0x82, 0x85, 0x8F, 0x90, 0x94, 0x95 |
    /// | `Serialization` | 0x99 payload format |
    /// | `NotFound` | 0x92 packet identifier |
    /// | `Permanent` | 0x84, 0x9A, 0x9B, 0x9D, 0x9E, 0xA1, 0xA2 |
    /// | `Unknown` | 0x80, 0x83 |
    ///
    /// Source: [MQTT 5.0, 2.4].
    ///
    /// [MQTT 5.0, 2.4]: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901031
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_mqtt_reason(0x00), None);
    /// assert_eq!(Class::of_mqtt_reason(0x87), Some(Class::Client));
    /// assert_eq!(Class::of_mqtt_reason(0x89), Some(Class::Server));
    /// ```
    pub const fn of_mqtt_reason(reason: u8) -> Option<Self> {
        class_of!(REASONS, reason)
    }

    /// Returns the class of a return code of MQTT 3.1.1, with which a server refuses a connection. Returns `None` for
    /// 0, which accepts it.
    ///
    /// | code | class |
    /// |---|---|
    /// | 1 protocol version | `Permanent` |
    /// | 2 client identifier | `Validation` |
    /// | 3 server unavailable | `Server` |
    /// | 4 user name or password, 5 not authorized | `Client` |
    ///
    /// Source: [MQTT 3.1.1, 3.2.2.3].
    ///
    /// [MQTT 3.1.1, 3.2.2.3]: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc398718035
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_mqtt3_return_code(3), Some(Class::Server));
    /// assert_eq!(Class::of_mqtt3_return_code(5), Some(Class::Client));
    /// ```
    pub const fn of_mqtt3_return_code(code: u8) -> Option<Self> {
        match code {
            1..=5 => Some(RETURN_CODES[code as usize - 1].2),
            _ => None,
        }
    }
}

/// Returns the class of a code by its name, such as `NotAuthorized`.
pub(in crate::classify) fn named(name: &str) -> Option<Class> {
    super::named(&RETURN_CODES, name).or_else(|| super::named(REASONS, name))
}
