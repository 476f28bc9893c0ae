//! The key of a call, such as a host.

use core::fmt;

use crate::clean::Shown;

/// The key of a call for events and errors: one of several similar dependencies, such as a host, a bucket or a device.
///
/// It holds up to 23 bytes of text and needs no heap. A longer text is cut at a character boundary, and is shown with
/// `..` at its end.
///
/// ```
/// use retry_core::Key;
///
/// assert_eq!(Key::new("eu-west-1").to_string(), "eu-west-1");
/// assert_eq!(Key::new("inventory.internal.example.com").to_string(), "inventory.internal.exam..");
/// assert!(Key::NONE.is_none());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Key {
    bytes: [u8; Self::CAPACITY],
    /// The length, with the bit `CUT` if the text was longer.
    length: u8,
}

const CUT: u8 = 0x80;

impl Key {
    const CAPACITY: usize = 23;
    /// The empty key.
    pub const NONE: Self = Self { bytes: [0; Self::CAPACITY], length: 0 };

    /// Makes a key of this text, or of its first 23 bytes at most.
    pub const fn new(text: &str) -> Self {
        let mut length = text.len();
        let mut cut = 0;
        if length > Self::CAPACITY {
            cut = CUT;
            length = Self::CAPACITY;
            while !text.is_char_boundary(length) {
                length -= 1;
            }
        }
        let mut bytes = [0; Self::CAPACITY];
        bytes.split_at_mut(length).0.copy_from_slice(text.as_bytes().split_at(length).0);
        #[allow(clippy::cast_possible_truncation)] // at most 23
        let length = length as u8;
        Self { bytes, length: length | cut }
    }

    /// Returns the text, or its beginning if it was cut.
    pub const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at((self.length & !CUT) as usize).0) {
            Ok(text) => text,
            Err(_) => unreachable!(), // `new` cuts at a character boundary
        }
    }

    pub(crate) const SIZE: usize = Self::CAPACITY + 1;

    /// Converts the key to plain bytes: the text, zeros, the length.
    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [self.length; Self::SIZE];
        if let Some((text, _)) = bytes.split_first_chunk_mut() {
            *text = self.bytes;
        }
        bytes
    }

    /// Reads a key from plain bytes; `None` if they are invalid.
    pub(crate) fn from_bytes(plain: [u8; Self::SIZE]) -> Option<Self> {
        let (bytes, [length]) = plain.split_first_chunk()? else { return None };
        let (text, rest) = bytes.split_at_checked(usize::from(length & !CUT))?;
        let sound = core::str::from_utf8(text).is_ok() && rest.iter().all(|byte| *byte == 0);
        sound.then_some(Self { bytes: *bytes, length: *length })
    }

    /// Returns `true` if the text was cut.
    pub const fn is_truncated(&self) -> bool {
        self.length & CUT != 0
    }

    /// Returns `true` if the key is empty.
    pub const fn is_none(&self) -> bool {
        self.length == 0
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Self {
        *key
    }
}

#[cfg(feature = "std")]
impl From<&std::string::String> for Key {
    fn from(text: &std::string::String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl Key {
    /// Writes `operation[key]: `, and leaves out the parts that are empty.
    pub(crate) fn fmt_after(&self, operation: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (is_unnamed, operation) = (operation.is_empty(), Shown(operation));
        match (is_unnamed, self.is_none()) {
            (true, true) => Ok(()),
            (false, true) => write!(f, "{operation}: "),
            (_, false) => write!(f, "{operation}[{self}]: "),
        }
    }
}

/// Shows the text on one line, with U+FFFD in place of control characters, line separators and marks of text direction.
/// [`as_str`](Key::as_str) is the text as it is.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.as_str()).fmt(f)?;
        f.write_str(if self.is_truncated() { ".." } else { "" })
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Key {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
        if self.is_truncated() {
            defmt::write!(f, "..");
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("Key(-)") } else { write!(f, "Key({self})") }
    }
}
