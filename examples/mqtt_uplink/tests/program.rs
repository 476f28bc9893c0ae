//! The program on a machine that has no mosquitto.

use std::process::{Command, Output};

#[test]
fn without_a_broker_it_says_how_to_get_one_and_fails_only_if_it_is_required() {
    for (required, status) in [("0", 0), ("1", 1)] {
        let Output { status: ended, stdout, .. } = Command::new(env!("CARGO_BIN_EXE_mqtt_uplink"))
            .env("REQUIRE_SERVERS", required)
            .env("MOSQUITTO_PROGRAMS", "/nonexistent")
            .env_remove("MQTT_URL")
            .output()
            .unwrap();
        assert_eq!(ended.code(), Some(status));
        assert!(String::from_utf8_lossy(&stdout).contains("apt-get install mosquitto"));
    }
}
