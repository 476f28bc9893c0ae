//! Error kinds of the crate embedded-io.

use core::fmt::{self, Debug, Write};

use crate::class::Class;

const KINDS: &[(&str, Class)] = &[
    ("ConnectionRefused", Class::Network),
    ("ConnectionReset", Class::Network),
    ("ConnectionAborted", Class::Network),
    ("NotConnected", Class::Network),
    ("BrokenPipe", Class::Network),
    ("AddrNotAvailable", Class::Network),
    ("TimedOut", Class::Timeout),
    ("Interrupted", Class::Transient),
    ("AddrInUse", Class::Transient),
    ("OutOfMemory", Class::Transient),
    ("NotFound", Class::NotFound),
    ("PermissionDenied", Class::Client),
    ("AlreadyExists", Class::Client),
    ("InvalidInput", Class::Validation),
    ("InvalidData", Class::Serialization),
    ("Unsupported", Class::Permanent),
    ("WriteZero", Class::Permanent),
    ("Other", Class::Unknown),
];

impl Class {
    /// Returns the class of an `embedded_io::ErrorKind`, by its name. Returns `None` for anything else.
    ///
    /// It takes the kind as `Debug` shows it. So every version of embedded-io works, and this crate does not
    /// depend on it. The classes are those of the same kinds of `std::io::ErrorKind`:
    ///
    /// | class | kinds |
    /// |---|---|
    /// | `Network` | `ConnectionRefused`, `ConnectionReset`, `ConnectionAborted`, `NotConnected`, `BrokenPipe`, `AddrNotAvailable` |
    /// | `Timeout` | `TimedOut` |
    /// | `Transient` | `Interrupted`, `AddrInUse`, `OutOfMemory` |
    /// | `NotFound` | `NotFound` |
    /// | `Client` | `PermissionDenied`, `AlreadyExists` |
    /// | `Validation` | `InvalidInput` |
    /// | `Serialization` | `InvalidData` |
    /// | `Permanent` | `Unsupported`, `WriteZero` |
    /// | `Unknown` | `Other` |
    ///
    /// Source: [`embedded_io::ErrorKind`].
    ///
    /// [`embedded_io::ErrorKind`]: https://docs.rs/embedded-io/latest/embedded_io/enum.ErrorKind.html
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// // With embedded-io: Class::of_embedded_io_kind(&error.kind())
    /// #[derive(Debug)]
    /// enum ErrorKind { ConnectionReset }
    ///
    /// assert_eq!(Class::of_embedded_io_kind(&ErrorKind::ConnectionReset), Some(Class::Network));
    /// ```
    pub fn of_embedded_io_kind(kind: &dyn Debug) -> Option<Self> {
        let is_it = |name: &str| {
            let mut rest = Rest(name);
            write!(rest, "{kind:?}").is_ok() && rest.0.is_empty()
        };
        KINDS.iter().find(|(name, _)| is_it(name)).map(|(_, class)| *class)
    }
}

/// The rest of a name that is being compared with a written text. Writing fails at the first difference.
struct Rest<'a>(&'a str);

impl Write for Rest<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(piece).ok_or(fmt::Error)?;
        Ok(())
    }
}
