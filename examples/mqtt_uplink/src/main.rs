//! Breaks an MQTT broker and its connections in eleven ways while an uplink sends messages, and reports what arrived.
//!
//! It exits with 1 if a claim fails. If mosquitto is not installed, it says so and exits with 0, or with 1 if the variable
//! `REQUIRE_SERVERS` is 1. With a broker at `MQTT_URL`, only the parts run that leave the broker alone.

mod parts;

use std::fs;
use std::process::ExitCode;

use harness::server::{is_required, skipped};
use harness::wait::part;
use harness::watchdog::Watchdog;
use mqtt_uplink::outage::broker::Broker;
use tokio::time::Instant;

#[tokio::main]
async fn main() -> ExitCode {
    let mut broker = match Broker::start() {
        Ok(Some(broker)) => broker,
        Ok(None) => return skipped("mosquitto", "mosquitto"),
        Err(error) => {
            eprintln!("mqtt_uplink: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = run(&mut broker).await;
    _ = fs::remove_dir_all(parts::directory()); // if that fails, the system removes it
    match ended {
        Ok(0) => ExitCode::SUCCESS,
        Ok(parts) => {
            println!("{parts} parts were skipped: they need a broker of their own, so unset MQTT_URL");
            if is_required() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("mqtt_uplink: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns how many parts were skipped.
async fn run(broker: &mut Broker) -> parts::Result<u32> {
    // The broker's own watchdog removes the rest.
    let _watchdog = Watchdog::start(r#"rm -rf "$1""#, &[parts::directory()])?;
    let start = Instant::now();
    let mut skipped = 0;
    macro_rules! parts {
        ($($title:literal: $part:ident $(($needs:ident))?;)*) => {$(
            if true $(&& broker.$needs())? {
                println!("{}", $title);
                let start = Instant::now();
                let report = part(parts::$part(broker)).await?.map_err(|error| format!("{}: {error}", $title))?;
                println!("    {report}, in {} ms", start.elapsed().as_millis());
            } else {
                skipped += 1;
            }
        )*};
    }
    parts! {
        "the broker starts late": late (is_own);
        "the broker is killed by SIGKILL, three times, in a stream of 3000 messages": killed (is_own);
        "the broker is paused by SIGSTOP": paused (is_own);
        "outages after good spells begin anew": good_spells (is_own);
        "the password is refused": refused (is_own);
        "the topic is not allowed": denied (is_own);
        "nothing subscribes to the topic": no_subscriber (is_own);
        "the outbox overflows": overflow (is_own);
        "the service stops while the broker is down": stopped (is_own);
        "the connection is cut before an acknowledgement, three times": lost_acknowledgement;
        "the connection is cut whenever it was accepted": cut_after_acceptance;
    }
    println!("all claims hold, in {} ms", start.elapsed().as_millis());
    Ok(skipped)
}
