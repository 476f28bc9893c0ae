//! What a classifier says about a failure in a few words.

use core::fmt;

/// A classifier's description of a failure in a few words: a fixed text, and possibly a code, such as `HTTP status 503`.
///
/// It is for failures without a text of their own, such as a value that is not acceptable. Logs, the error of the call
/// and dead letters show it. [`Failure::detail`](crate::Failure::detail) and [`Failure::code`](crate::Failure::code)
/// set it.
///
/// ```
/// use retry_core::{Class, Failure};
///
/// let busy = Failure::new(Class::Server).code("HTTP status", 503);
/// assert_eq!(busy.detail.unwrap().to_string(), "HTTP status 503");
/// let empty = Failure::new(Class::Transient).detail("the body is empty");
/// assert_eq!(empty.detail.unwrap().to_string(), "the body is empty");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Detail {
    text: &'static str,
    code: i32,
    has_code: bool,
}

impl Detail {
    pub(crate) const fn new(text: &'static str, code: Option<i32>) -> Self {
        match code {
            Some(code) => Self { text, code, has_code: true },
            None => Self { text, code: 0, has_code: false },
        }
    }

    /// Returns the text; the code is left out.
    pub const fn text(self) -> &'static str {
        self.text
    }

    /// Returns the code; `None` if the detail is only a text.
    pub const fn code(self) -> Option<i32> {
        if self.has_code { Some(self.code) } else { None }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)?;
        match self.code() {
            Some(code) => write!(f, " {code}"),
            None => Ok(()),
        }
    }
}
