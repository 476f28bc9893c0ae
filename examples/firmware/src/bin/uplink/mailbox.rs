//! The dead letters, and their image in memory that survives a reset.

use retry_core::dead_letter::{DeadLetter, DeadLetterBuffer, ImageError, LetterIds, WhenFull};

use crate::sensor::Sample;

/// How many letters fit.
pub(crate) const CAPACITY: usize = 8;
type Letters = DeadLetterBuffer<Sample, CAPACITY>;

/// The image of the letters.
pub(crate) type Image = [u8; Letters::IMAGE_SIZE];

/// The dead letters. Each method that changes them also updates the image before it returns.
pub(crate) struct Mailbox {
    letters: Letters,
    image: &'static mut Image,
}

impl Mailbox {
    /// Restores the letters from `image`. New ones get these ids. Also returns how many it found, or why the image is
    /// invalid.
    pub(crate) fn open(image: &'static mut Image, ids: LetterIds) -> (Self, Result<usize, ImageError>) {
        let restored = Letters::restore(image, WhenFull::DropOldest);
        match &restored {
            Ok(letters) => {
                defmt::info!("found {}", letters);
                letters.iter().for_each(|letter| defmt::info!("found {}", letter));
            }
            Err(error) => defmt::info!("found no letters: {}", error),
        }
        let found = restored.as_ref().map(Letters::len).map_err(|error| *error);
        let mut letters = restored.unwrap_or(Letters::new(WhenFull::DropOldest));
        letters.set_ids(ids);
        (Self { letters, image }, found)
    }

    pub(crate) fn put(&mut self, letter: DeadLetter<Sample>) {
        if let Some(oldest) = self.letters.push(letter) {
            defmt::error!("mailbox full: lost {}", oldest.payload);
        }
        self.save();
        defmt::warn!("kept {}, now {}", letter.payload, self.letters);
    }

    pub(crate) fn take(&mut self) -> Option<DeadLetter<Sample>> {
        let letter = self.letters.pop();
        self.save();
        letter
    }

    pub(crate) fn put_back(&mut self, letter: DeadLetter<Sample>) {
        self.letters.requeue(letter);
        self.save();
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.letters.is_full()
    }

    pub(crate) const fn lost(&self) -> u32 {
        self.letters.lost()
    }

    /// Flips the first bit that damages a letter, as a weak battery can do.
    pub(crate) fn flip_a_bit(&mut self) {
        let found =
            |image: &Image| Letters::restore(image, WhenFull::DropOldest).map(|letters| letters.len());
        let before = found(self.image);
        for byte in 0..self.image.len() {
            self.image[byte] ^= 0x10;
            if found(self.image) != before {
                return;
            }
            self.image[byte] ^= 0x10;
        }
    }

    /// Fills the image with noise, which memory contains after a loss of power.
    pub(crate) fn fill_with_noise(&mut self) {
        let mut noise = 0x2545_f491_u32;
        for byte in self.image.iter_mut() {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            *byte = noise as u8;
        }
    }

    fn save(&mut self) {
        self.letters.save(self.image).expect("the image has the right size");
    }
}
