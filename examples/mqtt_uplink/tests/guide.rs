//! The table of the guide against the classes and the policy of the uplink.

use mqtt_uplink::uplink::CONNECTIONS;
use retry_core::Class;

#[test]
fn the_guide_names_the_class_of_each_code_and_what_the_policy_does() {
    let guide = include_str!("../../../docs/mqtt.md");
    let mut codes = 0;
    for row in guide.lines().filter(|line| line.starts_with("| `0x")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, reasons, old, _, class, retried, _] = cells[..] else { panic!("{row}") };
        for code in reasons.split(", ") {
            let code = u8::from_str_radix(code.trim_matches('`').trim_start_matches("0x"), 16).unwrap();
            check(Class::of_mqtt_reason(code), class, retried, row);
            codes += 1;
        }
        for code in old.split(", ").filter(|code| !code.is_empty()) {
            check(Class::of_mqtt3_return_code(code.trim_matches('`').parse().unwrap()), class, retried, row);
        }
    }
    assert!(codes >= 15, "only {codes} codes were found");
}

fn check(found: Option<Class>, class: &str, retried: &str, row: &str) {
    let found = found.unwrap();
    let by_policy = if CONNECTIONS.retries(found) { "yes" } else { "no" };
    assert_eq!((format!("`{found}`").as_str(), by_policy), (class, retried), "{row}");
}
