//! A dead letter queue as plain bytes that survive a reset.
//!
//! An image consists of `N` records and two headers. A letter stays in one record as long as it waits. A save writes
//! the records first, and then one of the two headers in turn. If a save is cut off, the older header is still valid,
//! with all of its letters that were not overwritten. Each record and each header ends with a checksum.

use core::fmt;
use core::sync::atomic::{Ordering, compiler_fence};
use core::time::Duration;

use super::buffer::{DeadLetterBuffer, WhenFull};
use super::id::LetterId;
use super::letter::DeadLetter;
use crate::class::Class;
use crate::codec::{Bytes, Codec, put, take};
use crate::crc::{CHECKSUM, CHECKSUM_START, checked, checksum};
use crate::key::Key;
use crate::time::nanos;
use crate::verdict::Reason;

/// Why a dead letter queue could not be saved to an image, or restored from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ImageError {
    /// The slice has fewer bytes than [`DeadLetterBuffer::IMAGE_SIZE`].
    TooSmall,
    /// The bytes are not an image, such as after a cold start.
    Garbage,
    /// The image is of a queue with another size, payload type or [version](Codec::VERSION).
    OtherLayout,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSmall => "too few bytes for an image of the dead letters",
            Self::Garbage => "the bytes are not an image of dead letters",
            Self::OtherLayout => "the image is of a dead letter queue with another layout",
        })
    }
}

impl core::error::Error for ImageError {}

impl<T: Codec, const N: usize> DeadLetterBuffer<T, N> {
    /// The size of an image, in bytes.
    pub const IMAGE_SIZE: usize = N * Self::RECORD + 2 * HEADER;

    const RECORD: usize = BESIDE_PAYLOAD + T::SIZE;

    /// Writes an image of the queue to `image`: memory that a reset leaves alone, or a buffer that is then written to
    /// flash.
    ///
    /// Save to the same bytes each time, and leave them unchanged between two saves. A reset during a save then loses
    /// at most two letters: the one that was being written, and the one that was dropped to make room for it. A letter
    /// that was popped just before may come back.
    ///
    /// # Errors
    /// Returns an error if `image` is too small ([`ImageError::TooSmall`]). Nothing is written then.
    pub fn save(&self, image: &mut [u8]) -> Result<(), ImageError> {
        let (records, headers) = image.split_at_mut_checked(N * Self::RECORD).ok_or(ImageError::TooSmall)?;
        let headers = headers.get_mut(..2 * HEADER).ok_or(ImageError::TooSmall)?;
        let mut number = self.first;
        for letter in self.iter() {
            if let Some(record) = records.chunks_exact_mut(Self::RECORD).nth(place::<N>(number)) {
                write_record(record, number, letter);
            }
            number = Self::after(number);
        }
        // The letters must be in memory before the header that counts them.
        compiler_fence(Ordering::SeqCst);
        let last = Header::newest(headers, Self::LAYOUT).map_or(0, |header| header.generation);
        let generation = last.wrapping_add(1);
        if let Some(copy) = headers.chunks_exact_mut(HEADER).nth((generation % 2) as usize) {
            #[allow(clippy::cast_possible_truncation)] // `NUMBERS` is more
            let len = self.len() as u32;
            Header { generation, first: self.first, len, lost: self.lost }.write(copy, Self::LAYOUT);
        }
        compiler_fence(Ordering::SeqCst);
        Ok(())
    }

    /// Reads the queue that was last saved to `image`. A damaged letter is left out, and counts as [lost](Self::lost).
    ///
    /// The checksum is the CRC-32 of ISO 3309. Other bytes are taken for an image with a probability of 2^-95, and a
    /// damaged letter for a sound one with a probability of 2^-32. Damage within 32 adjacent bits is always found.
    ///
    /// ```
    /// use retry_core::{dead_letter::{DeadLetter, DeadLetterBuffer, ImageError, Reason, WhenFull}, GiveUp};
    ///
    /// type Letters = DeadLetterBuffer<u16, 8>;
    /// let mut retained = [0xa5; Letters::IMAGE_SIZE]; // memory that the start-up code leaves alone
    ///
    /// // After a cold start, memory may hold anything.
    /// let restored = Letters::restore(&retained, WhenFull::DropOldest);
    /// assert_eq!(restored.unwrap_err(), ImageError::Garbage);
    ///
    /// let mut letters = Letters::new(WhenFull::DropOldest);
    /// letters.push(DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), 215));
    /// letters.save(&mut retained).unwrap();
    ///
    /// // After a reset:
    /// let mut letters = Letters::restore(&retained, WhenFull::DropOldest).unwrap();
    /// assert_eq!(letters.pop().unwrap().payload, 215);
    /// ```
    ///
    /// # Errors
    /// Returns an error if the bytes are not an image of such a queue.
    pub fn restore(image: &[u8], when_full: WhenFull) -> Result<Self, ImageError> {
        let (records, headers) = image.split_at_checked(N * Self::RECORD).ok_or(ImageError::TooSmall)?;
        let headers = headers.get(..2 * HEADER).ok_or(ImageError::TooSmall)?;
        let Header { first, len, lost, .. } = Header::newest(headers, Self::LAYOUT)?;
        if len as usize > N || first >= Self::NUMBERS {
            return Err(ImageError::Garbage);
        }
        let mut restored = Self::new(when_full);
        (restored.first, restored.lost) = (first, lost);
        let mut next = first;
        for _ in 0..len {
            let number = next;
            next = Self::after(number);
            let record = records.chunks_exact(Self::RECORD).nth(place::<N>(number));
            let letter = record.and_then(|record| read_record(record, number));
            if letter.is_none_or(|letter| restored.letters.push_back(letter).is_err()) {
                restored.lost = restored.lost.saturating_add(1);
            }
        }
        Ok(restored)
    }

    /// A checksum of everything that an image and its reader must agree on.
    const LAYOUT: u32 = {
        #[allow(clippy::cast_possible_truncation)] // an image of more than 4 GiB does not fit into memory
        let words = [FORMAT, N as u32, T::SIZE as u32, T::VERSION];
        let (mut sum, mut i) = (CHECKSUM_START, 0);
        while i < words.len() {
            sum = checksum(sum, &words[i].to_le_bytes());
            i += 1;
        }
        sum
    };
}

/// Returns the record of the letter with this number.
const fn place<const N: usize>(number: u32) -> usize {
    number as usize % N
}

// The fields of a record: number, id, attempts, elapsed, requeued, class, reason, operation, key, payload, checksum.
const BESIDE_PAYLOAD: usize = 4 + 16 + 4 + 8 + 2 + 1 + 1 + 2 * Key::SIZE + CHECKSUM;
const NONE: u8 = u8::MAX;

fn write_record<T: Codec>(record: &mut [u8], number: u32, letter: &DeadLetter<T>) {
    let DeadLetter { id, operation, key, reason, class, attempts, elapsed, requeued, payload } = letter;
    let (body, sum) = record.split_at_mut(record.len().saturating_sub(CHECKSUM));
    let mut bytes = Bytes(body);
    bytes.put(&number.to_le_bytes());
    bytes.put(&id.to_bytes());
    bytes.put(&attempts.to_le_bytes());
    bytes.put(&elapsed.map_or(u64::MAX, nanos).to_le_bytes());
    bytes.put(&requeued.to_le_bytes());
    bytes.put(&[class.map_or(NONE, |class| class as u8), reason.number()]);
    bytes.put(&operation.to_bytes());
    bytes.put(&key.to_bytes());
    payload.write(bytes.0);
    put(sum, &checksum(CHECKSUM_START, body).to_le_bytes());
}

fn read_record<T: Codec>(record: &[u8], number: u32) -> Option<DeadLetter<T>> {
    let mut bytes = checked(record)?;
    if u32::from_le_bytes(take(&mut bytes)?) != number {
        return None;
    }
    let id = LetterId::from_bytes(take(&mut bytes)?);
    let attempts = u32::from_le_bytes(take(&mut bytes)?);
    let elapsed = match u64::from_le_bytes(take(&mut bytes)?) {
        u64::MAX => None,
        nanos => Some(Duration::from_nanos(nanos)),
    };
    let requeued = u16::from_le_bytes(take(&mut bytes)?);
    let [class, reason] = take(&mut bytes)?;
    let class = match class {
        NONE => None,
        class => Some(*Class::ALL.get(usize::from(class))?),
    };
    let reason = *Reason::ALL.get(usize::from(reason))?;
    let operation = Key::from_bytes(take(&mut bytes)?)?;
    let key = Key::from_bytes(take(&mut bytes)?)?;
    let payload = T::read(bytes)?;
    Some(DeadLetter { id, operation, key, reason, class, attempts, elapsed, requeued, payload })
}

/// What an image stores about the queue itself.
struct Header {
    /// The number of the save. Of two headers, the one with the higher number is newer.
    generation: u32,
    first: u32,
    len: u32,
    lost: u32,
}

const HEADER: usize = 6 * 4 + CHECKSUM;
const MAGIC: u32 = u32::from_le_bytes(*b"dead");
/// Changes with the format of an image, and with the numbers that stand for classes.
const FORMAT: u32 = 2;

impl Header {
    /// Returns the newer one of the valid headers.
    fn newest(headers: &[u8], layout: u32) -> Result<Self, ImageError> {
        let mut found: Result<Self, _> = Err(ImageError::Garbage);
        for copy in headers.chunks_exact(HEADER) {
            found = match (Self::read(copy, layout), found) {
                (Ok(a), Ok(b)) if a.generation.wrapping_sub(b.generation) > u32::MAX / 2 => Ok(b),
                (Ok(header), _) => Ok(header),
                (Err(ImageError::OtherLayout), Err(_)) => Err(ImageError::OtherLayout),
                (Err(_), found) => found,
            };
        }
        found
    }

    fn read(copy: &[u8], layout: u32) -> Result<Self, ImageError> {
        let mut bytes = checked(copy).ok_or(ImageError::Garbage)?;
        let mut word = || take(&mut bytes).map_or(0, u32::from_le_bytes);
        if word() != MAGIC {
            return Err(ImageError::Garbage);
        }
        if word() != layout {
            return Err(ImageError::OtherLayout);
        }
        Ok(Self { generation: word(), first: word(), len: word(), lost: word() })
    }

    fn write(&self, copy: &mut [u8], layout: u32) {
        let (body, sum) = copy.split_at_mut(copy.len().saturating_sub(CHECKSUM));
        let mut bytes = Bytes(body);
        for word in [MAGIC, layout, self.generation, self.first, self.len, self.lost] {
            bytes.put(&word.to_le_bytes());
        }
        put(sum, &checksum(CHECKSUM_START, body).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_and_class_has_its_number() {
        for (number, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(reason.number()), number);
        }
        for (number, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, number);
        }
    }
}
