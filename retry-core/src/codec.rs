//! Values as a fixed number of plain bytes, which survive a reset.

use core::mem;

/// A value as a fixed number of plain bytes, such as the payload of a dead letter that survives a reset.
///
/// ```
/// use retry_core::dead_letter::Codec;
///
/// struct Sample {
///     at: u32,
///     millivolts: u16,
/// }
///
/// impl Codec for Sample {
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
pub trait Codec: Sized {
    /// The number of bytes of each value.
    const SIZE: usize;
    /// The version of the format, to be changed when the same bytes mean something else. Only bytes
    /// of this version are read.
    const VERSION: u32 = 0;

    /// Writes the value to `bytes`, which are [`SIZE`](Self::SIZE) bytes.
    fn write(&self, bytes: &mut [u8]);

    /// Reads a value from `bytes`, which are [`SIZE`](Self::SIZE) bytes; `None` if they are invalid.
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl<const N: usize> Codec for [u8; N] {
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
        impl Codec for $number {
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

/// The rest of the bytes that are to be written.
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
