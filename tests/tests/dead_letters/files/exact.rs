//! A letter in a file is read back as it was, or goes to the next sink.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug, Display};

use proptest::prelude::*;
use retry_core::{
    Class, Policy, Retry,
    dead_letter::{
        DeadLetter, DeadLetterQueue, JsonLinesReader, JsonLinesSink, LetterContext, LetterLine, OnDisk,
        OrElse, StoredLetter, WhenFull,
    },
    testing::FakeClock,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

use super::{directory, read};

/// Leaves a letter to a file, or else to a queue. Returns what is in the file, and why the file refused the letter.
fn leave<T: Serialize + DeserializeOwned + Clone>(letters: &JsonLinesSink, payload: &T) -> Result<T, String> {
    let (clock, failed) = (FakeClock::new(), letters.failed());
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let rest = DeadLetterQueue::new(1, WhenFull::Refuse);
    let both = OrElse::new(letters, &rest);
    let call = retry.dead_letters(&both).payload(|| payload.clone());
    call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    match rest.pop() {
        Some(_) => {
            assert_eq!(letters.failed(), failed + 1);
            Err(letters.last_error().unwrap())
        }
        None => {
            let text = std::fs::read_to_string(letters.path()).unwrap();
            let last = text.lines().next_back().unwrap().as_bytes();
            Ok(JsonLinesReader::new(last).next().unwrap().unwrap().letter.payload)
        }
    }
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Twice {
    id: u32,
    #[serde(flatten)]
    more: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Measure {
    None,
    One(f64),
    Two(f32, f32),
    Named { value: f64 },
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Reading(Option<f64>);

/// A key whose text is the same for all values.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String", from = "String")]
struct Same(u8);

impl From<Same> for String {
    fn from(_: Same) -> Self {
        "same".to_owned()
    }
}

impl From<String> for Same {
    fn from(_: String) -> Self {
        Self(0)
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
struct Raw(Box<RawValue>);

#[test]
fn a_payload_that_would_be_read_back_differently_goes_to_the_next_sink() {
    let letters = JsonLinesSink::open(directory("exact").join("letters.jsonl")).unwrap();
    fn refused<T: Serialize + DeserializeOwned + Clone>(letters: &JsonLinesSink, payload: &T, why: &str) {
        let before = std::fs::metadata(letters.path()).unwrap().len();
        let error = leave(letters, payload).err().expect(why);
        assert!(
            error.starts_with("the payload cannot be written as JSON: ") && error.contains(why),
            "{error}"
        );
        assert_eq!(std::fs::metadata(letters.path()).unwrap().len(), before);
    }
    let l = &letters;
    refused(l, &f64::NAN, "NaN is not a number of JSON");
    refused(l, &f32::NEG_INFINITY, "-inf is not a number of JSON");
    refused(l, &vec![1.0, f64::INFINITY], "inf is not");
    refused(l, &(1, f64::NAN), "NaN is not");
    refused(l, &Some(f64::NAN), "NaN is not");
    refused(l, &BTreeMap::from([("a".to_owned(), f64::NAN)]), "NaN is not");
    refused(l, &Measure::One(f64::NAN), "NaN is not");
    refused(l, &Measure::Two(1.0, f32::NAN), "NaN is not");
    refused(l, &Measure::Named { value: f64::NAN }, "NaN is not");
    refused(l, &Reading(Some(f64::NAN)), "NaN is not");
    refused(l, &Some(None::<u8>), "a `Some` without a value");
    refused(l, &Some(()), "a `Some` without a value");
    refused(l, &Some(Reading(None)), "a `Some` without a value");
    refused(l, &nested(127), "recursion limit exceeded");
    refused(l, &nested(1_000), "recursion limit exceeded");
    refused(l, &raw(&format!("{}{}", "[".repeat(127), "]".repeat(127))), "recursion limit exceeded");
    refused(l, &Twice { id: 1, more: BTreeMap::from([("id".to_owned(), 2)]) }, "the same name twice");
    refused(l, &HashMap::from([(Same(1), 1), (Same(2), 2)]), "the same name twice");
    refused(l, &raw(r#"{"a":1,"b":{"c":1,"c":2}}"#), "the same name twice");
    refused(l, &raw(r#"{"a":1,"\u0061":2}"#), "the same name twice");
    refused(l, &raw(r#"["\ud800"]"#), "hex escape");
    refused(l, &raw(r#"{"\udc00":1}"#), "hex escape");
    refused(l, &raw(r#""\ud800\u0041""#), "hex escape");
    refused(l, &raw("1e999"), "number out of range");
    refused(l, &raw("[-1e400]"), "number out of range");
    assert_eq!(letters.kept(), 0);
}

#[test]
fn a_payload_at_the_limits_of_json_is_kept_and_read_back() {
    let letters = JsonLinesSink::open(directory("at_limits").join("letters.jsonl")).unwrap();
    fn kept<T: Serialize + DeserializeOwned + Clone + PartialEq + Debug>(
        letters: &JsonLinesSink,
        payload: T,
    ) {
        assert_eq!(leave(letters, &payload).as_ref(), Ok(&payload));
    }
    let l = &letters;
    kept(l, nested(126));
    kept(l, (u64::MAX, i64::MIN, u128::MAX, i128::MIN));
    kept(l, vec![f64::MAX, f64::MIN_POSITIVE, 5e-324, -0.0, 0.1 + 0.2, 9_007_199_254_740_993.0]);
    kept(l, vec![f32::MAX, f32::MIN_POSITIVE, 1e-45, 16_777_217.0]);
    kept(l, (Measure::None, Measure::Two(0.1, 1e38), Reading(None), Some(Reading(Some(0.5)))));
    kept(l, "\u{0}\u{10ffff}\u{d7ff}\u{e000}\u{feff}\r\n\t\"\\\u{2028}".to_owned());
    kept(l, json!({"a": {"a": 1}, "b": [{"a": 1}, {"a": null}], "": 18_446_744_073_709_551_615_u64}));
    kept(l, HashMap::from([(i128::MIN, 'ä'), (7, '\0')]));
    // Raw JSON keeps numbers of any length, digit by digit.
    for text in
        ["123456789012345678901234567890", "0.10000000000000000000000001", "1E5", "-0", "[1.00, 1e-999]"]
    {
        assert_eq!(leave(l, &Raw(raw(text))).unwrap().0.get(), text);
    }
    let mixed = raw(r#"{"amount": 12345678901234567890.000000000000000001, "text": "\ud83d\ude00"}"#);
    assert_eq!(leave(l, &mixed).unwrap().get(), mixed.get());
    assert_eq!(letters.failed(), 0);
    // The whole line can be read by programs that keep it in memory.
    for line in std::fs::read_to_string(letters.path()).unwrap().lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

/// An error whose text fails, and one whose text has every kind of character.
struct Odd(&'static str);

impl Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)?;
        if self.0.is_empty() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[test]
fn the_text_of_an_error_never_keeps_a_letter_out_of_the_file() {
    let letters = JsonLinesSink::open(directory("odd_errors").join("letters.jsonl")).unwrap();
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|_: &Odd| Class::Server);
    // The text of an error, and what the letter holds of it: it is cleaned.
    let rows = [
        ("", ""),
        ("\u{0}\u{1b}[2J\u{202e}\"}\n", "\u{fffd}\u{fffd}[2J\u{fffd}\"}\u{fffd}"),
        ("\u{feff}", "\u{feff}"),
    ];
    for (text, expected) in rows {
        retry.dead_letters(&letters).run_blocking(|| Err::<(), _>(Odd(text))).unwrap_err();
        let stored = read::<()>(&letters.path().to_owned()).pop().unwrap();
        assert_eq!(stored.error.as_deref(), Some(expected));
    }
}

#[test]
fn a_letter_without_its_error_keeps_a_long_operation_apart_from_others() {
    let path = directory("long_operation").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    let mut stored = Vec::new();
    for name in ["inventory.internal.update", "inventory.internal.remove"] {
        let retry = Retry::new(&Policy::DEFAULT, FakeClock::new()).named(name);
        let error = retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
        let letter = DeadLetter::of(&error, ());
        letters.store(letter).unwrap();
        stored.push(letter.operation);
    }
    drop(letters);
    let read = read::<()>(&path).into_iter().map(|it| it.letter.operation);
    assert_eq!(Vec::from_iter(read), stored);
    assert_ne!(stored[0], stored[1]);
}

#[test]
fn a_line_is_made_and_read_without_a_file() {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.write").keyed("eu");
    let error = retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    let context = LetterContext::new(&error).metadata(&[("tenant", "north\n")]);
    let letter = DeadLetter::of(&error, "7 apples".to_owned());
    let line = LetterLine::of(&letter, &context).unwrap();
    assert_eq!((line.id(), line.reason()), (letter.id, letter.reason));
    assert_eq!(format!("{}\n", line.as_str()), line.with_end());
    assert_eq!(line.with_end().lines().count(), 1);
    let stored = StoredLetter::<String>::from_line(line.as_str()).unwrap();
    assert_eq!(stored, StoredLetter::from_line(line.with_end()).unwrap());
    assert_eq!((&stored.letter, stored.operation.as_str()), (&letter, "stock.write"));
    assert_eq!((stored.error.as_deref(), stored.metadata.len()), (Some("Network"), 1));
    // It stays the same line when it is made again, and a file writes the same.
    assert_eq!(LetterLine::again(&stored).unwrap(), line);
    let path = directory("same_line").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    letters.append(&letter, &context).unwrap();
    letters.append_line(&line).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), line.with_end().repeat(2));

    assert!(LetterLine::of(&DeadLetter::of(&error, f64::NAN), &context).is_err());
    for (bad, why) in [
        ("", "EOF"),
        ("7 apples", "expected a map"),
        (&line.as_str().replace("\"v\":1", "\"v\":7"), "version 7, not 1"),
        (&line.as_str().replace("\"7 apples\"", "7"), "payload: "),
        (
            &line.as_str().replace("\"id\":\"0", "\"id\":\"x"),
            "id: not the id of a dead letter, which is a UUID",
        ),
        (&line.as_str()[..50], "EOF"),
        (&format!("{} {}", line.as_str(), line.as_str()), "trailing"),
    ] {
        let error = StoredLetter::<String>::from_line(bad).unwrap_err().to_string();
        assert!(error.starts_with("not a dead letter: ") && error.contains(why), "{error}: {why}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_json_is_kept_and_read_back_the_same(value in any_value(), floats in prop::collection::vec(any::<f64>(), 0..4)) {
        let letters = JsonLinesSink::open(directory("any_json").join("letters.jsonl")).unwrap();
        let letters = letters.on_disk(OnDisk::WhenTold);
        prop_assert_eq!(leave(&letters, &value), Ok(value));
        let bits = |floats: &[f64]| floats.iter().map(|float| float.to_bits()).collect::<Vec<_>>();
        match leave(&letters, &floats) {
            Ok(back) => prop_assert_eq!(bits(&back), bits(&floats)),
            Err(_) => prop_assert!(!floats.iter().all(|float| float.is_finite())),
        }
    }
}
