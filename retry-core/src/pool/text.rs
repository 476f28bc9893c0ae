//! The text of a key in the form in which a pool stores it.

use crate::digest::{Digest, digest};
use crate::key::Key;

/// The text of a key: the whole text, or the beginning and the digest of one that is too long to be stored.
pub(super) struct KeyText<'k> {
    stored: &'k str,
    length: Length,
    /// The digest of the whole text, if it was cut.
    digest: Digest,
}

/// How much of a text is stored, and whether it was cut, in 32 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Length(pub(super) u32);

const CUT: u32 = 1 << 31;

impl Length {
    pub(super) const fn stored(self) -> usize {
        (self.0 & !CUT) as usize
    }

    pub(super) const fn is_cut(self) -> bool {
        self.0 & CUT != 0
    }

    /// Whether a [`Key`] keeps only a part of the text.
    pub(super) const fn is_long(self) -> bool {
        self.is_cut() || self.stored() > Key::CAPACITY
    }
}

impl<'k> KeyText<'k> {
    /// Takes a text, of which at most `most` bytes are stored.
    #[inline]
    pub(super) fn new(text: &'k str, most: usize) -> Self {
        if text.len() > most {
            return Self::cut(text, most);
        }
        #[allow(clippy::cast_possible_truncation)] // at most `most`
        Self { stored: text, length: Length(text.len() as u32), digest: Digest::default() }
    }

    #[cold]
    #[inline(never)]
    fn cut(text: &'k str, most: usize) -> Self {
        let stored = text.split_at(text.floor_char_boundary(most)).0;
        #[allow(clippy::cast_possible_truncation)] // at most `most`
        Self { stored, length: Length(stored.len() as u32 | CUT), digest: digest(text.as_bytes()) }
    }

    /// The whole text or its beginning.
    #[inline]
    pub(super) fn stored(&self) -> &[u8] {
        self.stored.as_bytes()
    }

    #[inline]
    pub(super) fn length(&self) -> Length {
        self.length
    }

    /// The digest, if the text was cut.
    #[inline]
    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes that are hashed: the stored ones, or those of the digest, which `room` then holds.
    #[inline]
    pub(super) fn hashed<'a>(&'a self, room: &'a mut [u8; size_of::<Digest>()]) -> &'a [u8] {
        if !self.length.is_cut() {
            return self.stored();
        }
        for (bytes, word) in room.as_chunks_mut().0.iter_mut().zip(self.digest) {
            *bytes = word.to_le_bytes();
        }
        room
    }

    /// Works out the digest that a [`Key`] of the text needs. This takes a time that grows with the text.
    pub(super) fn with_digest(self) -> Self {
        if self.length.is_cut() || !self.length.is_long() {
            return self;
        }
        Self { digest: digest(self.stored()), ..self }
    }

    /// The text as a [`Key`], once it has its digest.
    pub(super) fn key(&self) -> Key {
        if self.length.is_long() { Key::of_long(self.stored, self.digest) } else { Key::new(self.stored) }
    }
}
