//! The id and the time of a letter: where they come from, and that they stay the same.

use std::collections::BTreeSet;
use std::env;
use std::process::Command;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use retry_core::{
    Class, GiveUp, Policy, Retry,
    dead_letter::{
        DeadLetter, DeadLetterBuffer, DeadLetterQueue, FixedDeadLetterQueue, JsonLinesReader, JsonLinesSink,
        LetterId, LetterIds, NotAnId, Reason, WhenFull,
    },
    testing::FakeClock,
};

fn left() -> DeadLetter<u32> {
    let clock = FakeClock::new();
    let error =
        Retry::new(&Policy::DEFAULT, &clock).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    DeadLetter::of(&error, 7)
}

const CHILD: &str = "RETRY_TEST_IDS";

/// The child process. It prints the ids of some letters. It runs only with its variable.
#[test]
fn child() {
    if env::var(CHILD).is_ok() {
        (0..100).for_each(|_| println!("id {}", left().id));
    }
}

#[test]
fn ids_differ_between_threads_and_processes_and_sort_by_time() {
    let mut all = Vec::new();
    std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(|| (0..1_000).map(|_| left().id).collect::<Vec<_>>()));
        all.extend(threads.into_iter().flat_map(|thread| thread.join().unwrap()));
    });
    // Two processes at the same time, which count from 0 both.
    let children = [(); 2].map(|()| {
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "ids::child", "--nocapture"]).env(CHILD, "");
        child.stdout(std::process::Stdio::piped()).spawn().unwrap()
    });
    for child in children {
        let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        let ids = said
            .lines()
            .filter_map(|line| line.split("id ").nth(1))
            .filter_map(|id| id.parse::<LetterId>().ok());
        all.extend(ids);
    }
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (4_200, 4_200));
    for id in &all {
        let bytes = id.to_bytes();
        assert_eq!((bytes[6] >> 4, bytes[8] >> 6), (7, 0b10), "{id} is a UUID of version 7");
    }
    // A day later, because the system may set its clock meanwhile.
    let later = LetterId::with_time(left().id.since_1970().unwrap() + Duration::from_secs(86_400), 0, 0);
    assert!(all.iter().all(|id| *id < later));
}

#[test]
fn a_letter_has_the_time_of_day_of_the_end_of_its_call() {
    #[expect(clippy::disallowed_methods, reason = "the time of day is what is tested")]
    let now = SystemTime::now;
    let (before, letter, after) = loop {
        let (before, letter, after) = (now(), left(), now());
        if before <= after {
            break (before, letter, after); // otherwise the system has set its clock back meanwhile
        }
    };
    let at = letter.at().unwrap();
    assert!(before - Duration::from_millis(1) <= at && at <= after);
    let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(since_1970.subsec_nanos() % 1_000_000, 0, "whole milliseconds");
    let millis = letter.id.to_bytes()[..6].iter().fold(0, |time, byte| time << 8 | u128::from(*byte));
    assert_eq!((since_1970.as_millis(), letter.id.since_1970()), (millis, Some(since_1970)));
}

#[test]
fn an_id_and_a_time_survive_queues_images_files_and_being_put_back() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("ids");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    let original = left();
    let same = |letter: &DeadLetter<u32>| {
        assert_eq!((letter.id, letter.at(), letter.payload), (original.id, original.at(), original.payload));
    };

    let queue = DeadLetterQueue::new(2, WhenFull::Refuse);
    queue.push(original).unwrap();
    queue.requeue(queue.pop().unwrap()).unwrap();
    let fixed = FixedDeadLetterQueue::<u32, 3>::new(WhenFull::Refuse);
    fixed.push(queue.pop().unwrap()).unwrap();
    fixed.requeue(fixed.pop().unwrap()).unwrap();
    let mut image = [0; DeadLetterBuffer::<u32, 3>::IMAGE_SIZE];
    fixed.with(|buffer| buffer.save(&mut image)).unwrap();
    let mut restored = DeadLetterBuffer::<u32, 3>::restore(&image, WhenFull::Refuse).unwrap();
    restored.set_ids(LetterIds::new(1)); // only for letters without an id
    let letter = restored.pop().unwrap();
    restored.push(letter);

    // Files, three times.
    let letters = JsonLinesSink::open(directory.join("letters.jsonl")).unwrap();
    letters.store(restored.pop().unwrap()).unwrap();
    for round in 0..3_u16 {
        let taken = directory.join(format!("taken-{round}.jsonl"));
        letters.rotate(&taken).unwrap();
        let stored = JsonLinesReader::<u32>::open(&taken).unwrap().next().unwrap().unwrap();
        same(&stored.letter);
        assert_eq!(stored.letter.requeued, 2 + round);
        letters.requeue(stored).unwrap();
    }
}

#[test]
fn a_letter_that_was_made_without_an_id_gets_one_in_a_file_or_a_queue_that_has_ids() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("ids.jsonl");
    let _ = std::fs::remove_file(&path);
    let made = DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), 7);
    assert!(made.id.is_none() && made.at().is_none());
    let letters = JsonLinesSink::open(&path).unwrap();
    letters.store(made).unwrap();
    letters.store(made).unwrap();
    let ids: BTreeSet<_> =
        JsonLinesReader::<u32>::open(&path).unwrap().map(|stored| stored.unwrap().letter.id).collect();
    assert!(ids.len() == 2 && !ids.contains(&LetterId::NONE));

    let mut buffer = DeadLetterBuffer::<u32, 2>::new(WhenFull::Refuse);
    buffer.push(made);
    buffer.set_ids(LetterIds::new(0x9e37_79b9_7f4a_7c15));
    buffer.push(made);
    let ids: Vec<_> = buffer.pop_each().map(|letter| letter.id).collect();
    assert_eq!(ids, [LetterId::NONE, LetterIds::new(0x9e37_79b9_7f4a_7c15).make()]);
    assert_eq!((ids[1].to_bytes()[6] >> 4, ids[1].to_bytes()[8] >> 6), (8, 0b10));
    // A line without an id was written by another program.
    let line = r#"{"v":1,"operation":"","reason":"attempts","attempts":1,"payload":7}"#;
    let stored = JsonLinesReader::<u32, _>::new(line.as_bytes()).next().unwrap().unwrap();
    assert_eq!((stored.letter.id, stored.letter.at()), (LetterId::NONE, None));
}

#[test]
fn ids_of_different_starts_differ() {
    let mut all = BTreeSet::new();
    // Words that differ in one bit.
    for bit in 0..64 {
        let mut ids = LetterIds::new(0x0123_4567_89ab_cdef ^ 1 << bit);
        (0..100).for_each(|_| assert!(all.insert(ids.make()), "bit {bit}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_parts_of_an_id_are_where_the_standard_puts_them(millis in 0_u64..1 << 48, counter: u32, random: u64) {
        let id = LetterId::with_time(Duration::from_millis(millis), counter, random);
        let bits = u128::from_be_bytes(id.to_bytes());
        prop_assert_eq!(bits >> 80, u128::from(millis));
        prop_assert_eq!((bits >> 76 & 0xf, bits >> 62 & 0b11), (7, 0b10));
        prop_assert_eq!((bits >> 64 & 0xfff) << 20 | bits >> 42 & 0xf_ffff, u128::from(counter));
        prop_assert_eq!(bits & ((1 << 42) - 1), u128::from(random >> 22));
        prop_assert_eq!(id.since_1970(), Some(Duration::from_millis(millis)));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(LetterId::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn a_text_that_is_not_an_id_is_refused(text in "[0-9a-f-]{30,40}|\\PC{0,40}") {
        match text.parse::<LetterId>() {
            Ok(id) => prop_assert_eq!(id.to_string(), text.to_lowercase()),
            Err(error) => prop_assert_eq!(error, NotAnId),
        }
    }
}
