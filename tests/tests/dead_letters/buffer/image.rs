//! The content of memory after a reset: an image, an older image, half of an image, or noise.

use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use retry_core::{
    Class, GiveUp, Key,
    dead_letter::{Codec, DeadLetter, DeadLetterBuffer, ImageError, Reason, WhenFull},
};

type Queue = DeadLetterBuffer<u32, 3>;
type Image = [u8; Queue::IMAGE_SIZE];

/// A letter that uses every field.
fn letter(payload: u32) -> DeadLetter<u32> {
    let mut letter = DeadLetter::new(Reason::GaveUp(GiveUp::StartWithin), payload);
    letter.operation = Key::new("uplink.send");
    letter.key = Key::new("the gateway behind the old mill"); // longer than a key, so it is cut and marked
    letter.class = Some(Class::Network);
    letter.attempts = 4;
    letter.elapsed = Some(Duration::from_millis(1_234));
    letter.requeued = 2;
    letter
}

fn filled(payloads: &[u32]) -> Queue {
    let mut queue = Queue::new(WhenFull::DropOldest);
    for payload in payloads {
        queue.push(letter(*payload));
    }
    queue
}

fn restored(image: &[u8]) -> Result<Queue, ImageError> {
    Queue::restore(image, WhenFull::DropOldest)
}

fn payloads(queue: &Queue) -> Vec<u32> {
    for each in queue.iter() {
        assert_eq!(*each, letter(each.payload), "a letter is either complete or missing");
    }
    queue.iter().map(|letter| letter.payload).collect()
}

#[test]
fn every_field_is_restored() {
    let mut queue = DeadLetterBuffer::<[u8; 3], 20>::new(WhenFull::Refuse);
    let reasons = [
        Reason::GaveUp(GiveUp::Class),
        Reason::GaveUp(GiveUp::Ignored),
        Reason::GaveUp(GiveUp::LeftToCircuit),
        Reason::GaveUp(GiveUp::Attempts),
        Reason::GaveUp(GiveUp::StartWithin),
        Reason::GaveUp(GiveUp::Hint),
        Reason::GaveUp(GiveUp::Budget),
        Reason::Rejected,
        Reason::Cancelled,
        Reason::GaveUp(GiveUp::TotalTimeout),
    ];
    for (number, class) in Class::ALL.into_iter().enumerate() {
        let mut letter = DeadLetter::new(reasons[number % reasons.len()], [1, 2, 3]);
        letter.class = (number > 0).then_some(class);
        letter.key = Key::new("äöü: cut between two bytes, not in one");
        letter.elapsed = (number > 1).then_some(Duration::from_nanos(7));
        letter.attempts = u32::MAX;
        queue.push(letter);
    }
    let mut image = [0; DeadLetterBuffer::<[u8; 3], 20>::IMAGE_SIZE];
    queue.save(&mut image).unwrap();
    let restored = DeadLetterBuffer::<[u8; 3], 20>::restore(&image, WhenFull::Refuse).unwrap();
    assert!(queue.iter().eq(restored.iter()));
}

#[test]
fn noise_is_not_restored_as_an_image() {
    let mut words = Pcg64::seed_from_u64(1);
    let mut garbage: Image = [0; _];
    for fill in [0x00, 0xff, 0xa5, 0x55] {
        garbage.fill(fill);
        assert_eq!(restored(&garbage).unwrap_err(), ImageError::Garbage);
    }
    for _ in 0..20_000 {
        words.fill_bytes(&mut garbage);
        assert_eq!(restored(&garbage).unwrap_err(), ImageError::Garbage);
    }
}

#[test]
fn an_image_of_another_layout_is_not_read() {
    struct Other;
    impl Codec for Other {
        const SIZE: usize = 4;
        const VERSION: u32 = 1;
        fn write(&self, _: &mut [u8]) {}
        fn read(_: &[u8]) -> Option<Self> {
            Some(Self)
        }
    }

    let mut image: Image = [0; _];
    filled(&[1, 2]).save(&mut image).unwrap();
    let other = DeadLetterBuffer::<Other, 3>::restore(&image, WhenFull::Refuse);
    assert_eq!(other.err(), Some(ImageError::OtherLayout));
    // With another size, the headers are at other places.
    let shorter = DeadLetterBuffer::<u32, 2>::restore(&image, WhenFull::Refuse);
    assert_eq!(shorter.err(), Some(ImageError::Garbage));
    assert_eq!(restored(&image[1..]).unwrap_err(), ImageError::TooSmall);
    assert_eq!(restored(&[]).unwrap_err(), ImageError::TooSmall);

    let before = image;
    assert_eq!(filled(&[3]).save(&mut image[..Queue::IMAGE_SIZE - 1]), Err(ImageError::TooSmall));
    assert_eq!(image, before, "if the memory is too small, it stays unchanged");
}

#[test]
fn an_interrupted_save_loses_only_what_it_was_writing() {
    let steps: [fn(&mut Queue); 4] = [
        |queue| {
            queue.push(letter(9));
        },
        |queue| {
            queue.pop();
        },
        |queue| {
            let letter = queue.pop().unwrap();
            queue.requeue(letter);
        },
        |queue| queue.pop_each().for_each(drop),
    ];
    for before in [&[1][..], &[1, 2], &[1, 2, 3], &[1, 2, 3, 4], &[1, 2, 3, 4, 5, 6, 7]] {
        for step in steps {
            let mut queue = filled(before);
            let mut old: Image = [0xa5; _];
            queue.save(&mut old).unwrap();
            let was = payloads(&queue);
            step(&mut queue);
            let is: Vec<_> = queue.iter().map(|letter| letter.payload).collect();
            let mut new = old;
            queue.save(&mut new).unwrap();

            // A save writes from front to back. So after a reset, the first part is from the new image, and the rest
            // from the old one.
            for written in 0..=new.len() {
                let mut image = old;
                image[..written].copy_from_slice(&new[..written]);
                let found = restored(&image).expect("one of the two headers is intact");
                let kept: Vec<_> = found.iter().map(|letter| letter.payload).collect();
                let lost = found.lost() - filled(before).lost();
                if kept == is {
                    continue;
                }
                // Otherwise the letters from before are found. If the queue was full, the oldest may be missing,
                // because the new letter takes its place.
                assert!(
                    kept == was || kept == was[1..] && lost == 1,
                    "{was:?}, {is:?}: {kept:?} and {lost} lost"
                );
            }
            assert_eq!(restored(&new).unwrap().lost(), queue.lost());
        }
    }
}

#[test]
fn a_flipped_bit_costs_one_letter_at_most_and_is_counted() {
    let mut image: Image = [0; _];
    let mut queue = filled(&[1, 2]);
    queue.save(&mut image).unwrap();
    queue.push(letter(3));
    queue.save(&mut image).unwrap();

    let (mut losses, mut fallbacks) = (0, 0);
    for bit in 0..image.len() * 8 {
        let mut flipped = image;
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = restored(&flipped).expect("one of the two headers is intact");
        match (payloads(&found).as_slice(), found.lost()) {
            ([1, 2, 3], 0) => {}                          // in the older header
            ([2, 3] | [1, 3] | [1, 2], 1) => losses += 1, // in a letter
            ([1, 2], 0) => fallbacks += 1,                // in the newer header
            wrong => panic!("bit {bit}: {wrong:?}"),
        }
    }
    let header = 28 * 8;
    assert_eq!((losses, fallbacks), (image.len() * 8 - 2 * header, header));
}

#[test]
fn the_count_of_losses_survives_and_grows() {
    let mut image: Image = [0; _];
    filled(&[1, 2, 3, 4, 5]).save(&mut image).unwrap();
    let mut queue = restored(&image).unwrap();
    assert_eq!((payloads(&queue), queue.lost()), (vec![3, 4, 5], 2));
    queue.push(letter(6));
    queue.save(&mut image).unwrap();
    let queue = restored(&image).unwrap();
    assert_eq!((payloads(&queue), queue.lost()), (vec![4, 5, 6], 3));
}
