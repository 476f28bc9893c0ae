//! Error codes of curl.

use crate::class::Class;

impl Class {
    /// Returns the class of an error code of libcurl (`CURLcode`), which is also the exit code of `curl`.
    ///
    /// | class | codes |
    /// |---|---|
    /// | `Network` | 5, 6 name not resolved; 7 could not connect; 16, 92, 95 HTTP/2 and HTTP/3; 18 partial file; 35 TLS handshake, which a closed connection also ends; 52 empty reply; 55, 56 sending and receiving; 96 QUIC |
    /// | `Timeout` | 28 |
    /// | `Transient` | 27 memory, 45 local port, 81 try again |
    /// | `Client` | 9, 67 access and login denied, 94 authentication |
    /// | `NotFound` | 37, 78 file |
    /// | `Validation` | 3 URL, 43 |
    /// | `Serialization` | 8, 61 unreadable answer |
    /// | `Permanent` | 1, 4 not supported; 47 redirects; 53, 54, 58, 59, 60, 64, 66, 77, 80, 82, 83, 90, 91, 98 certificates and TLS settings; 63, 70 too large, disk full |
    ///
    /// Code 22 reports an HTTP error and leaves out its status, so its result is `None`. [Cargo] retries code 35, too.
    /// Source: [libcurl-errors(3)].
    ///
    /// [libcurl-errors(3)]: https://curl.se/libcurl/c/libcurl-errors.html
    /// [Cargo]: https://github.com/rust-lang/cargo/blob/master/src/cargo/util/network/retry.rs
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_curl_code(0), None);
    /// assert_eq!(Class::of_curl_code(7), Some(Class::Network));
    /// assert_eq!(Class::of_curl_code(60), Some(Class::Permanent));
    /// ```
    pub const fn of_curl_code(code: u32) -> Option<Self> {
        Some(match code {
            5 | 6 | 7 | 16 | 18 | 35 | 52 | 55 | 56 | 92 | 95 | 96 => Self::Network,
            28 => Self::Timeout,
            27 | 45 | 81 => Self::Transient,
            9 | 67 | 94 => Self::Client,
            37 | 78 => Self::NotFound,
            3 | 43 => Self::Validation,
            8 | 61 => Self::Serialization,
            1 | 4 | 47 | 53 | 54 | 58 | 59 | 60 | 63 | 64 | 66 | 70 | 77 | 80 | 82 | 83 | 90 | 91 | 98 => {
                Self::Permanent
            }
            _ => return None,
        })
    }
}
