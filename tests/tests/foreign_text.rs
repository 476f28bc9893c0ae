//! Texts from outside, such as names, keys and errors, in every `Display` and `Debug` of this library that shows one: on
//! one line, without what a terminal obeys, and bounded. `error!("{e}")` needs no filter.

use std::cell::RefCell;
use std::fmt::{Debug, Display};
use std::fs;
use std::path::PathBuf;

use retry_core::{
    Call, CircuitConfig, Class, Classify, Error, Failure, HealthCheck, Key, Policy, Preset, Retry,
    SharedCircuit,
    circuit::CountWindow,
    config::OperationsFile,
    dead_letter::{
        DeadLetter, DeadLetterQueue, FixedDeadLetterQueue, JsonLinesReader, JsonLinesSink, LetterContext,
        WhenFull,
    },
    observe::{ErrorText, Event, Metrics, Name, QueuedEvent, observer_fn},
    pool::{CircuitPool, FixedCircuitPool},
    testing::FakeClock,
};
use retry_tokio::ServiceError;
use serde::{Serialize, Serializer, ser};

/// The longest text of a value, in bytes: a few names, an error, and what the library says itself.
const MOST: usize = 6_000;

/// What may end a line, fake another one, reverse it, or move the cursor.
const NASTY: &str =
    "stock\r\n\u{1b}[2Jforged: ok\u{7f}\u{85}\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}\u{2029}\0";

fn texts() -> [String; 3] {
    [NASTY.to_owned(), "é".repeat(500_000), NASTY.repeat(20_000)]
}

/// An error whose text is foreign. Its `Debug` is its own.
struct Foreign(String);

impl Debug for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Foreign")
    }
}

impl Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Foreign {}

impl Classify for Foreign {
    fn classify(&self) -> Failure {
        Class::Server.into()
    }
}

impl Serialize for Foreign {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom(&self.0))
    }
}

/// The values shown, each under the name of its type.
#[derive(Default)]
struct Shown(RefCell<Vec<(String, String)>>);

impl Shown {
    fn display(&self, what: &str, value: impl Display) {
        self.0.borrow_mut().push((format!("{what}, Display"), format!("{value}")));
        self.0.borrow_mut().push((format!("{what}, alternate Display"), format!("{value:#}")));
        self.0.borrow_mut().push((format!("{what}, Display with a width"), format!("{value:>9}")));
    }

    fn debug(&self, what: &str, value: impl Debug) {
        self.0.borrow_mut().push((format!("{what}, Debug"), format!("{value:?}")));
    }

    fn both(&self, what: &str, value: impl Display + Debug) {
        self.display(what, &value);
        self.debug(what, &value);
    }
}

fn is_unclean(c: char) -> bool {
    c.is_control()
        || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}".contains(c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}

fn directory() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("foreign_text");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Calls, errors, events and names.
fn of_calls(text: &str, shown: &Shown) {
    let (name, key) = (Name::from(text.to_owned()), Key::new(text));
    shown.both("Name", &name);
    shown.both("Key", key);
    shown.both("ErrorText", ErrorText::new(&text));

    static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT.consecutive_failures(1));
    let clock = FakeClock::new();
    CIRCUIT.reset(clock.now());
    let observer = observer_fn(|event: &Event<'_>| {
        shown.both("Event", event);
        shown.both("QueuedEvent", QueuedEvent::from(event));
    });
    let letters = DeadLetterQueue::new(8, WhenFull::Refuse);
    let fixed = FixedDeadLetterQueue::<String, 8>::new(WhenFull::Refuse);
    let retry = Retry::new(&Policy::DEFAULT, &clock).named(&name).keyed(key);
    shown.debug("Retry", &retry);
    shown.debug("OneCall", retry.return_last());
    let metadata = &[(text, text); 100];
    let call = retry.dead_letters(&fixed).payload(String::new).metadata(metadata);
    shown.debug("DeadLetterCall", &call);
    shown.debug("Call", Call::new(&Policy::DEFAULT, clock.now()).named(&name).keyed(key));

    let retry = retry.circuit(&CIRCUIT).observe(&observer);
    let call = retry.dead_letters(&letters).payload(String::new);
    let error = call.run_blocking(|| Err::<(), _>(Foreign(text.to_owned()))).unwrap_err();
    shown.both("Error", &error);
    shown.both("ErrorContext", error.context());
    shown.display("Cause", error.cause().unwrap());
    shown.debug("DeadLetter", DeadLetter::of(&error, ()));
    shown.debug("LetterContext", LetterContext::new(&error).metadata(metadata));
    shown.debug("DeadLetterQueue", &letters);
    shown.debug("FixedDeadLetterQueue", &fixed);
    let ended = error.boxed();
    shown.display("ServiceError", ServiceError::NotRepeatable(ended));
    let refused: Error<Foreign> = retry.run_blocking(|| Ok::<(), _>(())).unwrap_err();
    shown.both("Error of a refusal", &refused);
    let metrics = Metrics::<4>::sized();
    let counted = Retry::new(&Policy::DEFAULT, &clock).named(&name).observe(&metrics);
    counted.run_blocking(|| Ok::<_, Foreign>(())).unwrap();
    shown.debug("Metrics", &metrics);
    shown.debug(
        "HealthCheck",
        HealthCheck::new(&CIRCUIT, &clock, std::time::Duration::ZERO).observe(&name, &()),
    );
}

fn of_pools(text: &str, shown: &Shown) {
    let pool = CircuitPool::<CountWindow<20>>::with_window(4, CircuitConfig::DEFAULT);
    let circuit = pool.get(text);
    shown.debug("PooledCircuit", &circuit);
    shown.debug("CircuitPool", &pool);
    let pool = FixedCircuitPool::<4>::new(CircuitConfig::DEFAULT);
    shown.debug("FixedCircuit", pool.get(text));
    shown.debug("FixedCircuitPool", &pool);
}

fn of_files(text: &str, shown: &Shown) {
    let path = directory().join("letters.jsonl");
    let sink = JsonLinesSink::open(&path).unwrap().limit(8 << 20);
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock).named(text.to_owned());
    let error = retry.run_blocking(|| Err::<(), _>(Foreign(text.to_owned()))).unwrap_err();
    sink.append(&DeadLetter::of(&error, ()), &LetterContext::new(&error).metadata(&[("a", text)])).unwrap();
    let failed = sink.store(DeadLetter::of(&error, Foreign(text.to_owned()))).unwrap_err();
    shown.display("JsonLinesError", &failed);
    shown.display("JsonLinesSink, last error", sink.last_error().unwrap());
    shown.debug("JsonLinesSink", &sink);

    let quoted = serde_json::to_string(text).unwrap();
    let line = fs::read_to_string(&path).unwrap();
    let mut fields: serde_json::Value = serde_json::from_str(&line).unwrap();
    // A forged file has names of any length.
    for field in ["operation", "error"] {
        fields[field] = text.into();
    }
    fields["metadata"] = serde_json::json!({ text: text });
    let no_letters = [quoted.clone(), format!("{{\"v\":{quoted}}}"), line.replace("Server", "\\nServer")];
    fs::write(&path, format!("{fields}\n{}\n", no_letters.join("\n"))).unwrap();
    let mut stored = 0;
    for line in JsonLinesReader::<()>::open(&path).unwrap().limit(8 << 20) {
        match line {
            Ok(letter) => {
                stored += 1;
                shown.debug("StoredLetter", letter);
            }
            Err(bad) => shown.display("BadLine", &bad),
        }
    }
    assert_eq!(stored, 1);

    let toml = format!("[{quoted}]\npolicy = {{ max_attempts = 2 }}\n");
    let Ok(file) = toml::from_str::<OperationsFile>(&toml) else { return };
    shown.debug("OperationsFile", &file);
    shown.both("FileError", file.over([Preset::HTTP]).unwrap_err());
}

#[test]
fn every_display_and_debug_is_clean_and_bounded() {
    for text in texts() {
        let shown = Shown::default();
        of_calls(&text, &shown);
        of_pools(&text, &shown);
        of_files(&text, &shown);
        for (what, line) in shown.0.into_inner() {
            let start: String = line.chars().take(200).collect();
            assert!(!line.contains(is_unclean), "{what}: {start:?}");
            assert!(line.len() <= MOST, "{what}: {} bytes: {start:?}", line.len());
        }
    }
}

#[test]
fn clean_texts_stay_as_they_are_and_keep_their_width() {
    let name = Name::from("stock.read");
    assert_eq!(format!("[{name:>12}] {name:?} {}", Key::new("eu")), "[  stock.read] \"stock.read\" eu");
    let whole = "x".repeat(128);
    assert_eq!(Name::from(whole.clone()).to_string(), whole);
    assert_eq!(Name::from(whole.clone() + "y").to_string(), whole.clone() + "..");
    assert_eq!(format!("{:?}", Name::from(whole.clone() + "y")), format!("\"{whole}\".."));
    assert_eq!(Name::from("a\nb").to_string(), "a\u{fffd}b");
    assert_eq!(Name::from("a\nb").as_str(), "a\nb");
    assert_eq!(Key::new("a\u{202e}b").to_string(), "a\u{fffd}b");
}

#[test]
fn the_users_own_error_keeps_its_own_display() {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let error = retry.run_blocking(|| Err::<(), _>(Foreign(NASTY.to_owned()))).unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(
        (source.to_string(), error.inner().unwrap().to_string()),
        (NASTY.to_owned(), NASTY.to_owned())
    );
    let whole = "x".repeat(1024);
    assert_eq!(retry_core::Cause::Failed(&whole).to_string(), whole);
    assert_eq!(retry_core::Cause::Failed(whole.clone() + "y").to_string(), whole + "..");
}
