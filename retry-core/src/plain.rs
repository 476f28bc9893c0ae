//! Values as plain bytes, which outlive a reset, and the checksum that tells them from garbage.

use core::mem;

/// A value that is kept as plain bytes.
///
/// ```
/// use retry_core::Plain;
///
/// struct Sample {
///     at: u32,
///     millivolts: u16,
/// }
///
/// impl Plain for Sample {
///     const SIZE: usize = 6;
///
///     fn write(&self, bytes: &mut [u8]) {
///         let (at, millivolts) = bytes.split_at_mut(4);
///         self.at.write(at);
///         self.millivolts.write(millivolts);
///     }
///
///     fn read(bytes: &[u8]) -> Option<Self> {
///         let (at, millivolts) = bytes.split_at_checked(4)?;
///         Some(Self { at: u32::read(at)?, millivolts: u16::read(millivolts)? })
///     }
/// }
/// ```
pub trait Plain: Sized {
    /// How many bytes it takes, always.
    const SIZE: usize;
    /// To be changed whenever the same bytes mean something else: what another version saved is not read.
    const VERSION: u32 = 0;

    /// Writes it to `bytes`, of which there are [`SIZE`](Self::SIZE).
    fn write(&self, bytes: &mut [u8]);

    /// Reads it from `bytes`, of which there are [`SIZE`](Self::SIZE); `None` where they cannot be.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl<const N: usize> Plain for [u8; N] {
    const SIZE: usize = N;

    fn write(&self, bytes: &mut [u8]) {
        put(bytes, self);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }
}

macro_rules! plain {
    ($($number:ty)*) => { $(
        /// Little-endian.
        impl Plain for $number {
            const SIZE: usize = size_of::<Self>();

            fn write(&self, bytes: &mut [u8]) {
                put(bytes, &self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self::from_le_bytes)
            }
        }
    )* };
}
plain!(u8 u16 u32 u64 i8 i16 i32 i64);

/// The rest of what is to be written.
pub(crate) struct Bytes<'a>(pub(crate) &'a mut [u8]);

impl Bytes<'_> {
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if let Some((to, rest)) = mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            to.copy_from_slice(bytes);
            self.0 = rest;
        }
    }
}

pub(crate) fn put(to: &mut [u8], bytes: &[u8]) {
    if to.len() == bytes.len() {
        to.copy_from_slice(bytes);
    }
}

pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

/// What stands before a checksum that is right.
pub(crate) fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, sum) = bytes.split_last_chunk()?;
    (checksum(CHECKSUM_START, body) == u32::from_le_bytes(*sum)).then_some(body)
}

pub(crate) const CHECKSUM: usize = size_of::<u32>();
pub(crate) const CHECKSUM_START: u32 = 0;

/// Goes on with the CRC-32 of ISO 3309.
pub(crate) const fn checksum(sum: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = crc_table(0xedb8_8320); // x^32 + x^26 + ... + 1, reflected
    !crc(&TABLE, !sum, bytes)
}

/// Goes on with the CRC-4 of ITU-T G.704, for what has no room for more.
pub(crate) const fn checksum4(sum: u8, bytes: &[u8]) -> u8 {
    const TABLE: [u32; 16] = crc_table(0xc); // x^4 + x + 1, reflected
    crc(&TABLE, sum as u32, bytes).to_le_bytes()[0]
}

/// What half a byte becomes, by a reflected polynomial of at least 4 bits.
const fn crc_table(polynomial: u32) -> [u32; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 * 4 {
        let entry = &mut table[i / 4];
        if i % 4 == 0 {
            #[allow(clippy::cast_possible_truncation)] // below 16
            let first = (i / 4) as u32;
            *entry = first;
        }
        *entry = (*entry >> 1) ^ (polynomial * (*entry & 1));
        i += 1;
    }
    table
}

/// Half a byte at a time, whatever the width.
const fn crc(table: &[u32; 16], mut sum: u32, bytes: &[u8]) -> u32 {
    let mut i = 0;
    while i < bytes.len() {
        sum ^= bytes[i] as u32;
        sum = (sum >> 4) ^ table[(sum & 15) as usize];
        sum = (sum >> 4) ^ table[(sum & 15) as usize];
        i += 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_those_of_their_standards() {
        assert_eq!(checksum(CHECKSUM_START, b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(checksum(CHECKSUM_START, b"1234"), b"56789"), 0xcbf4_3926);
        assert_eq!(checksum4(0, b"123456789"), 0x7);
        assert_eq!(checksum4(checksum4(0, b"1234"), b"56789"), 0x7);
    }
}
