//! `LetterWriter` on a disk that fails or hangs: no letter is lost without a count, and no call waits for it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tokio::time::Instant;

use retry_core::{
    CircuitConfig, Class, SharedCircuit,
    circuit::CountWindow,
    dead_letter::{
        DeadLetterQueue, JsonLinesReader, JsonLinesSink, LetterOutcome, RejectedLimit, StoredLetter, WhenFull,
    },
};
use retry_tokio::LetterWriter;
use tests::ms;

use crate::faults::{self, NO_SPACE, NO_SYNC};
use crate::letters::{MANY, ONCE, directory, give_up, give_up_at_once, numbers, start};

const KEPT: LetterOutcome = LetterOutcome::Kept;

/// Starts a writer whose thread has a fault. A rotation from another thread ends the fault, because it opens a new file.
fn start_with(fault: faults::Fault, path: &Path) -> LetterWriter {
    let sink = JsonLinesSink::open(path).unwrap();
    faults::with(fault, path, || LetterWriter::start(sink, MANY, 1 << 20).unwrap())
}

fn queue() -> DeadLetterQueue<u32> {
    DeadLetterQueue::new(MANY, WhenFull::Refuse)
}

fn drained(queue: &DeadLetterQueue<u32>) -> Vec<u32> {
    queue.drain().iter().map(|letter| letter.payload).collect()
}

#[tokio::test]
async fn while_syncs_fail_the_file_does_not_grow_and_later_each_letter_is_in_it_once() {
    let path = directory("no_sync").join("letters.jsonl");
    let (writer, next) = (start_with(NO_SYNC, &path), queue());
    for number in 0..3 {
        assert_eq!(give_up_at_once(&writer, number).await, KEPT);
    }
    let began = Instant::now();
    // Each of these calls waits for an attempt of the thread.
    for number in 10..15 {
        assert_eq!(give_up(&writer, &next, number).await, KEPT);
        // At most one attempt is under way.
        assert!(fs::metadata(&path).unwrap().len() < 4 * 500);
    }
    assert!(began.elapsed() >= ms(4 * 100), "new letters cut the pause between attempts short");
    assert_eq!(drained(&next), (10..15).collect::<Vec<_>>());
    // Letters are counted, and not attempts.
    assert_eq!((writer.waiting(), writer.failed(), writer.refused(), writer.unwritable()), (3, 5, 0, 0));
    assert_eq!((writer.sink().kept(), writer.sink().failed(), writer.sink().syncs()), (0, 0, 0));
    assert!(writer.sink().last_error().unwrap().contains("os error 5"));
    for number in 3..200 {
        assert_eq!(give_up_at_once(&writer, number).await, KEPT);
    }

    let taken = path.with_extension("taken");
    writer.sink().rotate(&taken).unwrap();
    writer.shutdown().await.unwrap();
    assert_eq!(JsonLinesReader::<u32>::open(&taken).unwrap().count(), 0);
    let letters: Vec<_> =
        JsonLinesReader::<u32>::open(&path).unwrap().map(|line| line.unwrap().letter.payload).collect();
    assert_eq!(letters, (0..200).collect::<Vec<_>>());
    assert_eq!(
        (writer.waiting(), writer.waiting_bytes(), writer.failed(), writer.sink().kept()),
        (0, 0, 5, 200)
    );
    assert_eq!(writer.sink().syncs(), 2, "one of the rotation, and one that all 200 letters share");
}

#[tokio::test]
async fn calls_get_their_letters_back_however_many_letters_wait_before_them() {
    let path = directory("many_before").join("letters.jsonl");
    let (writer, next) = (start_with(NO_SPACE, &path), queue());
    for number in 0..1_000 {
        assert_eq!(give_up_at_once(&writer, number).await, KEPT);
    }
    assert_eq!(give_up(&writer, &next, 1_000).await, KEPT);
    assert_eq!((drained(&next), writer.waiting(), writer.failed()), (vec![1_000], 1_000, 1));
    // The shutdown tries once more, and returns the letters.
    let unwritten = writer.shutdown().await.unwrap_err();
    let returned = unwritten.lines.iter().map(|line| StoredLetter::<u32>::from_line(line.as_str()).unwrap());
    assert_eq!(
        returned.map(|stored| stored.letter.payload).collect::<Vec<_>>(),
        (0..1_000).collect::<Vec<_>>()
    );
    assert!(unwritten.why.unwrap().contains("os error 28"));
    assert_eq!((writer.waiting(), writer.waiting_bytes(), writer.failed()), (0, 0, 1_001));
    writer.shutdown().await.unwrap(); // they were returned once
}

/// Starts a writer to a pipe that nothing reads: a disk that hangs. Returns the other end, too.
fn hanging(test: &str) -> (LetterWriter, File) {
    let pipe: PathBuf = directory(test).join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut other_end = File::options().read(true).write(true).open(&pipe).unwrap();
    other_end.write_all(&[b'\n'; 1 << 16]).unwrap(); // on Linux, a pipe holds 64 KiB
    (start(&pipe, MANY, 1 << 20), other_end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_waits_for_a_disk_that_hangs_only_as_long_as_it_may() {
    let (writer, mut other_end) = hanging("hangs");
    let (writer, next) = (Arc::new(writer), Arc::new(queue()));
    for number in 0..3 {
        assert_eq!(give_up_at_once(&writer, number).await, KEPT);
    }
    let waits = tokio::spawn({
        let (writer, next) = (writer.clone(), next.clone());
        async move { give_up(&writer, &next, 3).await }
    });
    while writer.waiting() < 4 {
        tokio::task::yield_now().await;
    }
    // A shutdown that is dropped changes nothing.
    assert!(tokio::time::timeout(ms(10), writer.shutdown()).await.is_err());
    assert_eq!((writer.waiting(), writer.failed()), (4, 0));
    let unwritten = writer.shutdown_within(ms(20)).await.unwrap_err();
    assert_eq!(
        unwritten.to_string(),
        "3 dead letters could not be written: the disk did not answer within 20ms"
    );
    assert_eq!(waits.await.unwrap(), KEPT);
    assert_eq!(drained(&next), [3]);
    assert_eq!((writer.waiting(), writer.waiting_bytes(), writer.failed()), (0, 0, 4));
    assert_eq!(give_up(&writer, &next, 4).await, KEPT);
    assert_eq!((drained(&next), writer.refused()), (vec![4], 1));
    writer.shutdown_within(ms(20)).await.unwrap(); // nothing waits
    // The disk answers again, and the thread ends.
    std::thread::spawn(move || {
        let mut text = vec![0; 1 << 16];
        while other_end.read(&mut text).unwrap() > 0 {}
    });
    writer.shutdown().await.unwrap();
    assert_eq!(writer.failed(), 4);
}

#[tokio::test]
async fn a_call_waits_for_a_disk_that_hangs_only_as_long_as_it_may() {
    let (writer, _other_end) = hanging("within");
    let next = queue();
    let stock = retry_tokio::retry(&ONCE);
    for number in 0..3 {
        let call = stock.deliver_dead_letters(writer.or(&next).within(ms(10))).payload(|| number);
        let error = call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err();
        assert_eq!(error.letter(), Some(KEPT));
    }
    assert_eq!(drained(&next), [0, 1, 2]);
    // With a disk that answers, the letter is there.
    let path = directory("answers").join("letters.jsonl");
    let writer = start(&path, MANY, 1 << 20);
    let call = stock.deliver_dead_letters(writer.or(&next).within(ms(600_000))).payload(|| 3);
    call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err();
    assert_eq!((numbers(&path).into_iter().collect::<Vec<_>>(), next.len()), (vec![3], 0));
}

#[tokio::test]
async fn a_writer_that_is_dropped_goes_on_until_the_disk_takes_its_letters() {
    let directory = directory("goes_on");
    let path = directory.join("letters.jsonl");
    let (writer, next) = (start(&path, MANY, 1 << 20), queue());
    fs::remove_dir_all(&directory).unwrap();
    for number in 0..3 {
        assert_eq!(give_up_at_once(&writer, number).await, KEPT);
    }
    assert_eq!(give_up(&writer, &next, 3).await, KEPT); // after an attempt that failed
    drop(writer);
    fs::create_dir_all(&directory).unwrap();
    let written =
        || JsonLinesReader::<u32>::open(&path).map_or(0, |lines| lines.filter(Result::is_ok).count());
    while written() < 3 {
        std::thread::yield_now();
    }
    while JsonLinesSink::open(&path).is_err() {
        std::thread::yield_now(); // until the thread has ended
    }
    assert_eq!(numbers(&path), (0..3).collect());
}

#[tokio::test]
async fn letters_of_refused_calls_are_limited_by_the_next_sink_too() {
    let path = directory("next_limit").join("letters.jsonl");
    let writer = start(&path, MANY, 1 << 20);
    writer.shutdown().await.unwrap(); // it refuses all letters
    let next = DeadLetterQueue::new(MANY, WhenFull::Refuse).rejected_limit(RejectedLimit::new(2, 1));
    let circuit = SharedCircuit::<CountWindow<20>>::with_window(CircuitConfig::DEFAULT);
    let _ = circuit.force_open(retry_core::Instant::ORIGIN);
    let stock = retry_tokio::retry(&ONCE).circuit(&circuit);
    let mut outcomes = Vec::new();
    let mut error = None;
    for number in 0..4_u32 {
        let call = stock.deliver_dead_letters(writer.or(&next)).payload(|| number);
        let refused = call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err();
        outcomes.push(refused.letter().unwrap());
        error = Some(refused);
    }
    assert_eq!(outcomes, [KEPT, KEPT, LetterOutcome::LeftOut, LetterOutcome::LeftOut]);
    assert_eq!((next.len(), next.left_out(), writer.refused()), (2, 2, 4));
    // A letter that is handed to the writer by hand is limited by the file's limit.
    let path = path.with_extension("2");
    let sink = JsonLinesSink::open(&path).unwrap().rejected_limit(RejectedLimit::new(1, 1 << 20));
    let writer = LetterWriter::start(sink, MANY, 1 << 20).unwrap();
    let error = error.unwrap();
    let context = retry_core::dead_letter::LetterContext::new(&error);
    let letter = |number| retry_core::dead_letter::DeadLetter::of(&error, number);
    assert!(writer.keep(letter(1_u32), &context).await.is_ok());
    assert_eq!(writer.keep(letter(2), &context).await.unwrap_err().payload, 2);
    assert_eq!((writer.sink().kept(), writer.sink().left_out()), (1, 1));
}
