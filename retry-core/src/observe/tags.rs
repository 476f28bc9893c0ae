//! Names and tags that every exporter can take.

use core::fmt;

use crate::clean::Shown;
use crate::config_error::{ConfigError, Value};
use crate::name::Name;

/// Pairs of name and value, as a constant.
pub(crate) type StaticTags = &'static [(&'static str, &'static str)];

/// Pairs of name and value.
#[derive(Clone)]
pub(crate) enum Tags {
    Static(StaticTags),
    #[cfg(feature = "std")]
    Shared(std::sync::Arc<[(Name, Name)]>),
}

impl Tags {
    pub(crate) const NONE: Self = Self::Static(&[]);
    /// A reference to no tags, for events.
    pub(crate) const EMPTY: &'static Self = &Self::NONE;

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let (fixed, shared): (StaticTags, &[(Name, Name)]) = match self {
            Self::Static(tags) => (tags, &[]),
            #[cfg(feature = "std")]
            Self::Shared(tags) => (&[], tags),
        };
        fixed.iter().copied().chain(shared.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// Makes these tags, if exporters can take them.
    #[cfg(feature = "std")]
    pub(crate) fn shared(tags: impl Iterator<Item = (Name, Name)>) -> Result<Self, ConfigError> {
        let tags: std::sync::Arc<[_]> = tags.collect();
        if tags.len() > MOST_TAGS {
            return Err(ConfigError::new("tags", Value::Count(tags.len() as u64), "must be at most 8"));
        }
        for (place, (name, value)) in tags.iter().enumerate() {
            // A text known only at run time is shown by its place, from 1.
            let shown = |text: &Name| text.as_static().map_or(Value::Count(place as u64 + 1), Value::Text);
            let fault = |text, rule| Err(ConfigError::new("tags", shown(text), rule));
            if let Some(rule) = rule_of_tag_name(name) {
                return fault(name, rule);
            }
            if let Some(rule) = rule_of_tag_value(value) {
                return fault(value, rule);
            }
            if tags[..place].iter().any(|(other, _)| is_same(other, name)) {
                return fault(name, ONLY_ONCE);
            }
        }
        Ok(Self::Shared(tags))
    }
}

/// Tags are equal if their pairs are, wherever their texts are kept.
impl PartialEq for Tags {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Writes the tags for a line of a log, such as `region=eu, tenant=north`: clean and bounded.
impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().enumerate().try_for_each(|(place, (name, value))| {
            let separator = if place == 0 { "" } else { ", " };
            write!(f, "{separator}{}={}", Shown(name), Shown(value))
        })
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Tags {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.iter().for_each(|(name, value)| defmt::write!(f, "{=str}={=str}; ", name, value));
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (Shown(name), Shown(value)))).finish()
    }
}

const ONLY_ONCE: &str = "each name must be unique";

const MOST_TAGS: usize = 8;
const LONGEST_NAME: usize = 64;
/// The longest name of an operation, and the longest value of a tag, in bytes.
pub(in crate::observe) const LONGEST_VALUE: usize = 128;

/// The labels that exporters, or systems that store metrics, use themselves.
const OUR_OWN: [&str; 9] =
    ["operation", "operation_type", "outcome", "error_type", "reason", "attempt", "phase", "le", "quantile"];

/// Defines the setters of tags, for a type with the field `tags`. Its other metrics in the fields `$part` get the same
/// tags.
macro_rules! tag_setters {
    ($what:literal $(, and so of $part:ident)*) => {
        #[doc = $what]
        ///
        /// # Panics
        /// Panics if one of these is true:
        ///
        /// - There are more than 8 tags.
        /// - A name occurs twice, or is one of the exporters' labels, such as `operation`.
        /// - A name does not consist of 1 to 64 ASCII letters, digits, `_` and `.`, or begins with a digit or two
        ///   underscores.
        /// - A value has more than 128 bytes, or a control character.
        #[must_use]
        #[track_caller]
        pub const fn tags(mut self, tags: &'static [(&'static str, &'static str)]) -> Self {
            ok_or_panic!(check_tags(tags));
            // A constant function cannot drop a value, and constant tags need no drop.
            let _ = core::mem::ManuallyDrop::new(core::mem::replace(&mut self.tags, Tags::Static(tags)));
            $(let _ = core::mem::ManuallyDrop::new(core::mem::replace(&mut self.$part.tags, Tags::Static(tags)));)*
            self
        }

        /// Does the same as [`tags`](Self::tags), for tags known only at run time. An error shows a text by its place,
        /// from 1.
        ///
        /// # Errors
        /// Returns an error if [`tags`](Self::tags) would panic.
        #[cfg(feature = "std")]
        pub fn try_tags<N, V>(mut self, tags: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
        where
            N: Into<$crate::name::Name>,
            V: Into<$crate::name::Name>,
        {
            let tags = Tags::shared(tags.into_iter().map(|(name, value)| (name.into(), value.into())))?;
            $(self.$part.tags = tags.clone();)*
            self.tags = tags;
            Ok(self)
        }

        /// Returns the tags, in pairs of name and value.
        pub fn tagged(&self) -> impl Iterator<Item = (&str, &str)> {
            self.tags.iter()
        }
    };
}
pub(in crate::observe) use tag_setters;

/// Returns an error if the name of an operation is too long, or has a control character.
pub(crate) const fn check_name(name: &'static str) -> Result<(), ConfigError> {
    match rule_of_name(name) {
        None => Ok(()),
        Some(rule) => Err(ConfigError::new("operation", Value::Text(name), rule)),
    }
}

/// Does the same as [`check_name`], for a name known only at run time, which the error shows by its length.
pub(crate) fn check_any_name(name: &Name) -> Result<(), ConfigError> {
    let shown = name.as_static().map_or(Value::Count(name.len() as u64), Value::Text);
    rule_of_name(name).map_or(Ok(()), |rule| Err(ConfigError::new("operation", shown, rule)))
}

const fn rule_of_name(name: &str) -> Option<&'static str> {
    match fault(name) {
        None => None,
        Some(Fault::Long) => Some("must be at most 128 bytes"),
        Some(Fault::Control) => Some("must hold no control characters"),
    }
}

const fn rule_of_tag_value(value: &str) -> Option<&'static str> {
    match fault(value) {
        None => None,
        Some(Fault::Long) => Some("a value must be at most 128 bytes"),
        Some(Fault::Control) => Some("a value must hold no control characters"),
    }
}

/// Returns whether the name of an operation is short enough, and has no control character.
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

/// Returns whether a control character of Unicode begins at this byte.
const fn is_control(text: &[u8], at: usize) -> bool {
    match text[at] {
        byte if byte.is_ascii_control() => true,
        // U+0080 to U+009F
        0xc2 => text[at + 1] < 0xa0,
        _ => false,
    }
}

pub(crate) const fn check_tags(tags: StaticTags) -> Result<(), ConfigError> {
    if tags.len() > MOST_TAGS {
        return Err(ConfigError::new("tags", Value::Count(tags.len() as u64), "must be at most 8"));
    }
    let mut i = 0;
    while i < tags.len() {
        let (name, value) = tags[i];
        if let Some(rule) = rule_of_tag_name(name) {
            return Err(ConfigError::new("tags", Value::Text(name), rule));
        }
        if let Some(rule) = rule_of_tag_value(value) {
            return Err(ConfigError::new("tags", Value::Text(value), rule));
        }
        let mut other = 0;
        while other < i {
            if is_same(tags[other].0, name) {
                return Err(ConfigError::new("tags", Value::Text(name), ONLY_ONCE));
            }
            other += 1;
        }
        i += 1;
    }
    Ok(())
}

const fn rule_of_tag_name(name: &str) -> Option<&'static str> {
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
            rule = Some("a name must consist of ASCII letters, digits, underscores and dots");
        }
        i += 1;
    }
    let mut i = 0;
    while i < OUR_OWN.len() {
        if is_same(OUR_OWN[i], name) {
            rule = Some("a name must not be one of the exporters' labels");
        }
        i += 1;
    }
    rule
}

/// Compares two names as most systems that store metrics do, which read dots as underscores.
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
