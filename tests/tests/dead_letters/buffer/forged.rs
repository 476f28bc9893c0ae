//! Images with right checksums and wrong contents: each is refused, or makes a queue like any other.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use retry_core::{
    Class, GiveUp, Key,
    dead_letter::{DeadLetter, DeadLetterBuffer, Reason, WhenFull},
};

const N: usize = 4;
type Queue = DeadLetterBuffer<u32, N>;

/// The size of each of the two headers at the end of an image.
const HEADER: usize = 28;
const HEADERS: usize = Queue::IMAGE_SIZE - 2 * HEADER;

/// The image of a full queue that has wrapped around and lost a letter.
fn image() -> Vec<u8> {
    let mut queue = Queue::new(WhenFull::DropOldest);
    let mut bytes = vec![0; Queue::IMAGE_SIZE];
    for payload in 0..5 {
        let mut letter = DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload);
        (letter.operation, letter.key) =
            (Key::new("uplink.send"), Key::new("the gateway behind the old mill"));
        letter.class = Some(Class::Network);
        queue.push(letter);
        queue.save(&mut bytes).expect("it has the size of an image");
    }
    bytes
}

/// The CRC-32 of ISO 3309, one bit at a time.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

/// Gives each record and each header a right checksum.
fn seal(image: &mut [u8]) {
    let (records, headers) = image.split_at_mut(HEADERS);
    for part in records.chunks_exact_mut(HEADERS / N).chain(headers.chunks_exact_mut(HEADER)) {
        let (body, sum) = part.split_last_chunk_mut().expect("a checksum");
        *sum = checksum(body).to_le_bytes();
    }
}

/// What an image keeps of a letter. A time of nearly 584 years may be left out the second time.
fn told(letter: &DeadLetter<u32>) -> impl PartialEq {
    let DeadLetter { operation, key, reason, class, attempts, requeued, payload, .. } = *letter;
    (operation, key, reason, class, attempts, requeued, payload)
}

/// Checks what forged bytes make. Returns how many letters were left out, or `None` if the image is refused.
fn tried(mut image: Vec<u8>) -> Option<u32> {
    seal(&mut image);
    let mut queue = Queue::restore(&image, WhenFull::DropOldest).ok()?;
    assert!(queue.len() <= N);
    for letter in queue.iter() {
        let text = format!("{letter:?} {} {}", letter.operation, letter.key);
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    let left_out = N - queue.len();
    // The queue works on, and its own image is read back as it is.
    for payload in 10..15 {
        queue.save(&mut image).expect("it has the size of an image");
        let again = Queue::restore(&image, WhenFull::DropOldest).expect("the queue is sound");
        assert!(queue.iter().map(told).eq(again.iter().map(told)), "{queue:?} {again:?}");
        assert_eq!((queue.len(), queue.lost()), (again.len(), again.lost()));
        queue.push(DeadLetter::new(Reason::Rejected, payload));
        assert!(queue.len() == N || queue.pop().is_some());
    }
    Some(u32::try_from(left_out).expect("at most 3"))
}

#[test]
fn every_wrong_field_is_refused_or_costs_its_letter_at_most() {
    const VALUES: [u64; 6] = [0, 1, 4, 255, 1 << 31, u64::MAX];
    let (sound, mut seen) = (image(), [0; N + 2]);
    assert_eq!(tried(sound.clone()), Some(0), "an unchanged image is read");
    for width in [1, 2, 4, 8] {
        for place in 0..=sound.len() - width {
            for value in VALUES {
                let mut image = sound.clone();
                image[place..place + width].copy_from_slice(&value.to_le_bytes()[..width]);
                seen[tried(image).map_or(N + 1, |left_out| left_out as usize)] += 1;
            }
        }
    }
    let [whole, one_less, .., refused] = seen;
    assert!(whole > 100 && one_less > 100, "{seen:?}");
    assert!(refused * 10 < whole, "one of the two headers is always whole: {seen:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn any_changes_are_refused_or_cost_letters(changes in vec((any::<Index>(), any::<u8>()), 1..20)) {
        let mut image = image();
        for (place, value) in changes {
            let place = place.index(image.len());
            image[place] = value;
        }
        tried(image);
    }

    #[test]
    fn random_contents_are_refused_or_cost_letters(
        random in vec(any::<u8>(), HEADERS),
        words in vec(prop_oneof![0_u32..5, Just(u32::MAX), any::<u32>()], 8),
    ) {
        let mut image = image();
        image[..HEADERS].copy_from_slice(&random);
        // In both headers, after what an image is known by: the number of the save, the first letter, the number of
        // letters and of losses.
        for (i, word) in words.iter().enumerate() {
            let place = HEADERS + i / 4 * HEADER + 8 + i % 4 * 4;
            image[place..place + 4].copy_from_slice(&word.to_le_bytes());
        }
        tried(image);
    }
}
