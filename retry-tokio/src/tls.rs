//! What the text of an error says of a TLS handshake.
//!
//! native-tls has a different error on each system, and a dependency on it would need OpenSSL to build. rustls needs no
//! text: its errors are an `io::Error` of kind `InvalidData`.

use std::fmt::{self, Write as _};
use std::io;

use retry_core::{Class, Classify};

/// Marks the errors of OpenSSL's handshake. Source: [`ERR_error_string`], `error:[code]:[library]:[function]:[reason]`,
/// and the name of the library `ERR_LIB_SSL`.
///
/// [`ERR_error_string`]: https://docs.openssl.org/master/man3/ERR_error_string/
const OPENSSL: &str = "SSL routines";

/// What OpenSSL 3 says if the peer closes the connection in the middle of the handshake: `SSL_R_UNEXPECTED_EOF_WHILE_READING`.
const CLOSED: &str = "unexpected eof";

/// What the systems' libraries say of a handshake: Secure Transport on macOS (`SecureTransport.h`), and any of them about a
/// certificate.
const REFUSALS: &[&str] = &[
    "certificate",
    "cert chain",
    "untrusted root",
    "expired cert",
    "host name mismatch",
    "SSL protocol error",
];

/// Returns the class of an error that is a text of OpenSSL's.
pub(crate) fn of_openssl(text: &Text) -> Option<Class> {
    match text.contains(OPENSSL) {
        true if text.contains(CLOSED) => Some(Class::Network),
        true => Some(Class::Permanent),
        false => None,
    }
}

/// Returns the class of an error of a connector, if its text says that the handshake failed.
pub(crate) fn of_handshake(text: &Text) -> Option<Class> {
    of_openssl(text)
        .or_else(|| REFUSALS.iter().any(|refusal| text.contains(refusal)).then_some(Class::Permanent))
}

/// Returns the class of an error of a connection, or `None` if the rest of the chain decides.
///
/// Data that is invalid there is what a TLS library says of a handshake: a certificate that cannot be trusted, an alert,
/// or a server that does not speak TLS. None of them passes by itself.
pub(crate) fn of_connection(error: &io::Error) -> Option<Class> {
    match error.classify().class {
        Class::Unknown => error.raw_os_error().and_then(of_schannel),
        Class::Serialization => Some(Class::Permanent),
        class => Some(class),
    }
}

/// Returns the class of an error number that Windows' Schannel uses: the facilities 9 (security) and 11 (certificates)
/// of an HRESULT. Source: [\[MS-ERREF\]], section 2.1.
///
/// [\[MS-ERREF\]]: https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-erref/
const fn of_schannel(code: i32) -> Option<Class> {
    match code.cast_unsigned() >> 16 {
        0x8009 | 0x800b => Some(Class::Permanent),
        _ => None,
    }
}

/// The first 1,000 bytes of an error's text.
pub(crate) struct Text(String);

impl Text {
    const MAX: usize = 1_000;

    pub(crate) fn of(error: impl fmt::Display) -> Self {
        let mut text = Self(String::new());
        let _ = write!(text, "{error}"); // an error means that the text is full
        text
    }

    pub(crate) fn contains(&self, phrase: &str) -> bool {
        self.0.contains(phrase)
    }

    #[cfg(feature = "sqlx")]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn starts_with(&self, phrase: &str) -> bool {
        self.0.starts_with(phrase)
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = Self::MAX - self.0.len();
        let fits = (0..=room.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        self.0.push_str(&text[..fits]);
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}
