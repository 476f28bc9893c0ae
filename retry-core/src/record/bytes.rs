//! Numbers in as few bytes as they need, and the bytes of a record one after the other.

use crate::crc::checksum4;

/// Up to `N` bytes. Bytes beyond them would be left out; `N` is chosen so that all fit.
pub(super) struct Encoded<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Encoded<N> {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        if let Some(to) = self.bytes.get_mut(self.length..self.length + bytes.len()) {
            to.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    /// Writes all bytes of a number in one step, and counts those that it needs. The next write replaces the rest.
    pub(super) fn put_short(&mut self, short: Short) {
        if let Some(to) = self.bytes.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut) {
            *to = short.bytes;
            self.length += usize::from(short.length);
        }
    }

    pub(super) fn put_leb128(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.put(&[value.to_le_bytes()[0] | 0x80]);
            value >>= 7;
        }
        self.put(&[value.to_le_bytes()[0]]);
    }

    /// Writes the CRC-4 of all bytes into the lower half of the byte at `at`, which is zero.
    pub(super) fn check(&mut self, at: usize) {
        let sum = checksum4(0, self.as_slice());
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte |= sum;
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

/// A number in this many bytes; the bytes after them are zero.
#[derive(Clone, Copy)]
pub(super) struct Short {
    bytes: [u8; 8],
    pub(super) length: u8,
}

impl Short {
    pub(super) const NONE: Self = Self { bytes: [0; 8], length: 0 };

    /// Returns the number in as few bytes as it needs. Zero needs none.
    pub(super) const fn of(value: u64) -> Self {
        #[allow(clippy::cast_possible_truncation)] // at most 8
        let length = (u64::BITS - value.leading_zeros()).div_ceil(8) as u8;
        Self { bytes: value.to_le_bytes(), length }
    }

    pub(super) const fn value(self) -> u64 {
        u64::from_le_bytes(self.bytes)
    }

    /// Returns the number in this many bytes, if they are enough.
    pub(super) const fn within(value: u64, length: u8) -> Option<Self> {
        let short = Self::of(value);
        if short.length <= length { Some(Self { length, ..short }) } else { None }
    }
}
