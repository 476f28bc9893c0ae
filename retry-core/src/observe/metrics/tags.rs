//! Names and tags that any exporter can take.

use crate::config_error::{ConfigError, Value};

/// Pairs of name and value.
pub(crate) type Tags = &'static [(&'static str, &'static str)];

const MOST_TAGS: usize = 8;
const LONGEST_NAME: usize = 64;
/// Of an operation's name and of a tag's value.
pub(super) const LONGEST_VALUE: usize = 128;

/// What exporters, or those who store metrics, say of a number themselves.
const OUR_OWN: [&str; 8] =
    ["operation", "outcome", "error_type", "reason", "attempt", "phase", "le", "quantile"];

/// The setters of tags, for what keeps them in a field of that name; it may hold metrics that have the same ones.
macro_rules! tag_setters {
    ($what:literal $(, and so of $part:ident)*) => {
        #[doc = $what]
        ///
        /// # Panics
        /// On more than 8 tags; on a name that is there twice, is a label of the exporters' own such as `operation`, is
        /// not of 1 to 64 ASCII letters, digits, `_` and `.`, or begins with a digit or two underscores; and on a value
        /// of more than 128 bytes, or with a control character.
        #[must_use]
        #[track_caller]
        pub const fn tags(mut self, tags: Tags) -> Self {
            ok_or_panic!(check_tags(tags));
            self.tags = tags;
            $(self.$part.tags = tags;)*
            self
        }

        /// [`tags`](Self::tags) for tags that are known at run time.
        ///
        /// # Errors
        /// Where [`tags`](Self::tags) panics.
        pub fn try_tags(self, tags: Tags) -> Result<Self, ConfigError> {
            check_tags(tags).map(|()| self.tags(tags))
        }

        /// The tags.
        pub const fn tagged(&self) -> Tags {
            self.tags
        }
    };
}
pub(in crate::observe) use tag_setters;

/// Whether the name of an operation is short enough and without control characters.
pub(crate) const fn check_name(field: &'static str, name: &'static str) -> Result<(), ConfigError> {
    let rule = match fault(name) {
        None => return Ok(()),
        Some(Fault::Long) => "must be at most 128 bytes",
        Some(Fault::Control) => "must hold no control characters",
    };
    Err(ConfigError::new(field, Value::Text(name), rule))
}

const fn check_tag_value(value: &'static str) -> Result<(), ConfigError> {
    let rule = match fault(value) {
        None => return Ok(()),
        Some(Fault::Long) => "a value must be at most 128 bytes",
        Some(Fault::Control) => "a value must hold no control characters",
    };
    Err(ConfigError::new("tags", Value::Text(value), rule))
}

/// Whether the name of an operation is short enough and without control characters.
#[cfg(feature = "std")]
pub(in crate::observe) const fn is_fit(name: &str) -> bool {
    fault(name).is_none()
}

/// Why an exporter cannot take a name or a value.
enum Fault {
    Long,
    Control,
}

const fn fault(text: &str) -> Option<Fault> {
    if text.len() > LONGEST_VALUE {
        return Some(Fault::Long);
    }
    let mut i = 0;
    while i < text.len() {
        if is_control(text.as_bytes(), i) {
            return Some(Fault::Control);
        }
        i += 1;
    }
    None
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
        if let Err(error) = check_tag_value(value) {
            return Err(error);
        }
        let mut other = 0;
        while other < i {
            if is_same(tags[other].0, name) {
                return Err(ConfigError::new("tags", Value::Text(name), "a name must be there only once"));
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
        [] | [b'0'..=b'9', ..] => Some("a name must begin with a letter or an underscore"),
        [b'_', b'_', ..] => Some("a name must not begin with two underscores"),
        _ if text.len() > LONGEST_NAME => Some("a name must be at most 64 bytes"),
        _ => None,
    };
    let mut i = 0;
    while i < text.len() {
        if !matches!(text[i], b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.') {
            rule = Some("a name must be of ASCII letters, digits, underscores and dots");
        }
        i += 1;
    }
    let mut i = 0;
    while i < OUR_OWN.len() {
        if is_same(OUR_OWN[i], name) {
            rule = Some("a name must not be a label of the exporters' own");
        }
        i += 1;
    }
    match rule {
        Some(rule) => Err(ConfigError::new("tags", Value::Text(name), rule)),
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
