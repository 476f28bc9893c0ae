//! The classes of `std::io::Error`.

use std::io;
use std::io::ErrorKind;
use std::string::ToString;

use super::Classify;
use crate::circuit::Rejected;
use crate::class::Class;
use crate::error::Error;
use crate::policy::Failure;

/// Takes the class from the error's [kind](io::Error::kind):
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
/// Kinds that are not listed have the class of their [error number](Class::of_os_error), such as `EMFILE` or `EHOSTDOWN`.
/// The resolver's failures, which have neither, are `Network`.
///
/// Three of them depend on what was read or written. `UnexpectedEof` is taken for a peer that hung up, though in a
/// file it means one that was cut short; `InvalidData` for an answer that cannot be decoded, which a TLS library
/// may also mean of a handshake; `WriteZero` for a buffer that is full.
///
/// | kind | meaning that decides the class | other meaning |
/// |---|---|---|
/// | `UnexpectedEof` | the peer closed the connection | a file is shorter than expected |
/// | `InvalidData` | an answer cannot be decoded | a TLS handshake failed |
/// | `WriteZero` | a buffer is full | |
///
/// If an error of kind `Other` contains another `io::Error`, the inner error decides. If an `io::Error` contains an
/// error of this crate, [`Rejected`] or [`Error<io::Error>`](Error), its class is `CircuitOpen` or `Exhausted`. So a
/// retry around a retry does not multiply the attempts.
///
/// An [`Error`] around an error of another type is not recognised in an `io::Error`, because a downcast needs the exact
/// type. For such errors, use a closure:
///
/// ```
/// use std::io;
/// use retry_core::{testing::FakeClock, Class, Classify, Error, Failure, Policy, Retry};
///
/// fn classify(error: &io::Error) -> Failure {
///     match error.get_ref().and_then(|inner| inner.downcast_ref::<Error<std::fmt::Error>>()) {
///         Some(ours) => ours.classify(),
///         None => error.classify(),
///     }
/// }
///
/// let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
/// assert_eq!(classify(&refused).class, Class::Network);
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|_: &std::fmt::Error| Class::Server);
/// let gave_up = retry.run_blocking(|| Err::<(), _>(std::fmt::Error)).unwrap_err();
/// assert_eq!(classify(&io::Error::other(gave_up)).class, Class::Exhausted);
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
impl Classify for io::Error {
    fn text(&self) -> Option<&dyn core::fmt::Display> {
        Some(self)
    }

    fn classify(&self) -> Failure {
        let mut kind = self.kind();
        let mut layer = self;
        while let Some(inner) = layer.get_ref() {
            if let Some(ours) = inner.downcast_ref::<Error<Self>>() {
                return ours.classify();
            }
            if inner.is::<Rejected>() {
                return Class::CircuitOpen.into();
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
            None => layer.raw_os_error().and_then(Class::of_os_error).unwrap_or(of_resolver(layer)),
        }
        .into()
    }
}

/// `None` for a kind that says nothing, or has no stable name.
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

/// `std` gives the resolver's failures neither a number nor a stable kind, only this text.
fn of_resolver(error: &io::Error) -> Class {
    let is_resolver = |inner: &dyn core::fmt::Display| {
        inner.to_string().starts_with("failed to lookup address information")
    };
    match error.get_ref() {
        Some(inner) if is_resolver(&inner) => Class::Network,
        _ => Class::Unknown,
    }
}
