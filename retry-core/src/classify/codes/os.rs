//! Error numbers of operating systems.

use crate::class::Class;

/// Name, number on Linux, on macOS and of Windows' sockets (0 if there is none), and class.
type Errno = (&'static str, i32, i32, i32, Class);

const ERRNO: &[Errno] = &[
    ("EPERM", 1, 1, 0, Class::Client),
    ("ENOENT", 2, 2, 0, Class::NotFound),
    ("ESRCH", 3, 3, 0, Class::NotFound),
    ("EINTR", 4, 4, 10004, Class::Transient),
    ("EIO", 5, 5, 0, Class::Unknown),
    ("ENXIO", 6, 6, 0, Class::NotFound),
    ("E2BIG", 7, 7, 0, Class::Validation),
    ("ENOEXEC", 8, 8, 0, Class::Permanent),
    ("EBADF", 9, 9, 10009, Class::Permanent),
    ("EAGAIN", 11, 35, 10035, Class::Transient),
    ("EWOULDBLOCK", 11, 35, 10035, Class::Transient),
    ("ENOMEM", 12, 12, 0, Class::Transient),
    ("EACCES", 13, 13, 10013, Class::Client),
    ("EFAULT", 14, 14, 10014, Class::Permanent),
    ("EBUSY", 16, 16, 0, Class::Transient),
    ("EEXIST", 17, 17, 0, Class::Client),
    ("EXDEV", 18, 18, 0, Class::Permanent),
    ("ENODEV", 19, 19, 0, Class::NotFound),
    ("ENOTDIR", 20, 20, 0, Class::Client),
    ("EISDIR", 21, 21, 0, Class::Client),
    ("EINVAL", 22, 22, 10022, Class::Validation),
    ("ENFILE", 23, 23, 0, Class::Transient),
    ("EMFILE", 24, 24, 10024, Class::Transient),
    ("ENOTTY", 25, 25, 0, Class::Permanent),
    ("ETXTBSY", 26, 26, 0, Class::Transient),
    ("EFBIG", 27, 27, 0, Class::Permanent),
    ("ENOSPC", 28, 28, 0, Class::Permanent),
    ("ESPIPE", 29, 29, 0, Class::Permanent),
    ("EROFS", 30, 30, 0, Class::Permanent),
    ("EMLINK", 31, 31, 0, Class::Permanent),
    ("EPIPE", 32, 32, 0, Class::Network),
    ("EDOM", 33, 33, 0, Class::Validation),
    ("ERANGE", 34, 34, 0, Class::Validation),
    ("EDEADLK", 35, 11, 0, Class::Transient),
    ("ENAMETOOLONG", 36, 63, 10063, Class::Validation),
    ("ENOLCK", 37, 77, 0, Class::Transient),
    ("ENOSYS", 38, 78, 0, Class::Permanent),
    ("ENOTEMPTY", 39, 66, 10066, Class::Client),
    ("ELOOP", 40, 62, 10062, Class::Permanent),
    ("ETIME", 62, 101, 0, Class::Timeout),
    ("ENONET", 64, 0, 0, Class::Network),
    ("ENOLINK", 67, 97, 0, Class::Network),
    ("ECOMM", 70, 0, 0, Class::Network),
    ("EPROTO", 71, 100, 0, Class::Network),
    ("ENOSR", 63, 98, 0, Class::Transient),
    ("EBADMSG", 74, 94, 0, Class::Serialization),
    ("EOVERFLOW", 75, 84, 0, Class::Validation),
    ("EILSEQ", 84, 92, 0, Class::Serialization),
    ("EUSERS", 87, 68, 10068, Class::Transient),
    ("EPROCLIM", 0, 67, 10067, Class::Transient),
    ("ENOTSOCK", 88, 38, 10038, Class::Permanent),
    ("EDESTADDRREQ", 89, 39, 10039, Class::Validation),
    ("EMSGSIZE", 90, 40, 10040, Class::Validation),
    ("EPROTOTYPE", 91, 41, 10041, Class::Permanent),
    ("ENOPROTOOPT", 92, 42, 10042, Class::Permanent),
    ("EPROTONOSUPPORT", 93, 43, 10043, Class::Permanent),
    ("ESOCKTNOSUPPORT", 94, 44, 10044, Class::Permanent),
    ("EOPNOTSUPP", 95, 102, 10045, Class::Permanent),
    ("ENOTSUP", 95, 45, 0, Class::Permanent),
    ("EPFNOSUPPORT", 96, 46, 10046, Class::Permanent),
    ("EAFNOSUPPORT", 97, 47, 10047, Class::Permanent),
    ("EADDRINUSE", 98, 48, 10048, Class::Transient),
    ("EADDRNOTAVAIL", 99, 49, 10049, Class::Network),
    ("ENETDOWN", 100, 50, 10050, Class::Network),
    ("ENETUNREACH", 101, 51, 10051, Class::Network),
    ("ENETRESET", 102, 52, 10052, Class::Network),
    ("ECONNABORTED", 103, 53, 10053, Class::Network),
    ("ECONNRESET", 104, 54, 10054, Class::Network),
    ("ENOBUFS", 105, 55, 10055, Class::Transient),
    ("EISCONN", 106, 56, 10056, Class::Permanent),
    ("ENOTCONN", 107, 57, 10057, Class::Network),
    ("ESHUTDOWN", 108, 58, 10058, Class::Network),
    ("ETIMEDOUT", 110, 60, 10060, Class::Timeout),
    ("ECONNREFUSED", 111, 61, 10061, Class::Network),
    ("EHOSTDOWN", 112, 64, 10064, Class::Network),
    ("EHOSTUNREACH", 113, 65, 10065, Class::Network),
    ("EALREADY", 114, 37, 10037, Class::Transient),
    ("EINPROGRESS", 115, 36, 10036, Class::Transient),
    ("ESTALE", 116, 70, 10070, Class::Transient),
    ("EDQUOT", 122, 69, 10069, Class::Permanent),
    ("ECANCELED", 125, 89, 10103, Class::Transient),
    ("EOWNERDEAD", 130, 105, 0, Class::Transient),
    ("EQFULL", 0, 106, 0, Class::Transient),
];

/// The last number that means the same on macOS, FreeBSD, NetBSD and OpenBSD.
const LAST_OF_ALL_BSDS: i32 = 83;

impl Class {
    /// Returns the class of an error number of the operating system that the program is compiled for, as
    /// [`raw_os_error`] returns it.
    ///
    /// This is [`of_windows_error`](Self::of_windows_error) on Windows, [`of_macos_error`](Self::of_macos_error) on
    /// Apple's systems, and [`of_linux_error`](Self::of_linux_error) anywhere else. The BSDs have the numbers of macOS up
    /// to 83; above, each of them has its own, and the result is `None`.
    ///
    /// | class | numbers, by their names |
    /// |---|---|
    /// | `Network` | `ECONNREFUSED`, `ECONNRESET`, `ECONNABORTED`, `ENOTCONN`, `EPIPE`, `ESHUTDOWN`, `EHOSTDOWN`, `EHOSTUNREACH`, `ENETDOWN`, `ENETUNREACH`, `ENETRESET`, `EADDRNOTAVAIL`, `ENONET`, `ENOLINK`, `ECOMM`, `EPROTO` |
    /// | `Timeout` | `ETIMEDOUT`, `ETIME` |
    /// | `Transient` | `EINTR`, `EAGAIN`, `EINPROGRESS`, `EALREADY`, `EBUSY`, `ETXTBSY`, `EADDRINUSE`, `EDEADLK`, `ESTALE`, `ECANCELED`, `EOWNERDEAD`; and what ran out: `ENOMEM`, `ENOBUFS`, `ENOSR`, `EQFULL`, `EMFILE`, `ENFILE`, `ENOLCK`, `EUSERS`, `EPROCLIM` |
    /// | `NotFound` | `ENOENT`, `ESRCH`, `ENXIO`, `ENODEV` |
    /// | `Client` | `EPERM`, `EACCES`, `EEXIST`, `ENOTDIR`, `EISDIR`, `ENOTEMPTY` |
    /// | `Validation` | `EINVAL`, `E2BIG`, `EDOM`, `ERANGE`, `ENAMETOOLONG`, `EOVERFLOW`, `EDESTADDRREQ`, `EMSGSIZE` |
    /// | `Serialization` | `EBADMSG`, `EILSEQ` |
    /// | `Permanent` | a full disk or quota, what is not supported, and descriptors of the wrong kind: `ENOSPC`, `EDQUOT`, `EROFS`, `EFBIG`, `ESPIPE`, `EXDEV`, `EMLINK`, `ELOOP`, `ENOSYS`, `EOPNOTSUPP`, `EBADF`, `EISCONN` and others |
    /// | `Unknown` | `EIO` |
    ///
    /// The classes agree with those of [`std::io::ErrorKind`], except 53 and 67 of Windows, which the standard library calls
    /// `NotFound`. Sources: [errno(3)] and Linux's [errno.h], Apple's
    /// [sys/errno.h], and Windows' [system error codes] and [socket error codes].
    ///
    /// [`raw_os_error`]: https://doc.rust-lang.org/std/io/struct.Error.html#method.raw_os_error
    /// [`std::io::ErrorKind`]: https://doc.rust-lang.org/std/io/enum.ErrorKind.html
    /// [errno(3)]: https://man7.org/linux/man-pages/man3/errno.3.html
    /// [errno.h]: https://github.com/torvalds/linux/blob/master/include/uapi/asm-generic/errno.h
    /// [sys/errno.h]: https://github.com/apple-oss-distributions/xnu/blob/main/bsd/sys/errno.h
    /// [system error codes]: https://learn.microsoft.com/windows/win32/debug/system-error-codes
    /// [socket error codes]: https://learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_os_error(0), None);
    /// assert_eq!(Class::of_linux_error(111), Some(Class::Network)); // ECONNREFUSED
    /// assert_eq!(Class::of_macos_error(61), Some(Class::Network));
    /// assert_eq!(Class::of_windows_error(10061), Some(Class::Network));
    /// ```
    pub const fn of_os_error(code: i32) -> Option<Self> {
        if cfg!(windows) {
            Self::of_windows_error(code)
        } else if cfg!(any(
            target_os = "freebsd",
            target_os = "openbsd",
            target_os = "netbsd",
            target_os = "dragonfly"
        )) {
            if code <= LAST_OF_ALL_BSDS { Self::of_macos_error(code) } else { None }
        } else if cfg!(target_vendor = "apple") {
            Self::of_macos_error(code)
        } else {
            Self::of_linux_error(code)
        }
    }

    /// Returns the class of an error number of Linux.
    ///
    /// [`of_os_error`](Self::of_os_error) has the table.
    pub const fn of_linux_error(code: i32) -> Option<Self> {
        let mut i = 0;
        while i < ERRNO.len() {
            if ERRNO[i].1 == code && code != 0 {
                return Some(ERRNO[i].4);
            }
            i += 1;
        }
        None
    }

    /// Returns the class of an error number of macOS and of Apple's other systems.
    ///
    /// [`of_os_error`](Self::of_os_error) has the table.
    pub const fn of_macos_error(code: i32) -> Option<Self> {
        let mut i = 0;
        while i < ERRNO.len() {
            if ERRNO[i].2 == code && code != 0 {
                return Some(ERRNO[i].4);
            }
            i += 1;
        }
        None
    }

    /// Returns the class of an error number of Windows: a system error code, or one of its sockets from 10000 on.
    ///
    /// The socket codes have the classes of [`of_os_error`](Self::of_os_error), and those of the
    /// [resolver](Self::of_resolver_error) are `Network`. The system error codes:
    ///
    /// | class | codes |
    /// |---|---|
    /// | `NotFound` | 2 file, 3 path, 15 drive, 1168 element |
    /// | `Client` | 5 access denied, 65 network access denied, 52, 80 and 183 exists, 145 directory not empty, 267 not a directory, 1314 privilege not held, 1326 logon failure |
    /// | `Transient` | 4 too many open files, 8 and 14 memory, 32 sharing violation, 33 lock violation, 54, 56, 71, 170 and 231 busy, 1130, 1450, 1455 and 1816 resources, 1238 connections, 1237 retry, 1723 the RPC server is busy |
    /// | `Timeout` | 121 semaphore timeout, 258 wait timeout, 594 driver, 995 I/O was cancelled, 1053 service, 1121 counter, 1460 timeout, 5910 resource, 12002 WinHTTP |
    /// | `Network` | 38 end of file, 51, 53, 55, 59, 64 and 67 network name and path, 109, 230, 232 and 233 pipe closed, 1222 no network, 1225 refused, 1226 disconnected, 1229 no connection, 1231 to 1234 unreachable, 1235 and 1236 aborted, 2250 not connected, 1722, 1726 and 1727 RPC, 12007, 12029 to 12031 and 12152 WinHTTP, 9002 and 9003 and 9501 name server |
    /// | `Validation` | 87 parameter, 123 name, 161 path, 206 name too long |
    /// | `Permanent` | 19 write protected, 39 and 112 disk full, 17 other device, 50 and 120 not supported, 1295 quota, 12175 TLS |
    pub const fn of_windows_error(code: i32) -> Option<Self> {
        Some(match code {
            2 | 3 | 15 | 1168 | 10108 | 10109 => Self::NotFound,
            5 | 52 | 65 | 80 | 145 | 183 | 267 | 1314 | 1326 => Self::Client,
            4 | 8 | 14 | 32 | 33 | 54 | 56 | 71 | 170 | 231 | 1130 | 1237 | 1238 | 1450 | 1455 | 1723
            | 1816 => Self::Transient,
            121 | 258 | 594 | 995 | 1053 | 1121 | 1460 | 5910 | 12002 => Self::Timeout,
            38
            | 51
            | 53
            | 55
            | 59
            | 64
            | 67
            | 109
            | 230
            | 232
            | 233
            | 1222
            | 1225
            | 1226
            | 1229
            | 1231..=1234
            | 1235
            | 1236
            | 1722
            | 1726
            | 1727
            | 2250
            | 9002
            | 9003
            | 9501
            | 12007
            | 12029..=12031
            | 12152 => Self::Network,
            // The network subsystem is not ready, the peer shut the connection down, or the resolver failed.
            10091 | 10101 | 11001..=11004 => Self::Network,
            87 | 123 | 161 | 206 => Self::Validation,
            17 | 19 | 39 | 50 | 112 | 120 | 1295 | 10092 | 10093 | 12175 => Self::Permanent,
            _ => {
                let mut i = 0;
                while i < ERRNO.len() {
                    if ERRNO[i].3 == code && code != 0 {
                        return Some(ERRNO[i].4);
                    }
                    i += 1;
                }
                return None;
            }
        })
    }
}

/// Returns the class of a number from an unknown system, and whether all systems that have the number agree on its
/// class.
pub(in crate::classify) fn of_any_system(code: i32) -> Option<(Class, bool)> {
    let classes = [Class::of_linux_error(code), Class::of_macos_error(code), Class::of_windows_error(code)];
    let first = classes.into_iter().flatten().next()?;
    Some((first, classes.into_iter().flatten().all(|class| class == first)))
}

/// Returns the class of a number by its name, such as `ECONNRESET` or Windows' `WSAECONNRESET`.
pub(in crate::classify) fn named(name: &str) -> Option<Class> {
    let name = name.strip_prefix("WSA").unwrap_or(name);
    ERRNO.iter().find(|errno| errno.0 == name).map(|errno| errno.4)
}
