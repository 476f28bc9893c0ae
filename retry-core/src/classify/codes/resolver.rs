//! Errors of the name resolver.

use super::Row;
use crate::class::Class;

/// The errors by the numbers of glibc and musl. `of_resolver_error` has the numbers of the BSDs.
const EAI: &[Row<i32>] = &[
    (-1, "EAI_BADFLAGS", Class::Validation),
    (-2, "EAI_NONAME", Class::Network),
    (-3, "EAI_AGAIN", Class::Network),
    (-4, "EAI_FAIL", Class::Network),
    (-5, "EAI_NODATA", Class::Network),
    (-6, "EAI_FAMILY", Class::Permanent),
    (-7, "EAI_SOCKTYPE", Class::Permanent),
    (-8, "EAI_SERVICE", Class::Validation),
    (-9, "EAI_ADDRFAMILY", Class::Network),
    (-10, "EAI_MEMORY", Class::Transient),
    (-11, "EAI_SYSTEM", Class::Network),
    (-12, "EAI_OVERFLOW", Class::Validation),
    (-101, "EAI_CANCELED", Class::Transient),
    (-104, "EAI_INTR", Class::Transient),
    (-105, "EAI_IDN_ENCODE", Class::Validation),
    // The codes of c-ares have the names that Node.js gives them.
    (0, "ENOTFOUND", Class::Network),
    (0, "ESERVFAIL", Class::Network),
    (0, "EREFUSED", Class::Network),
    (0, "ETIMEOUT", Class::Timeout),
    (0, "ESOCKETTIMEDOUT", Class::Timeout),
    // These are the names of DNS itself.
    (0, "SERVFAIL", Class::Network),
    (0, "NXDOMAIN", Class::Network),
    // These are the names of Windows.
    (0, "WSAHOST_NOT_FOUND", Class::Network),
    (0, "WSATRY_AGAIN", Class::Network),
    (0, "WSANO_RECOVERY", Class::Network),
    (0, "WSANO_DATA", Class::Network),
];

impl Class {
    /// Returns the class of an error of `getaddrinfo`. It knows the negative numbers of Linux (glibc, musl), the
    /// positive ones of macOS and the BSDs, and Windows' codes from 10000 on.
    ///
    /// | class | errors |
    /// |---|---|
    /// | `Network` | `EAI_AGAIN`, `EAI_FAIL`, `EAI_NONAME`, `EAI_NODATA`, `EAI_ADDRFAMILY`, `EAI_SYSTEM`; `WSAHOST_NOT_FOUND` and its like |
    /// | `Transient` | `EAI_MEMORY`, `EAI_INTR`, `EAI_CANCELED` |
    /// | `Validation` | `EAI_BADFLAGS`, `EAI_SERVICE`, `EAI_OVERFLOW`, `EAI_IDN_ENCODE` |
    /// | `Permanent` | `EAI_FAMILY`, `EAI_SOCKTYPE` |
    ///
    /// An unknown name is `Network`, because a resolver also reports it while it restarts, before the network is up,
    /// and before a new service is registered. Sources: [getaddrinfo(3)], [RFC 3493, 6.1], Windows' [getaddrinfo].
    ///
    /// [getaddrinfo(3)]: https://man7.org/linux/man-pages/man3/getaddrinfo.3.html
    /// [RFC 3493, 6.1]: https://www.rfc-editor.org/rfc/rfc3493.html#section-6.1
    /// [getaddrinfo]: https://learn.microsoft.com/windows/win32/api/ws2tcpip/nf-ws2tcpip-getaddrinfo
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_resolver_error(-3), Some(Class::Network)); // EAI_AGAIN on Linux
    /// assert_eq!(Class::of_resolver_error(8), Some(Class::Network)); // EAI_NONAME on macOS
    /// assert_eq!(Class::of_resolver_error(0), None);
    /// ```
    pub const fn of_resolver_error(code: i32) -> Option<Self> {
        Some(match code {
            -12..=-1 => EAI[code.unsigned_abs() as usize - 1].2,
            -104 | -101 => Self::Transient,
            -105 => Self::Validation,
            // BSD: ADDRFAMILY, AGAIN, FAIL, NODATA, NONAME, SYSTEM.
            1 | 2 | 4 | 7 | 8 | 11 => Self::Network,
            // MEMORY.
            6 => Self::Transient,
            // BADFLAGS, SERVICE, BADHINTS, OVERFLOW.
            3 | 9 | 12 | 14 => Self::Validation,
            // FAMILY, SOCKTYPE, PROTOCOL.
            5 | 10 | 13 => Self::Permanent,
            10000.. => return Self::of_windows_error(code),
            _ => return None,
        })
    }
}

/// Returns the class of an error by its name, such as `EAI_AGAIN`.
pub(in crate::classify) fn named(name: &str) -> Option<Class> {
    EAI.iter().find(|row| row.1 == name).map(|row| row.2)
}
