//! The classifiers for the errors of rumqttc, of both versions of MQTT.

pub(crate) mod kinds;

use ::rumqttc::{self as v4, v5};
use retry_core::Failure;

use crate::error_chain;

/// Classifies a `ConnectionError` of rumqttc 0.25 for MQTT 3.1.1. Use it in [`Retry::classify`](retry_core::Retry::classify).
///
/// For MQTT 5, use [`rumqttc_v5_error`]. [`error_chain`] knows both at any depth, and agrees with both functions.
///
/// | error | class |
/// |---|---|
/// | the broker refused the connection, or ended it with a reason | by the code: of [MQTT 3.1.1](retry_core::Class::of_mqtt3_return_code) or [MQTT 5](retry_core::Class::of_mqtt_reason) |
/// | the connection was refused, or broke; what came is not MQTT | `Network`; if the system said more, [that](retry_core::Class) |
/// | no connection, no answer to a ping, or no acknowledgement in time | `Timeout` |
/// | a TLS handshake failed, for a certificate, say | `Permanent` |
/// | a packet of the broker is larger than the client accepts | `Validation` |
/// | a packet cannot be sent: too large, no topic filter, a topic alias | `Validation`, [neutral](Failure::neutral) |
/// | all clients of the event loop were dropped | `Permanent`, [neutral](Failure::neutral) |
///
/// ```
/// use retry_core::{Class, Policy};
/// use retry_tokio::{retry, rumqttc_error};
/// use rumqttc::{AsyncClient, MqttOptions};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let options = MqttOptions::new("meter-7", "127.0.0.1", 1); // nothing listens on this port
/// let (_client, mut events) = AsyncClient::new(options, 10);
/// let connections = retry(Policy::DEFAULT).classify(rumqttc_error);
/// let error = connections.run_mut(async || events.poll().await).await.unwrap_err();
/// assert_eq!((error.class(), error.attempts()), (Some(Class::Network), 3));
/// # }
/// ```
pub fn rumqttc_error(error: &v4::ConnectionError) -> Failure {
    error_chain().classify(error)
}

/// Classifies a `ConnectionError` of rumqttc 0.25 for MQTT 5, as [`rumqttc_error`] does for MQTT 3.1.1.
pub fn rumqttc_v5_error(error: &v5::ConnectionError) -> Failure {
    error_chain().classify(error)
}
