//! A boxed error of any type, and how an error of a call gets one.

use core::fmt;
use core::ops::Deref;
use std::boxed::Box;

use super::{Error, Source};

/// A boxed error of any type. [`Error::boxed`] makes it from an `anyhow::Error`, a boxed error or text.
///
/// It does not implement [`core::error::Error`], so that the error in the box is the source of an
/// [`Error<BoxError>`], and can be downcast there.
pub struct BoxError(Box<dyn core::error::Error + Send + Sync>);

impl BoxError {
    /// Returns the error in the box.
    #[must_use]
    pub fn into_inner(self) -> Box<dyn core::error::Error + Send + Sync> {
        self.0
    }
}

impl<E: Into<Box<dyn core::error::Error + Send + Sync>>> From<E> for BoxError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl Deref for BoxError {
    type Target = dyn core::error::Error + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Source for BoxError {
    fn source(&self) -> &(dyn core::error::Error + 'static) {
        &*self.0
    }
}

impl fmt::Display for BoxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BoxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: Into<Box<dyn core::error::Error + Send + Sync>>> Error<E> {
    /// Boxes the operation's own error, so that this error is a [`core::error::Error`] and works with `?`.
    ///
    /// ```
    /// use std::error::Error as StdError;
    /// use retry_core::{Class, Error, Policy, retry};
    ///
    /// fn stock() -> Result<u32, Box<dyn StdError + Send + Sync>> {
    ///     let read = retry(&Policy::DEFAULT).classify(|_: &Box<dyn StdError + Send + Sync>| Class::Validation);
    ///     let count = read.run_blocking(|| Ok("7".parse::<u32>()?)).map_err(Error::boxed)?;
    ///     Ok(count)
    /// }
    /// assert_eq!(stock().unwrap(), 7);
    /// ```
    pub fn boxed(self) -> Error<BoxError> {
        self.map(BoxError::from)
    }
}
