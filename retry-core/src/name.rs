//! Names of operations.

use core::fmt;
use core::ops::Deref;

use crate::clean::Shown;

/// The name of an operation, for events, errors and metrics.
///
/// It is made from a `&'static str`, or with the feature `std` from a `String`. The text of a `String` is shared, so a
/// clone of the name only counts a reference.
///
/// ```
/// use retry_core::observe::Name;
///
/// assert_eq!(Name::from("stock.read").as_str(), "stock.read");
/// # #[cfg(feature = "std")] {
/// let tenant = "north".to_owned();
/// assert_eq!(Name::from(format!("stock.{tenant}")), Name::from("stock.north"));
/// # }
/// ```
#[derive(Clone)]
pub struct Name(Text);

#[cfg(not(feature = "std"))]
type Text = &'static str;

#[cfg(feature = "std")]
#[derive(Clone)]
enum Text {
    Static(&'static str),
    // Two pointers to follow, so that a name is as small as a `&str`.
    Shared(std::sync::Arc<std::boxed::Box<str>>),
}

impl Name {
    /// The empty name.
    pub const NONE: Self = Self::new("");

    /// Makes a name of this text.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        #[cfg(feature = "std")]
        let text = Text::Static(text);
        Self(text)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        #[cfg(not(feature = "std"))]
        return self.0;
        #[cfg(feature = "std")]
        match &self.0 {
            Text::Static(text) => text,
            Text::Shared(text) => shared(text),
        }
    }
}

#[cfg(feature = "std")]
#[inline(never)]
fn shared(text: &std::boxed::Box<str>) -> &str {
    text
}

impl Name {
    /// The text, if it is a `&'static str`.
    pub(crate) fn as_static(&self) -> Option<&'static str> {
        #[cfg(not(feature = "std"))]
        return Some(self.0);
        #[cfg(feature = "std")]
        match self.0 {
            Text::Static(text) => Some(text),
            Text::Shared(_) => None,
        }
    }

    /// Makes a name of this text. If the text equals `fixed`, it needs no allocation.
    #[cfg(feature = "std")]
    pub(crate) fn kept(text: &str, fixed: Option<&'static str>) -> Self {
        match fixed {
            Some(fixed) if fixed == text => Self::new(fixed),
            _ => Self::from(std::string::String::from(text)),
        }
    }
}

/// Drops a shared text in a function of its own, so that values with a static name stay in registers.
#[cfg(feature = "std")]
impl Drop for Name {
    #[inline]
    fn drop(&mut self) {
        if let Text::Shared(text) = core::mem::replace(&mut self.0, Text::Static("")) {
            release(text);
        }
    }
}

#[cfg(feature = "std")]
#[inline(never)]
fn release(text: std::sync::Arc<std::boxed::Box<str>>) {
    drop(text);
}

impl Default for Name {
    fn default() -> Self {
        Self::NONE
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

impl From<&Name> for Name {
    fn from(name: &Name) -> Self {
        name.clone()
    }
}

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<std::string::String> for Name {
    fn from(text: std::string::String) -> Self {
        Self(Text::Shared(std::sync::Arc::new(text.into_boxed_str())))
    }
}

#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl From<&std::string::String> for Name {
    fn from(text: &std::string::String) -> Self {
        Self::from(text.clone())
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// Shows the text on one line: up to 128 bytes, with U+FFFD in place of control characters, line separators and marks of
/// text direction. [`as_str`](Name::as_str) is the text as it is.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.as_str()).fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Shown(self.as_str()), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Name {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}
