//! The key of a call, such as a host.

use core::fmt;

use crate::clean::Shown;
use crate::digest::{Digest, digest};

/// The key of a call for events and errors: one of several similar dependencies, such as a host, a bucket or a device.
///
/// It needs no heap. A text of up to 23 bytes is kept whole. Of a longer one, the key keeps the first 11 bytes, cut at
/// a character boundary, and a digest of the whole text. So two keys are equal only if their texts are. The digest is
/// the first 96 bits of SHA-256, so a key is the same in every process, and `sha256sum` finds it:
///
/// ```
/// use retry_core::Key;
///
/// assert_eq!(Key::new("eu-west-1").to_string(), "eu-west-1");
///
/// let key = Key::new("inventory.internal.example.com");
/// // printf inventory.internal.example.com | sha256sum
/// assert_eq!(key.to_string(), "inventory.i..0905b40ccf3c47f68c757d66");
/// assert_ne!(key, Key::new("inventory.internal.example.org"));
/// assert_ne!(key, Key::new(&key.to_string()), "a text that looks like this one is another key");
/// assert!(Key::NONE.is_none());
/// ```
///
/// # Text
///
/// `Display` shows the text, or its beginning, two dots and 24 hexadecimal digits. Control characters and marks of text
/// direction are replaced by U+FFFD, so that a key cannot fake a line of a log. [`as_str`](Self::as_str) returns the
/// text as it is.
///
/// # Size
///
/// Only a long key costs a digest: about 10 ns per byte on a server. A program for a microcontroller that makes all its
/// keys of constants, or by [`whole`](Self::whole), contains no code for digests.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Key {
    /// The text, then zeros. If it was cut: its beginning, zeros up to `BEGINNING`, and the digest.
    bytes: [u8; Self::CAPACITY],
    /// The length of the text or of its beginning, with the bit `CUT` if it was cut.
    length: u8,
}

const CUT: u8 = 0x80;

impl Key {
    /// The most bytes of a text that is kept whole.
    pub(crate) const CAPACITY: usize = 23;
    /// The most bytes that are kept of a longer text.
    pub(crate) const BEGINNING: usize = Self::CAPACITY - size_of::<Digest>();
    /// The empty key.
    pub const NONE: Self = Self { bytes: [0; Self::CAPACITY], length: 0 };

    /// Makes a key of this text.
    #[inline]
    pub const fn new(text: &str) -> Self {
        match Self::whole(text) {
            Some(key) => key,
            None => Self::of_long(text, digest(text.as_bytes())),
        }
    }

    /// Makes a key of a text of up to 23 bytes; `None` if it is longer.
    ///
    /// ```
    /// use retry_core::Key;
    ///
    /// assert_eq!(Key::whole("boiler"), Some(Key::new("boiler")));
    /// assert_eq!(Key::whole("the boiler in the cellar of the mill"), None);
    /// ```
    #[inline]
    pub const fn whole(text: &str) -> Option<Self> {
        if text.len() > Self::CAPACITY {
            return None;
        }
        #[allow(clippy::cast_possible_truncation)] // at most 23
        Some(Self { bytes: beginning(text, text.len()), length: text.len() as u8 })
    }

    /// Makes the key of a long text. Only the first bytes of `text` are read, so it may be a part of the text.
    pub(crate) const fn of_long(text: &str, digest: Digest) -> Self {
        let mut length = if text.len() < Self::BEGINNING { text.len() } else { Self::BEGINNING };
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        let mut bytes = beginning(text, length);
        let mut i = 0;
        while i < size_of::<Digest>() {
            bytes[Self::BEGINNING + i] = digest[i / 4].to_be_bytes()[i % 4];
            i += 1;
        }
        #[allow(clippy::cast_possible_truncation)] // at most 11
        let length = length as u8;
        Self { bytes, length: length | CUT }
    }

    /// Returns the text, or its beginning if it was cut.
    pub const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at((self.length & !CUT) as usize).0) {
            Ok(text) => text,
            Err(_) => unreachable!(), // the constructors cut at a character boundary
        }
    }

    /// Returns the digest of the whole text if it was cut: the first 12 bytes of SHA-256.
    ///
    /// ```
    /// use retry_core::Key;
    ///
    /// assert_eq!(Key::new("boiler").digest(), None);
    /// assert_eq!(Key::new("inventory.internal.example.com").digest().unwrap()[..2], [0x09, 0x05]);
    /// ```
    pub const fn digest(&self) -> Option<[u8; size_of::<Digest>()]> {
        if !self.is_truncated() {
            return None;
        }
        self.bytes.last_chunk().copied()
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
        let key = Self { bytes: *bytes, length: *length };
        let text_ends = if key.is_truncated() { Self::BEGINNING } else { Self::CAPACITY };
        let (text, rest) = bytes.get(..text_ends)?.split_at_checked(usize::from(length & !CUT))?;
        let sound = core::str::from_utf8(text).is_ok() && rest.iter().all(|byte| *byte == 0);
        (sound && (!key.is_truncated() || text.len() >= SHORTEST_BEGINNING)).then_some(key)
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

/// The first `length` bytes of a text, then zeros.
const fn beginning(text: &str, length: usize) -> [u8; Key::CAPACITY] {
    let mut bytes = [0; Key::CAPACITY];
    bytes.split_at_mut(length).0.copy_from_slice(text.as_bytes().split_at(length).0);
    bytes
}

/// A cut at a character boundary leaves out at most 3 bytes.
const SHORTEST_BEGINNING: usize = Key::BEGINNING - 3;

/// Shows the exact text of a key, from which [`Key::from_exact`] reads the same key. Control characters stay.
#[cfg(feature = "std")]
pub(crate) struct Exact<'k>(pub(crate) &'k Key);

#[cfg(feature = "std")]
impl fmt::Display for Exact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())?;
        self.0.fmt_digest(f)
    }
}

#[cfg(feature = "json")]
impl Key {
    /// Reads a key from its exact text. The text of a cut key is longer than the text of a whole one.
    pub(crate) fn from_exact(text: &str) -> Self {
        Self::from_cut(text).unwrap_or_else(|| Self::new(text))
    }

    fn from_cut(text: &str) -> Option<Self> {
        const DIGITS: usize = 2 * size_of::<Digest>();
        let (beginning, digits) = text.split_at_checked(text.len().checked_sub(DIGITS)?)?;
        let beginning = beginning.strip_suffix(MARK)?;
        let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if !(SHORTEST_BEGINNING..=Self::BEGINNING).contains(&beginning.len()) || !digits.bytes().all(is_digit)
        {
            return None;
        }
        let mut digest = Digest::default();
        for (i, word) in digest.iter_mut().enumerate() {
            *word = u32::from_str_radix(digits.get(8 * i..8 * i + 8)?, 16).ok()?;
        }
        Some(Self::of_long(beginning, digest))
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
    #[inline]
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

    fn fmt_digest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(digest) = self.digest() else { return Ok(()) };
        f.write_str(MARK)?;
        digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows the text on one line, with U+FFFD in place of control characters, line separators and marks of text direction.
/// [`as_str`](Key::as_str) is the text as it is.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.as_str()).fmt(f)?;
        self.fmt_digest(f)
    }
}

#[cfg(feature = "defmt")]
impl Key {
    /// Writes what shows that the text was cut.
    pub(crate) fn format_digest(&self, f: defmt::Formatter<'_>) {
        let Some(digest) = self.digest() else { return };
        defmt::write!(f, "..");
        digest.iter().for_each(|byte| defmt::write!(f, "{=u8:02x}", byte));
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Key {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
        self.format_digest(f);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("Key(-)") } else { write!(f, "Key({self})") }
    }
}

/// What comes between the beginning of a text that was cut and its digest.
const MARK: &str = "..";
