//! Tags for the events of another observer.

use core::fmt;

use super::event::{Event, Observer};
use super::tags::{StaticTags, Tags, check_tags};
#[cfg(feature = "std")]
use crate::config_error::ConfigError;
use crate::config_error::ok_or_panic;
#[cfg(feature = "std")]
use crate::name::Name;

/// Adds tags to all events of another observer, such as a log: pairs of name and value that tell a region, a service or
/// a tenant.
///
/// `LogFacade` and `DefmtLog` write the tags into each line, `TracingLog` and `CallSpan` into the field `retry.tags`. Other
/// observers read them by [`Event::tags`]. Metrics have labels instead, which their own `tags` sets.
///
/// A name has up to 64 bytes and a value up to 128, and there are at most 8 tags. So they add at most 1.6 KB to a line.
/// U+FFFD replaces marks of text direction. If one `Tagged` is inside another, the tags of the inner one take the place
/// of the others.
///
/// ```
/// use core::cell::RefCell;
/// use retry_core::{Class, Policy, Retry, observe::{Tagged, observer_fn}, testing::FakeClock};
///
/// let (clock, lines) = (FakeClock::new(), RefCell::new(Vec::new()));
/// let log = Tagged::new(&[("region", "eu")], observer_fn(|event| lines.borrow_mut().push(event.to_string())));
/// let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.read").observe(&log);
/// assert_eq!(retry.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
/// assert_eq!(lines.borrow()[0], "stock.read {region=eu}: attempt 1");
/// ```
#[derive(Clone)]
pub struct Tagged<O> {
    tags: Tags,
    observer: O,
}

impl<O> Tagged<O> {
    /// Adds these tags, in pairs of name and value.
    ///
    /// # Panics
    /// Panics if one of these is true:
    ///
    /// - There are more than 8 tags.
    /// - A name occurs twice, or is one of the exporters' labels, such as `operation`.
    /// - A name does not consist of 1 to 64 ASCII letters, digits, `_` and `.`, or begins with a digit or two
    ///   underscores.
    /// - A value has more than 128 bytes, or a control character.
    #[track_caller]
    pub const fn new(tags: StaticTags, observer: O) -> Self {
        ok_or_panic!(check_tags(tags));
        Self { tags: Tags::Static(tags), observer }
    }

    /// Does the same as [`new`](Self::new), for tags known only at run time. An error shows a text by its place, from 1.
    ///
    /// ```
    /// use retry_core::observe::Tagged;
    ///
    /// let tenant = String::from("north");
    /// assert!(Tagged::try_new([("tenant", tenant)], ()).is_ok());
    /// let error = Tagged::try_new([("tenant", "a\nb")], ()).unwrap_err();
    /// assert_eq!(error.to_string(), r#"tags = "a?b": a value must hold no control characters"#);
    /// ```
    ///
    /// # Errors
    /// Returns an error if [`new`](Self::new) would panic.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn try_new<N, V>(tags: impl IntoIterator<Item = (N, V)>, observer: O) -> Result<Self, ConfigError>
    where
        N: Into<Name>,
        V: Into<Name>,
    {
        let tags = Tags::shared(tags.into_iter().map(|(name, value)| (name.into(), value.into())))?;
        Ok(Self { tags, observer })
    }

    /// Returns the observer.
    pub const fn inner(&self) -> &O {
        &self.observer
    }
}

impl<O: Observer> Observer for Tagged<O> {
    fn observe(&self, event: &Event<'_>) {
        self.observer.observe(&Event { tags: &self.tags, ..*event });
    }

    fn is_enabled(&self) -> bool {
        self.observer.is_enabled()
    }
}

#[cfg(feature = "defmt")]
impl<O> defmt::Format for Tagged<O> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Tagged {{ tags: {} }}", self.tags);
    }
}

impl<O: fmt::Debug> fmt::Debug for Tagged<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tagged").field("tags", &self.tags).field("observer", &self.observer).finish()
    }
}
