//! `error_texts`: the class of an error of which only the text is left, and what the presets make of it.

use std::fs;

use retry_core::classify::Messages;
use retry_core::{Class, Preset};
use serde_json::Value;

use crate::json;
use crate::outcome::Outcome;

pub(crate) fn cases(_meta: &Value, case: &Value) -> Outcome {
    json::replay(case, |case| {
        let text = case.fields("given")?.get::<&str>("error_text")?;
        let wanted = case.fields("expect")?.get::<&str>("class")?;
        let Some(wanted) = class_named(wanted) else {
            return json::fail(format!("unknown class: {wanted}"));
        };
        let ours = Messages::DEFAULT.classify(text);
        Ok(Outcome::check(ours == wanted, || format!("{text:?}: {ours} for {wanted}")))
    })
}

/// Returns the class that a configuration file calls so.
fn class_named(name: &str) -> Option<Class> {
    let name = name.replace('_', "");
    Class::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(&name))
}

/// The text, the class that it should get, and where it comes from.
fn texts() -> Vec<(String, Class, String)> {
    let path = crate::directory().join("error_texts.json");
    let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_str(&file).expect("the file is JSON");
    let string = |value: &Value| value.as_str().expect("a string").to_owned();
    let cases = file["cases"].as_array().expect("a list of cases");
    let row = |case: &Value| {
        let class = class_named(&string(&case["expect"]["class"])).expect("a class");
        (string(&case["given"]["error_text"]), class, string(&case["source_test"]))
    };
    cases.iter().map(row).collect()
}

/// The preset for the dependency that a text comes from.
fn preset_of(source: &str) -> Preset {
    match source.split([' ', ',']).next() {
        Some("redis" | "redis-rs") => Preset::CACHE,
        Some("pg" | "cockroach" | "sqlx" | "mysql" | "mysql_async" | "sqlite" | "mongo") => Preset::DATABASE,
        Some("s3" | "ddb" | "aws") => Preset::S3,
        _ => Preset::HTTP,
    }
}

/// Prints for each text and preset whether the text is retried: `cargo test -p tests --test vectors -- --nocapture`.
#[test]
fn no_preset_gives_up_a_text_that_passes_by_itself() {
    let passes_by_itself =
        |class| matches!(class, Class::Transient | Class::Timeout | Class::RateLimit | Class::Network);
    let texts = texts();
    let mut given_up = Vec::new();
    let mut right = 0;
    println!("{} text", Preset::ALL.map(|preset| format!("{:>12}", preset.name)).concat());
    for (text, class, source) in &texts {
        let ours = Messages::DEFAULT.classify(text);
        right += u32::from(ours == *class);
        let mark = |preset: Preset| if preset.policy.retries(ours) { "retried" } else { "-" };
        println!("{} {ours}: {text}", Preset::ALL.map(|preset| format!("{:>12}", mark(preset))).concat());

        let own = preset_of(source);
        if passes_by_itself(*class) && !own.policy.retries(ours) {
            given_up.push(format!("{}: {text}", own.name));
        }
        // Every other preset retries what it would retry if it knew the class.
        for preset in Preset::ALL {
            if preset.policy.retries(*class) && passes_by_itself(*class) && !preset.policy.retries(ours) {
                given_up.push(format!("{}: {text}", preset.name));
            }
        }
    }
    println!("{right} of {} texts have their class", texts.len());
    assert!(given_up.is_empty(), "given up:\n{}", given_up.join("\n"));
    assert!(right * 169 >= 160 * u32::try_from(texts.len()).expect("few texts"), "{right}");
}

/// A text without the words around its code: a word that is neither a code nor part of its place becomes `lorem`.
fn without_words(text: &str) -> String {
    // What shows that a number or a name is a code.
    const PLACES: &[&str] = &[
        "os", "error", "errno", "http", "status", "code", "return", "returned", "response", "got", "curl",
        "err",
    ];
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut without = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| is_of_word(letter) != is_of_word(first)).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        let is_word = is_of_word(first);
        let has_digit = part.bytes().any(|byte| byte.is_ascii_digit());
        let is_capital = part.len() > 2 && !part.bytes().any(|byte| byte.is_ascii_lowercase());
        let has_hump = part
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
        // `status: Unavailable`
        let is_named = rest.as_ptr() as usize > text.as_ptr() as usize
            && text[..text.len() - rest.len()].ends_with("status: ");
        let is_place = PLACES.iter().any(|place| part.eq_ignore_ascii_case(place));
        let is_kept = !is_word || has_digit || is_capital || has_hump || is_named || is_place;
        without.push_str(if is_kept { part } else { "lorem" });
        rest = after;
    }
    without
}

/// Words that overrule the name or code beside them: a limit of size that gRPC reports as a limit of resources, a
/// missing file that is the socket of a server, and a TLS record that is none.
const OVERRULING: [&str; 3] =
    ["message larger than max", "Failed to connect to /", "received corrupt message"];

#[test]
fn a_code_decides_without_the_words_around_it() {
    let texts = texts();
    let mut by_code = 0;
    for (text, class, _) in &texts {
        if OVERRULING.iter().any(|words| text.contains(words)) {
            continue;
        }
        let without = without_words(text);
        let ours = Messages::DEFAULT.classify(&without);
        if ours != Class::Unknown {
            println!("{ours}: {without}");
            assert_eq!(ours, *class, "{without}\n{text}");
            by_code += 1;
        }
    }
    println!("{by_code} of {} texts have a code", texts.len());
    assert!(by_code * 169 >= 80 * texts.len(), "{by_code}");
}
