//! What an error of rumqttc means; the causes of connectors are left out.

use std::error::Error as StdError;

use ::rumqttc::{self as v4, v5};
use retry_core::{Class, Failure, classify::downcast};

use crate::database::of_socket;

/// Returns the failure that an error of rumqttc means, or the class to assume if its causes say nothing.
pub(crate) fn of_rumqttc(error: &(dyn StdError + 'static)) -> Option<Result<Failure, Class>> {
    downcast(error).map(of_v4).or_else(|| downcast(error).map(of_v5))
}

const NOT_SENT: Failure = Failure::new(Class::Validation).neutral();
const NO_CLIENT: Failure = Failure::new(Class::Permanent).neutral();

fn of_v4(error: &v4::ConnectionError) -> Result<Failure, Class> {
    use v4::{ConnectionError as E, StateError as S, mqttbytes::Error as B};
    Ok(match error {
        E::Io(io) | E::MqttState(S::Io(io) | S::Deserialization(B::Io(io))) => of_socket(Some(io)).into(),
        E::NetworkTimeout | E::FlushTimeout => Class::Timeout.into(),
        E::MqttState(S::AwaitPingResp | S::CollisionTimeout) => Class::Timeout.into(),
        E::ConnectionRefused(code) => of_code(*code as u8),
        E::MqttState(S::Deserialization(B::InvalidConnectReturnCode(code))) => of_code(*code),
        E::MqttState(S::Deserialization(B::PayloadSizeLimitExceeded(_))) => Class::Validation.into(),
        E::MqttState(S::EmptySubscription | S::Deserialization(B::OutgoingPacketTooLarge { .. })) => NOT_SENT,
        E::RequestsDone => NO_CLIENT,
        _ => return Err(Class::Network), // a broken protocol, or a connector, which has a cause
    })
}

fn of_v5(error: &v5::ConnectionError) -> Result<Failure, Class> {
    use v5::{ConnectionError as E, StateError as S, mqttbytes::Error as B};
    Ok(match error {
        E::Io(io) | E::MqttState(S::Io(io) | S::Deserialization(B::Io(io))) => of_socket(Some(io)).into(),
        E::Timeout(_) | E::MqttState(S::AwaitPingResp | S::CollisionTimeout) => Class::Timeout.into(),
        E::ConnectionRefused(code) | E::MqttState(S::ConnFail { reason: code }) => {
            of_code(V5_CODES[*code as usize])
        }
        E::MqttState(S::Deserialization(B::InvalidConnectReturnCode(code))) => of_code(*code),
        E::MqttState(S::ServerDisconnect { reason_code, .. }) => of_code(*reason_code as u8),
        E::MqttState(S::IncomingPacketTooLarge { .. }) => Class::Validation.into(),
        E::MqttState(S::Deserialization(B::PayloadSizeLimitExceeded { .. })) => Class::Validation.into(),
        E::MqttState(S::OutgoingPacketTooLarge { .. } | S::InvalidAlias { .. }) => NOT_SENT,
        E::MqttState(S::EmptySubscription | S::Deserialization(B::OutgoingPacketTooLarge { .. })) => NOT_SENT,
        E::RequestsDone => NO_CLIENT,
        _ => return Err(Class::Network),
    })
}

/// The codes of rumqttc's `v5::ConnectReturnCode`, in its order. 1 to 3 are those of MQTT 3.1.1.
#[rustfmt::skip]
const V5_CODES: [u8; 25] = [
    0, 1, 2, 3, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A,
    0x9B, 0x9C, 0x9D, 0x9F,
];

/// A broker of another version of MQTT answers with that version's code.
fn of_code(code: u8) -> Failure {
    let class = Class::of_mqtt_reason(code).or_else(|| Class::of_mqtt3_return_code(code));
    class.unwrap_or(Class::Network).into()
}
