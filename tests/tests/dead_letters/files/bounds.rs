//! Names, errors and metadata of any length and with any characters. A letter stays one line, of limited length.

use proptest::prelude::*;
use retry_core::{Class, Policy, Retry, dead_letter::JsonLinesSink, observe::ErrorText, testing::FakeClock};
use serde_json::value::RawValue;

use super::{directory, read};

/// Characters that end a line, control a terminal, or change the direction of text.
fn unclean(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let unclean = |c: &char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || turns(*c);
    text.chars().filter(unclean).collect()
}

#[derive(Debug)]
struct Long;

impl std::fmt::Display for Long {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (0..100_000).try_for_each(|n| write!(f, "{n}\u{1b}[31m"))
    }
}

#[test]
fn names_with_control_characters_or_of_10_kb_are_escaped_and_cut() {
    let path = directory("bounds").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    let clock = FakeClock::new();
    let ten_kb = "ä\u{7}".repeat(3_334);
    let names: Vec<_> = (0..1_000).map(|n| format!("{n}\u{7}")).collect();
    let metadata: Vec<_> = names.iter().map(|name| (name.as_str(), ten_kb.as_str())).collect();
    let retry =
        Retry::new(&Policy::DEFAULT, &clock).classify(|_: &Long| Class::Server).named(&ten_kb).keyed(&ten_kb);
    let call = retry
        .dead_letters(&letters)
        .metadata(&metadata)
        .payload(|| "line 1\nline 2\u{9b}31m\u{2028}\u{202e}\u{7f}");
    call.run_blocking(|| Err::<(), _>(Long)).unwrap_err();

    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(unclean(&text), "\n");
    assert!(text.len() < 32 << 10, "{} bytes", text.len());
    assert!(text.contains(r#"\u0007"#) && text.contains(r#""metadata_left_out":968"#), "{text}");

    let stored = read::<String>(&path).remove(0);
    assert_eq!(stored.letter.payload, "line 1\nline 2\u{9b}31m\u{2028}\u{202e}\u{7f}"); // a payload is not cut
    let cut = stored.operation.strip_suffix("..").unwrap();
    assert!((250..=256).contains(&cut.len()) && ten_kb.starts_with(cut));
    assert!(stored.letter.key.as_str().len() <= 23 && ten_kb.starts_with(stored.letter.key.as_str()));
    assert_eq!((stored.metadata.len(), stored.metadata_left_out), (32, 968));
    for ((name, value), expected) in stored.metadata.iter().zip(&names) {
        let cut = value.strip_suffix("..").unwrap();
        assert!(name == expected && (250..=256).contains(&cut.len()) && ten_kb.starts_with(cut));
    }
    assert_eq!(stored.error.unwrap(), ErrorText::new(&Long).to_string());
}

#[test]
fn raw_json_of_a_payload_stays_on_one_line_with_the_same_value() {
    let path = directory("raw").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let raw = "{\n\t\"order\" :\r\n [7 , \"apples\\n\u{9b}31m\u{2028}\u{2066}\u{7f}\"]\n}";
    for _ in 0..2 {
        let payload = || RawValue::from_string(raw.to_owned()).unwrap();
        let call = retry.dead_letters(&letters).payload(payload);
        call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    }
    assert_eq!((letters.kept(), letters.failed()), (2, 0));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert_eq!(unclean(&text), "\n\n");
    for stored in read::<serde_json::Value>(&path) {
        assert_eq!(stored.letter.payload, serde_json::from_str::<serde_json::Value>(raw).unwrap());
    }
}

#[test]
fn pairs_of_the_metadata_stay_distinct_and_left_out_ones_are_counted() {
    let directory = directory("pairs");
    let (path, again) = (directory.join("letters.jsonl"), directory.join("again.jsonl"));
    let letters = JsonLinesSink::open(&path).unwrap();
    let clock = FakeClock::new();
    let long = "x".repeat(64);
    let (one, other) = (format!("{long}1"), format!("{long}2"));
    // The limit is inside a character, and the text is cut only once.
    let value = format!("x{}", "ä".repeat(200));
    let metadata =
        [("tenant", "north"), ("tenant", "south"), (&long, &value), (&one, "1"), (&other, "2"), ("a", "")];
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let call = retry.dead_letters(&letters).metadata(&metadata);
    call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    let stored = read::<()>(&path).remove(0);
    let cut = format!("x{}..", "ä".repeat(127));
    let expected = [("tenant", "north"), (&long, &cut), ("a", "")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!((&stored.metadata[..], stored.metadata_left_out), (&expected[..], 3));
    // It stays like this, however often the letter is put back.
    letters.rotate(&again).unwrap();
    letters.requeue(stored.clone()).unwrap();
    let mut back = read::<()>(&path).remove(0);
    assert_eq!(back.letter.requeued, 1);
    back.letter.requeued = 0;
    assert_eq!(back, stored);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z\\.]{0,12}",
        "[\\x00-\\x1f\\x7f\"\\\\\u{80}-\u{9f}\u{61c}\u{200b}-\u{2070}]{0,20}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_text_of_a_letter_is_read_back(operation in text(), name in text(), value in text(), payload in text()) {
        let path = directory("round_trip").join("letters.jsonl");
        let letters = JsonLinesSink::open(&path).unwrap().on_disk(retry_core::dead_letter::OnDisk::WhenTold);
        let clock = FakeClock::new();
        let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|_: &String| Class::Server).named(&operation);
        let metadata = [(name.as_str(), value.as_str())];
        let call = retry.dead_letters(&letters).metadata(&metadata).payload(|| payload.clone());
        call.run_blocking(|| Err::<(), _>(value.clone())).unwrap_err();

        let text = std::fs::read_to_string(&path).unwrap();
        prop_assert_eq!(unclean(&text), "\n");
        let stored = read::<String>(&path).remove(0);
        let whole = |stored: &str, text: &str, most: usize| match stored.strip_suffix("..") {
            Some(cut) if text.len() > most => text.starts_with(cut),
            _ => stored == text,
        };
        prop_assert_eq!(&stored.letter.payload, &payload);
        prop_assert_eq!(stored.letter.operation, retry_core::Key::new(&stored.operation));
        prop_assert!(whole(&stored.operation, &operation, 256));
        match stored.metadata.first() {
            Some((kept, said)) => prop_assert!(*kept == name && whole(said, &value, 256)),
            None => prop_assert!(name.len() > 64 && stored.metadata_left_out == 1),
        }
        prop_assert_eq!(stored.error.as_deref(), Some(&*ErrorText::new(&value).to_string()));
    }
}
