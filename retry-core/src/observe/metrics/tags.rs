//! Names and tags that any exporter can take.

use crate::config::{ConfigError, Value};

/// Pairs of name and value.
pub(crate) type Tags = &'static [(&'static str, &'static str)];

const MOST_TAGS: usize = 8;
const LONGEST_NAME: usize = 64;
/// Of an operation's name and of a tag's value.
pub(super) const LONGEST_VALUE: usize = 128;

/// What exporters, or those who store metrics, say of a number themselves.
const OUR_OWN: [&str; 8] =
    ["operation", "outcome", "error_type", "reason", "attempt", "phase", "le", "quantile"];

/// Whether the name of an operation, or the value of a tag, is short enough and without control characters.
pub(crate) const fn check_name(field: &'static str, name: &'static str) -> Result<(), ConfigError> {
    if name.len() > LONGEST_VALUE {
        return Err(ConfigError::new(field, Value::Text(name), "must be at most 128 bytes"));
    }
    let mut i = 0;
    while i < name.len() {
        if is_control(name.as_bytes(), i) {
            return Err(ConfigError::new(field, Value::Text(name), "must hold no control characters"));
        }
        i += 1;
    }
    Ok(())
}

/// Whether a control character of Unicode begins at this byte.
const fn is_control(text: &[u8], at: usize) -> bool {
    match text[at] {
        byte if byte.is_ascii_control() => true,
        // U+0080 to U+009F
        0xc2 => text[at + 1] < 0xa0,
        _ => false,
    }
}

pub(crate) const fn check_tags(tags: Tags) -> Result<(), ConfigError> {
    if tags.len() > MOST_TAGS {
        return Err(ConfigError::new("tags", Value::Count(tags.len() as u64), "must be at most 8"));
    }
    let mut i = 0;
    while i < tags.len() {
        let (name, value) = tags[i];
        if let Err(error) = check_tag_name(name) {
            return Err(error);
        }
        if let Err(error) = check_name("tag value", value) {
            return Err(error);
        }
        let mut other = 0;
        while other < i {
            if is_same(tags[other].0, name) {
                return Err(ConfigError::new("tag", Value::Text(name), "must be there only once"));
            }
            other += 1;
        }
        i += 1;
    }
    Ok(())
}

const fn check_tag_name(name: &'static str) -> Result<(), ConfigError> {
    let text = name.as_bytes();
    let mut rule = match text {
        [] | [b'0'..=b'9', ..] => Some("must begin with a letter or an underscore"),
        [b'_', b'_', ..] => Some("must not begin with two underscores"),
        _ if text.len() > LONGEST_NAME => Some("must be at most 64 bytes"),
        _ => None,
    };
    let mut i = 0;
    while i < text.len() {
        if !matches!(text[i], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.') {
            rule = Some("must be of ASCII letters, digits, underscores and dots");
        }
        i += 1;
    }
    let mut i = 0;
    while i < OUR_OWN.len() {
        if is_same(OUR_OWN[i], name) {
            rule = Some("must not be a label of the exporters' own");
        }
        i += 1;
    }
    match rule {
        Some(rule) => Err(ConfigError::new("tag", Value::Text(name), rule)),
        None => Ok(()),
    }
}

/// Dots are underscores to most who store metrics.
const fn is_same(a: &str, b: &str) -> bool {
    const fn plain(byte: u8) -> u8 {
        if byte == b'.' { b'_' } else { byte }
    }

    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if plain(a[i]) != plain(b[i]) {
            return false;
        }
        i += 1;
    }
    true
}
