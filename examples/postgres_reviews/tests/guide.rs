//! The table of the guide against the classes and the preset.

use retry_core::{Class, Preset};

#[test]
fn the_guide_names_the_class_of_each_code_and_what_the_preset_does() {
    let guide = include_str!("../../../docs/postgres.md");
    let mut codes = 0;
    for row in guide.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, listed, _, class, by_preset, _] = cells[..] else { continue }; // a table with fewer columns
        for code in listed.split(", ").map(|code| code.trim_matches('`')) {
            let found = Class::of_sqlstate(&format!("{code:0<5}")).unwrap();
            let retried = if Preset::DATABASE.policy.retries(found) { "retried" } else { "given up" };
            assert_eq!((format!("`{found}`").as_str(), retried), (class, by_preset), "{code}");
            codes += 1;
        }
    }
    assert!(codes >= 20, "only {codes} codes were found");
}
