//! What an operation is called.

use core::fmt;
use core::ops::Deref;

/// An operation's name, for events, errors and metrics.
///
/// A `&'static str` becomes a name at no cost. With the feature `std`, text that is known only at run time does, too;
/// it is shared, so a copy of the name costs one reference count.
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
    // Twice indirect, so that a name takes no more room than a `&str`.
    Shared(std::sync::Arc<std::boxed::Box<str>>),
}

impl Name {
    /// No name.
    pub const NONE: Self = Self::new("");

    /// The name of this text.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        #[cfg(feature = "std")]
        let text = Text::Static(text);
        Self(text)
    }

    /// The text; empty without a name.
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
    /// The text, if it is there for as long as the program runs.
    pub(crate) fn as_static(&self) -> Option<&'static str> {
        #[cfg(not(feature = "std"))]
        return Some(self.0);
        #[cfg(feature = "std")]
        match self.0 {
            Text::Static(text) => Some(text),
            Text::Shared(_) => None,
        }
    }

    /// The name of this text, which costs nothing if it is the `fixed` one.
    #[cfg(feature = "std")]
    pub(crate) fn kept(text: &str, fixed: Option<&'static str>) -> Self {
        match fixed {
            Some(fixed) if fixed == text => Self::new(fixed),
            _ => Self::from(std::string::String::from(text)),
        }
    }
}

/// A shared text is dropped out of line and from a place of its own: so a name by itself keeps the optimizer from nothing,
/// and what holds a name of a constant text stays in registers.
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

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Name {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}
