//! An uplink that sends messages to an MQTT broker and loses none, and the outages that it is tried with.
//!
//! A service would copy `uplink`, `session`, `outbox`, `redrive` and `error`. `outage` starts a broker and breaks it.

pub mod error;
pub mod outage;
pub mod outbox;
pub mod redrive;
mod session;
pub mod uplink;

/// The code of the guide.
#[cfg(doctest)]
mod samples {
    #[doc = include_str!("../../../docs/mqtt.md")]
    mod mqtt {}
}
