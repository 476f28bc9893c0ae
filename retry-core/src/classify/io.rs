//! The classes of `std::io::Error`.

use core::fmt::{self, Write};
use std::io;
use std::io::ErrorKind;

use super::Classify;
use crate::circuit::Rejected;
use crate::class::Class;
use crate::error::{BoxError, Error};
use crate::error_text::ErrorText;
use crate::policy::Failure;

/// Classifies the error by its [kind](io::Error::kind):
///
/// | class | kinds |
/// |---|---|
/// | `Network` | `ConnectionRefused`, `ConnectionReset`, `ConnectionAborted`, `NotConnected`, `BrokenPipe`, `HostUnreachable`, `NetworkUnreachable`, `NetworkDown`, `AddrNotAvailable`, `UnexpectedEof` |
/// | `Timeout` | `TimedOut` |
/// | `Transient` | `Interrupted`, `WouldBlock`, `ResourceBusy`, `ExecutableFileBusy`, `AddrInUse`, `Deadlock`, `StaleNetworkFileHandle`, `OutOfMemory` |
/// | `NotFound` | `NotFound` |
/// | `Client` | `PermissionDenied`, `AlreadyExists`, `NotADirectory`, `IsADirectory`, `DirectoryNotEmpty` |
/// | `Validation` | `InvalidInput`, `InvalidFilename`, `ArgumentListTooLong` |
/// | `Serialization` | `InvalidData` |
/// | `Permanent` | `Unsupported`, `StorageFull`, `QuotaExceeded`, `ReadOnlyFilesystem`, `FileTooLarge`, `NotSeekable`, `CrossesDevices`, `TooManyLinks`, `WriteZero` |
/// | `Unknown` | all others |
///
/// Any other kind has the class of its [error number](Class::of_os_error), such as `EMFILE` or `EHOSTDOWN`. Failures of
/// the resolver are recognised by their text, and are `Network`.
///
/// The meaning of three kinds depends on what was read or written:
///
/// | kind | classified as | other meaning |
/// |---|---|---|
/// | `UnexpectedEof` | a peer that closed the connection | a truncated file |
/// | `InvalidData` | an answer that failed to decode | a failed TLS handshake |
/// | `WriteZero` | a full buffer | any other writer that accepts no more bytes |
///
/// If an error of kind `Other` holds another `io::Error`, the inner error decides. If an error holds a [`Rejected`], an
/// [`Error<io::Error>`](Error) or an [`Error<BoxError>`](Error) of this crate, that one decides, so that nested retries
/// do not multiply. For an `Error` of another type, name the type in an [`ErrorChain`](super::ErrorChain), which also
/// looks at all other causes:
///
/// ```
/// use std::{fmt, io};
/// use retry_core::{testing::FakeClock, Class, Error, Policy, Retry, classify::ErrorChain};
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|_: &fmt::Error| Class::Server);
/// let gave_up = io::Error::other(retry.run_blocking(|| Err::<(), _>(fmt::Error)).unwrap_err());
/// let errors = ErrorChain::new().knows::<Error<fmt::Error>>();
/// assert_eq!(errors.classify(&gave_up).class, Class::Exhausted);
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl Classify for io::Error {
    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::chain(self))
    }

    fn classify(&self) -> Failure {
        let mut kind = self.kind();
        let mut layer = self;
        while let Some(inner) = layer.get_ref() {
            if let Some(ours) = inner.downcast_ref::<Error<Self>>() {
                return ours.classify();
            }
            if let Some(ours) = inner.downcast_ref::<Error<BoxError>>() {
                return ours.classify();
            }
            if let Some(rejected) = inner.downcast_ref::<Rejected>() {
                return rejected.classify();
            }
            let Some(inner) = inner.downcast_ref::<Self>() else {
                break;
            };
            if kind == ErrorKind::Other {
                kind = inner.kind();
            }
            layer = inner;
        }
        match of_kind(kind) {
            Some(class) => class,
            None => layer.raw_os_error().and_then(Class::of_os_error).unwrap_or_else(|| of_resolver(layer)),
        }
        .into()
    }
}

/// Returns the class of a kind, or `None` if the error number has to decide.
const fn of_kind(kind: ErrorKind) -> Option<Class> {
    Some(match kind {
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        // `connect` returns this when all local ports are in use.
        | ErrorKind::AddrNotAvailable
        | ErrorKind::UnexpectedEof => Class::Network,
        ErrorKind::TimedOut => Class::Timeout,
        ErrorKind::Interrupted
        | ErrorKind::WouldBlock
        | ErrorKind::ResourceBusy
        | ErrorKind::ExecutableFileBusy
        | ErrorKind::AddrInUse
        | ErrorKind::Deadlock
        | ErrorKind::StaleNetworkFileHandle
        | ErrorKind::OutOfMemory => Class::Transient,
        ErrorKind::NotFound => Class::NotFound,
        ErrorKind::PermissionDenied
        | ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::DirectoryNotEmpty => Class::Client,
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename | ErrorKind::ArgumentListTooLong => {
            Class::Validation
        }
        ErrorKind::InvalidData => Class::Serialization,
        ErrorKind::Unsupported
        | ErrorKind::StorageFull
        | ErrorKind::QuotaExceeded
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::FileTooLarge
        | ErrorKind::NotSeekable
        | ErrorKind::CrossesDevices
        | ErrorKind::TooManyLinks
        | ErrorKind::WriteZero => Class::Permanent,
        _ => return None,
    })
}

/// Recognises the resolver's failures by their text. `std` gives them an unstable kind, and leaves out the number.
fn of_resolver(error: &io::Error) -> Class {
    match error.get_ref() {
        Some(inner) if begins_with(inner, "failed to lookup address information") => Class::Network,
        _ => Class::Unknown,
    }
}

/// Compares the beginning of a text, and stops writing it there, because a text may have any length.
fn begins_with(text: impl fmt::Display, beginning: &str) -> bool {
    struct Expected<'a> {
        rest: &'a [u8],
        fits: bool,
    }

    impl Write for Expected<'_> {
        fn write_str(&mut self, piece: &str) -> fmt::Result {
            let length = piece.len().min(self.rest.len());
            let (expected, rest) = self.rest.split_at(length);
            self.fits = &piece.as_bytes()[..length] == expected;
            self.rest = rest;
            if self.fits && !rest.is_empty() { Ok(()) } else { Err(fmt::Error) }
        }
    }

    let mut expected = Expected { rest: beginning.as_bytes(), fits: false };
    let _ = write!(expected, "{text}"); // an error means that the answer is known
    expected.fits && expected.rest.is_empty()
}
