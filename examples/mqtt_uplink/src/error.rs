//! What can go wrong with a connection and with a message, and what it means to the policies.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use retry_core::{Class, Classify, Failure, observe::ErrorText};
use retry_tokio::rumqttc_v5_error;
use rumqttc::v5::ConnectionError;
use rumqttc::v5::mqttbytes::v5::PubAckReason;

/// Why a connection to the broker ended.
#[derive(Debug)]
pub enum SessionError {
    /// It was refused, or it broke.
    Connection(Box<ConnectionError>),
    /// The broker did not acknowledge a message in this time.
    NotAcknowledged(Duration),
}

/// Why the delivery of a message failed.
#[derive(Debug)]
pub enum DeliveryError {
    /// The outbox is full.
    Full,
    /// The broker has taken the message, and dropped it, because nothing subscribes to its topic.
    NoSubscriber,
    /// The broker refused the message.
    Refused(PubAckReason),
    /// The topic is empty or has wildcards, or the message is too large.
    Invalid,
    /// The uplink was stopped before the broker acknowledged the message.
    Stopped,
}

impl Classify for SessionError {
    fn classify(&self) -> Failure {
        match self {
            Self::Connection(error) => rumqttc_v5_error(error),
            Self::NotAcknowledged(_) => Class::Timeout.into(),
        }
    }

    /// For events and logs.
    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::new(self))
    }
}

impl Classify for DeliveryError {
    fn classify(&self) -> Failure {
        match self {
            Self::Full => Failure::new(Class::Transient).neutral(), // says nothing about the broker
            Self::NoSubscriber => Class::Transient.into(),
            Self::Refused(reason) => Class::of_mqtt_reason(code(*reason)).unwrap_or(Class::Unknown).into(),
            Self::Invalid => Failure::new(Class::Validation).neutral(),
            Self::Stopped => Failure::new(Class::Permanent).neutral(),
        }
    }

    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::new(self))
    }
}

/// rumqttc keeps the numbers of these reasons to itself.
fn code(reason: PubAckReason) -> u8 {
    match reason {
        PubAckReason::Success => 0x00,
        PubAckReason::NoMatchingSubscribers => 0x10,
        PubAckReason::UnspecifiedError => 0x80,
        PubAckReason::ImplementationSpecificError => 0x83,
        PubAckReason::NotAuthorized => 0x87,
        PubAckReason::TopicNameInvalid => 0x90,
        PubAckReason::PacketIdentifierInUse => 0x91,
        PubAckReason::QuotaExceeded => 0x97,
        PubAckReason::PayloadFormatInvalid => 0x99,
    }
}

impl From<ConnectionError> for SessionError {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(Box::new(error))
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::NotAcknowledged(time) => write!(f, "a message was not acknowledged within {time:?}"),
        }
    }
}

impl fmt::Display for DeliveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the outbox is full"),
            Self::NoSubscriber => f.write_str("nothing subscribes to the topic"),
            Self::Refused(reason) => write!(f, "the broker refused the message: {reason:?}"),
            Self::Invalid => f.write_str("the topic is invalid, or the message is too large"),
            Self::Stopped => f.write_str("the uplink was stopped"),
        }
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Connection(error) => error.source(),
            Self::NotAcknowledged(_) => None,
        }
    }
}

impl Error for DeliveryError {}
