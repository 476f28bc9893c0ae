//! `error_texts`: the class of an error of which only the text is left, and what the presets make of it.

use std::{env, fs};

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

/// The text, the class that it should get, and where it comes from. Another directory may have none.
fn texts() -> Vec<(String, Class, String)> {
    let path = crate::directory().join("error_texts.json");
    if crate::is_of_others() && !path.exists() {
        println!("skipped: {} does not exist", path.display());
        return Vec::new();
    }
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

/// The table of each text and preset. `UPDATE=1 cargo test -p tests --test vectors` writes it anew.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/error_texts.txt");

/// Whether a class passes by itself, so that another attempt may work.
const fn passes_by_itself(class: Class) -> bool {
    matches!(class, Class::Transient | Class::Timeout | Class::RateLimit | Class::Network)
}

#[test]
fn no_preset_gives_up_a_text_that_passes_by_itself() {
    let texts = texts();
    let mut given_up = Vec::new();
    let mut right = 0;
    for (text, class, source) in &texts {
        let ours = Messages::DEFAULT.classify(text);
        right += usize::from(ours == *class);
        let own = preset_of(source);
        for preset in Preset::ALL {
            // Other presets retry what they would retry if they knew the class.
            let must_retry = preset.name == own.name || preset.policy.retries(*class);
            if must_retry && passes_by_itself(*class) && !preset.policy.retries(ours) {
                given_up.push(format!("{}: {text}", preset.name));
            }
        }
    }
    println!("{right} of {} texts have their class", texts.len());
    assert!(given_up.is_empty(), "given up:\n{}", given_up.join("\n"));
    assert!(right * 169 >= 160 * texts.len(), "{right}");
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
        let end = OVERRULING.iter().find(|words| rest.starts_with(**words)).map_or(end, |words| words.len());
        let (part, after) = rest.split_at(end);
        let is_word = is_of_word(first);
        let has_digit = part.bytes().any(|byte| byte.is_ascii_digit());
        let is_capital = part.len() > 2 && !part.bytes().any(|byte| byte.is_ascii_lowercase());
        let has_hump = part
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
        // `status: Unavailable`
        let is_named = without.ends_with("status: ");
        let is_place = PLACES.iter().any(|place| part.eq_ignore_ascii_case(place));
        let is_kept = !is_word
            || has_digit
            || is_capital
            || has_hump
            || is_named
            || is_place
            || OVERRULING.contains(&part);
        without.push_str(if is_kept { part } else { "lorem" });
        rest = after;
    }
    without
}

/// Words that say what a code means, so they belong to it. Without them, the code alone would have another class.
///
/// - gRPC has one code, `RESOURCE_EXHAUSTED`, for a limit of rates and for a limit of sizes.
/// - The error number of a missing file is that of a missing socket, too: the server has stopped.
/// - rustls names the part of a record that it cannot read, such as `InvalidContentType`: this is no code of a service.
const OVERRULING: [&str; 3] = ["message larger than max", "connect to", "received corrupt message"];

/// The class of a text by its code alone; `Unknown` if it has none.
fn by_code(text: &str) -> Class {
    Messages::DEFAULT.classify(&without_words(text))
}

#[test]
fn a_code_decides_without_the_words_around_it() {
    for (text, class, _) in texts() {
        let ours = by_code(&text);
        let is_right = ours == class || ours == Class::Unknown;
        if crate::is_of_others() && !is_right {
            // Other phrases than those of `OVERRULING` may say what a code means.
            println!("{class} by its words, {ours} by {}", without_words(&text));
            continue;
        }
        assert!(is_right, "{ours} by {}\n{text}", without_words(&text));
    }
}

#[test]
fn each_of_the_overruling_words_is_needed() {
    let texts = texts();
    for words in OVERRULING {
        let is_needed = texts.iter().any(|(text, class, _)| {
            let other = text.replace(words, "lorem");
            other != *text && ![*class, Class::Unknown].contains(&by_code(&other))
        });
        // Other directories may lack such a text.
        assert!(is_needed || crate::is_of_others(), "{words}");
    }
}

/// One line for each text. The texts that pass by themselves, and those with a code, are counted at the end.
fn table() -> String {
    let names = Preset::ALL.map(|preset| preset.name);
    let mut table = String::from(
        "Which texts of error_texts.json each preset retries. \"code\" marks a text whose code gives the class \
         without the words around it.\n\
         Written by `UPDATE=1 cargo test -p tests --test vectors`.\n\n",
    );
    let line = |table: &mut String, marks: &[&str], code: &str, class: &str, text: &str| {
        for (name, mark) in names.iter().zip(marks) {
            table.push_str(&format!("{mark:<width$} ", width = name.len()));
        }
        table.push_str(&format!("{code:<4} {class:<13} {text}\n"));
    };
    line(&mut table, &names, "code", "class", "text");
    let (mut with_code, texts) = (0, texts());
    for (text, _, _) in &texts {
        let class = Messages::DEFAULT.classify(text);
        let marks = Preset::ALL.map(|preset| if preset.policy.retries(class) { "yes" } else { "-" });
        let is_by_code = class != Class::Unknown && by_code(text) == class;
        with_code += u32::from(is_by_code);
        let text = format!("{text:?}");
        line(&mut table, &marks, if is_by_code { "yes" } else { "-" }, class.name(), text.trim_matches('"'));
    }
    table.push_str(&format!("\n{with_code} of {} texts have a code.\n", texts.len()));
    table
}

#[test]
fn the_stored_table_is_right() {
    let table = table();
    println!("{table}");
    if crate::is_of_others() {
        return; // the table is that of `tests/vectors`
    }
    if env::var_os("UPDATE").is_some() {
        fs::write(TABLE, &table).unwrap_or_else(|error| panic!("{TABLE}: {error}"));
    }
    let stored = fs::read_to_string(TABLE).unwrap_or_else(|error| panic!("{TABLE}: {error}"));
    for (ours, stored) in table.lines().zip(stored.lines()) {
        assert_eq!(ours, stored, "if this is meant: UPDATE=1 cargo test -p tests --test vectors");
    }
    assert_eq!(table.lines().count(), stored.lines().count(), "lines of {TABLE}");
}
