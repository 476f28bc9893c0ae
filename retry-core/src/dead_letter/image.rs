//! Dead letters as plain bytes, which outlive a reset.
//!
//! An image is `N` records and two headers. A letter keeps its place as long as it waits, and the headers are written
//! in turn after the records, so that a save that is cut off leaves the older header and all letters in it that were
//! not overwritten. Each record and each header ends with its own checksum.

use core::fmt;
use core::sync::atomic::{Ordering, compiler_fence};
use core::time::Duration;

use super::buffer::{DeadLetterBuffer, WhenFull};
use super::letter::DeadLetter;
use crate::class::Class;
use crate::codec::{Bytes, Codec, put, take};
use crate::crc::{CHECKSUM, CHECKSUM_START, checked, checksum};
use crate::key::Key;
use crate::time::nanos;
use crate::verdict::Reason;

/// Why no letters were read from an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ImageError {
    /// It has fewer bytes than [`DeadLetterBuffer::IMAGE_SIZE`].
    TooSmall,
    /// It is no image: what memory holds after a cold start, say.
    Garbage,
    /// It is one of a queue of another size, payload or [version](Codec::VERSION).
    OtherLayout,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSmall => "too few bytes for an image of the letters",
            Self::Garbage => "no image of letters",
            Self::OtherLayout => "an image of letters of another layout",
        })
    }
}

impl core::error::Error for ImageError {}

impl<T: Codec, const N: usize> DeadLetterBuffer<T, N> {
    /// How many bytes an image takes.
    pub const IMAGE_SIZE: usize = N * Self::RECORD + 2 * HEADER;

    const RECORD: usize = BESIDE_PAYLOAD + T::SIZE;

    /// Writes an image of the queue to `image`: memory that a reset leaves alone, or a buffer on its way to flash.
    ///
    /// Save to the same bytes each time, and leave them as they are in between: a reset in the midst of a save then
    /// loses the letter that was being written, and the one that was dropped for it, but no other. A letter that
    /// was taken out just before may be there again.
    ///
    /// # Errors
    /// [`ImageError::TooSmall`]; nothing is written then.
    pub fn save(&self, image: &mut [u8]) -> Result<(), ImageError> {
        let (records, headers) = image.split_at_mut_checked(N * Self::RECORD).ok_or(ImageError::TooSmall)?;
        let headers = headers.get_mut(..2 * HEADER).ok_or(ImageError::TooSmall)?;
        let mut number = self.first;
        for letter in self.iter() {
            if let Some(record) = records.chunks_exact_mut(Self::RECORD).nth(place::<N>(number)) {
                write_record(record, number, letter);
            }
            number = number.wrapping_add(1);
        }
        // A header is not to be in memory before the letters that it speaks of.
        compiler_fence(Ordering::SeqCst);
        let last = Header::newest(headers, Self::LAYOUT).map_or(0, |header| header.generation);
        let generation = last.wrapping_add(1);
        if let Some(copy) = headers.chunks_exact_mut(HEADER).nth((generation % 2) as usize) {
            let len = number.wrapping_sub(self.first);
            Header { generation, first: self.first, len, lost: self.lost }.write(copy, Self::LAYOUT);
        }
        compiler_fence(Ordering::SeqCst);
        Ok(())
    }

    /// The queue that was last saved to `image`. Letters that are damaged in there count as [lost](Self::lost).
    ///
    /// The odds that other bytes are taken for an image are 1 to 2^95; that a damaged letter is taken for a sound
    /// one, 1 to 2^32, and none where all that is wrong lies within 32 bits.
    ///
    /// ```
    /// use retry_core::{dead_letter::{DeadLetter, DeadLetterBuffer, ImageError, Reason, WhenFull}, GiveUp};
    ///
    /// type Letters = DeadLetterBuffer<u16, 8>;
    /// let mut retained = [0xa5; Letters::IMAGE_SIZE]; // memory that the start-up code leaves alone
    ///
    /// // A cold start: it holds anything.
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
    /// Where the bytes are no such image.
    pub fn restore(image: &[u8], when_full: WhenFull) -> Result<Self, ImageError> {
        let (records, headers) = image.split_at_checked(N * Self::RECORD).ok_or(ImageError::TooSmall)?;
        let headers = headers.get(..2 * HEADER).ok_or(ImageError::TooSmall)?;
        let Header { first, len, lost, .. } = Header::newest(headers, Self::LAYOUT)?;
        if len as usize > N {
            return Err(ImageError::Garbage);
        }
        let mut restored = Self::new(when_full);
        (restored.first, restored.lost) = (first, lost);
        for number in (0..len).map(|index| first.wrapping_add(index)) {
            let record = records.chunks_exact(Self::RECORD).nth(place::<N>(number));
            let letter = record.and_then(|record| read_record(record, number));
            if letter.is_none_or(|letter| restored.letters.push_back(letter).is_err()) {
                restored.lost = restored.lost.saturating_add(1);
            }
        }
        Ok(restored)
    }

    /// What an image must have been made for.
    const LAYOUT: u32 = {
        #[allow(clippy::cast_possible_truncation)] // an image of more than 4 GiB fits no memory
        let words = [FORMAT, N as u32, T::SIZE as u32, T::VERSION];
        let (mut sum, mut i) = (CHECKSUM_START, 0);
        while i < words.len() {
            sum = checksum(sum, &words[i].to_le_bytes());
            i += 1;
        }
        sum
    };
}

/// Where the letter of this number is, always.
const fn place<const N: usize>(number: u32) -> usize {
    number as usize % N
}

// A record: number, attempts, elapsed, requeued, class, reason, operation, key, payload, checksum.
const BESIDE_PAYLOAD: usize = 4 + 4 + 8 + 2 + 1 + 1 + 2 * Key::SIZE + CHECKSUM;
const NONE: u8 = u8::MAX;

fn write_record<T: Codec>(record: &mut [u8], number: u32, letter: &DeadLetter<T>) {
    let DeadLetter { operation, key, reason, class, attempts, elapsed, requeued, payload } = letter;
    let (body, sum) = record.split_at_mut(record.len().saturating_sub(CHECKSUM));
    let mut bytes = Bytes(body);
    bytes.put(&number.to_le_bytes());
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
    Some(DeadLetter { operation, key, reason, class, attempts, elapsed, requeued, payload })
}

/// What an image says of the queue.
struct Header {
    /// Counts the saves; of two headers, the one that was written later.
    generation: u32,
    first: u32,
    len: u32,
    lost: u32,
}

const HEADER: usize = 6 * 4 + CHECKSUM;
const MAGIC: u32 = u32::from_le_bytes(*b"dead");
/// To be changed with the form of an image, and with the numbers that stand for classes.
const FORMAT: u32 = 1;

impl Header {
    /// Of the two headers, the one that was written later, if one is sound.
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
