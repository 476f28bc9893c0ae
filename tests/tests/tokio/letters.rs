//! `LetterWriter`: letters reach the disk while the runtime goes on, and a letter that does not goes to the next sink.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use retry_core::{
    CircuitConfig, Class, Instant, Policy, SharedCircuit,
    circuit::CountWindow,
    dead_letter::{
        DeadLetter, DeadLetterQueue, JsonLinesReader, JsonLinesSink, LetterOutcome, RejectedLimit,
        StoredLetter, WhenFull,
    },
};
use retry_tokio::LetterWriter;

pub(crate) const ONCE: Policy = Policy::DEFAULT.max_attempts(1);
pub(crate) const MANY: usize = 100_000;

pub(crate) fn directory(test: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tokio_letters").join(test);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

pub(crate) fn start(path: &Path, letters: usize, bytes: usize) -> LetterWriter {
    LetterWriter::start(JsonLinesSink::open(path).unwrap(), letters, bytes).unwrap()
}

pub(crate) fn numbers(path: &Path) -> BTreeSet<u32> {
    JsonLinesReader::<u32>::open(path).unwrap().map(|line| line.unwrap().letter.payload).collect()
}

/// Makes a call that gives up, and waits until its letter is on disk or in the queue.
pub(crate) async fn give_up(
    writer: &LetterWriter,
    next: &DeadLetterQueue<u32>,
    number: u32,
) -> LetterOutcome {
    let stock = retry_tokio::retry(&ONCE).named("stock.write");
    let call = stock.deliver_dead_letters(writer.or(next)).payload(|| number);
    call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err().letter().unwrap()
}

/// Does the same without waiting for the disk.
pub(crate) async fn give_up_at_once(writer: &LetterWriter, number: u32) -> LetterOutcome {
    let stock = retry_tokio::retry(&ONCE);
    let call = stock.dead_letters(writer).payload(|| number);
    call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err().letter().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_that_calls_wait_for_are_on_disk() {
    let path = directory("kept").join("letters.jsonl");
    let (writer, next) =
        (Arc::new(start(&path, MANY, MANY)), Arc::new(DeadLetterQueue::new(MANY, WhenFull::Refuse)));
    let calls: Vec<_> = (0..500)
        .map(|number| {
            let (writer, next, path) = (writer.clone(), next.clone(), path.clone());
            tokio::spawn(async move {
                assert_eq!(give_up(&writer, &next, number).await, LetterOutcome::Kept);
                // It is in the file now, whatever else is written there.
                let text = fs::read_to_string(path).unwrap();
                assert!(text.contains(&format!("\"payload\":{number}}}\n")));
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(numbers(&path), (0..500).collect());
    assert_eq!((writer.waiting(), writer.waiting_bytes(), writer.refused(), next.len()), (0, 0, 0, 0));
    writer.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_shutdown_writes_what_waits_and_later_letters_go_to_the_next_sink() {
    let path = directory("shutdown").join("letters.jsonl");
    let (writer, next) = (start(&path, MANY, 100 << 20), DeadLetterQueue::new(MANY, WhenFull::Refuse));
    for number in 0..2_000 {
        assert_eq!(give_up_at_once(&writer, number).await, LetterOutcome::Kept);
    }
    writer.shutdown().await.unwrap();
    assert_eq!(numbers(&path), (0..2_000).collect());
    assert!(writer.sink().syncs() < 2_000, "{} syncs", writer.sink().syncs());
    assert_eq!(give_up(&writer, &next, 7).await, LetterOutcome::Kept);
    assert_eq!(give_up_at_once(&writer, 8).await, LetterOutcome::Lost);
    assert_eq!((next.pop().unwrap().payload, writer.refused()), (7, 2));
    writer.shutdown().await.unwrap(); // again
    assert_eq!(numbers(&path).len(), 2_000);
    // The file is free as soon as the writer is gone.
    drop(writer);
    JsonLinesSink::open(&path).unwrap();
}

/// A pipe is a disk that hangs until the other end is read.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_hangs_blocks_no_task_and_further_letters_go_to_the_next_sink() {
    let pipe = directory("pipe").join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // It is full from the beginning: on Linux, a pipe holds 64 KiB.
    let mut other_end = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    other_end.write_all(&[b'\n'; 1 << 16]).unwrap();
    let writer = start(&pipe, 2_000, 1 << 20);
    let next = DeadLetterQueue::new(MANY, WhenFull::Refuse);
    let mut at_once = 0;
    while give_up_at_once(&writer, at_once).await == LetterOutcome::Kept {
        at_once += 1;
    }
    assert_eq!((at_once, writer.waiting(), writer.refused()), (2_000, 2_000, 1));
    for number in 0..10 {
        assert_eq!(give_up(&writer, &next, number).await, LetterOutcome::Kept);
    }
    assert_eq!((next.len(), writer.refused()), (10, 11));
    // The pipe is read, so that the thread can go on, and end.
    let shutdown = writer.shutdown();
    std::thread::spawn(move || {
        let mut text = vec![0; 1 << 16];
        while other_end.read(&mut text).unwrap() > 0 {}
    });
    // A pipe cannot be synced, so the letters are not lost without a word.
    let unwritten = shutdown.await.unwrap_err();
    assert!(!unwritten.lines.is_empty());
}

#[tokio::test]
async fn the_bytes_that_wait_are_bounded_too() {
    let path = directory("bytes").join("letters.jsonl");
    let writer = start(&path, MANY, 100);
    // No line is as short as that.
    let next = DeadLetterQueue::new(MANY, WhenFull::Refuse);
    assert_eq!(give_up(&writer, &next, 7).await, LetterOutcome::Kept);
    assert_eq!((next.len(), writer.refused(), writer.waiting_bytes()), (1, 1, 0));
    writer.shutdown().await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn letters_that_a_full_disk_does_not_take_go_to_the_next_sink_or_are_returned_at_the_end() {
    let writer = start(Path::new("/dev/full"), MANY, 1 << 20);
    let next = DeadLetterQueue::new(MANY, WhenFull::Refuse);
    assert_eq!(give_up_at_once(&writer, 1).await, LetterOutcome::Kept);
    for number in 2..5 {
        assert_eq!(give_up(&writer, &next, number).await, LetterOutcome::Kept);
    }
    assert_eq!(next.drain().iter().map(|letter| letter.payload).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(writer.waiting(), 1);
    let unwritten = writer.shutdown().await.unwrap_err();
    assert_eq!(unwritten.lines.len(), 1);
    assert!(unwritten.to_string().starts_with("1 dead letters could not be written: "), "{unwritten}");
    let stored = StoredLetter::<u32>::from_line(unwritten.lines[0].as_str()).unwrap();
    assert_eq!((stored.letter.payload, stored.letter.id), (1, unwritten.lines[0].id()));
    assert_eq!((writer.waiting(), writer.waiting_bytes()), (0, 0));
}

#[cfg(unix)]
#[tokio::test]
async fn letters_wait_until_the_disk_can_be_written_again() {
    let directory = directory("again");
    let path = directory.join("letters.jsonl");
    let writer = start(&path, MANY, 1 << 20);
    let next = DeadLetterQueue::new(MANY, WhenFull::Refuse);
    fs::remove_dir_all(&directory).unwrap();
    assert_eq!(give_up_at_once(&writer, 1).await, LetterOutcome::Kept);
    assert_eq!(give_up(&writer, &next, 2).await, LetterOutcome::Kept);
    assert_eq!((writer.waiting(), next.len()), (1, 1), "the first letter failed before the second");
    fs::create_dir_all(&directory).unwrap();
    assert_eq!(give_up(&writer, &next, 3).await, LetterOutcome::Kept);
    writer.shutdown().await.unwrap();
    assert_eq!((numbers(&path), next.len()), (BTreeSet::from([1, 3]), 1));
}

#[tokio::test]
async fn refused_calls_are_limited_as_by_the_file_itself() {
    let path = directory("refused").join("letters.jsonl");
    let sink = JsonLinesSink::open(&path).unwrap().rejected_limit(RejectedLimit::new(2, 1 << 20));
    let writer = LetterWriter::start(sink, MANY, 1 << 20).unwrap();
    let next = DeadLetterQueue::new(MANY, WhenFull::Refuse);
    let circuit = SharedCircuit::<CountWindow<20>>::with_window(CircuitConfig::DEFAULT);
    let _ = circuit.force_open(Instant::ORIGIN);
    let stock = retry_tokio::retry(&ONCE).circuit(&circuit);
    let down = || async { Err::<(), _>(Class::Network) };
    let mut outcomes = Vec::new();
    for number in 0..2 {
        let kept =
            stock.deliver_dead_letters(writer.or(&next)).payload(|| number).run(down).await.unwrap_err();
        outcomes.push(kept.letter().unwrap());
        let at_once = stock.dead_letters(&writer).payload(|| number).run(down).await.unwrap_err();
        outcomes.push(at_once.letter().unwrap());
    }
    let expected = [LetterOutcome::Kept, LetterOutcome::Kept, LetterOutcome::LeftOut, LetterOutcome::LeftOut];
    assert_eq!(outcomes, expected);
    assert_eq!((writer.sink().left_out(), next.len()), (2, 0));
    writer.shutdown().await.unwrap();
}

#[tokio::test]
async fn payloads_that_cannot_be_written_go_to_the_next_sink_and_are_counted() {
    struct Bomb;
    impl serde::Serialize for Bomb {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("a bug in the payload")
        }
    }

    let path = directory("unwritable").join("letters.jsonl");
    let writer = LetterWriter::start(JsonLinesSink::open(&path).unwrap().limit(300), MANY, 1 << 20).unwrap();
    let stock = retry_tokio::retry(&ONCE);
    let down = || async { Err::<(), _>(Class::Network) };

    let bombs = DeadLetterQueue::new(8, WhenFull::Refuse);
    let call = stock.deliver_dead_letters(writer.or(&bombs)).payload(|| Bomb);
    assert_eq!(call.run(down).await.unwrap_err().letter(), Some(LetterOutcome::Kept));
    let floats = DeadLetterQueue::new(8, WhenFull::Refuse);
    let call = stock.deliver_dead_letters(writer.or(&floats)).payload(|| f64::NAN);
    assert_eq!(call.run(down).await.unwrap_err().letter(), Some(LetterOutcome::Kept));
    let long = DeadLetterQueue::new(8, WhenFull::Refuse);
    let call = stock.deliver_dead_letters(writer.or(&long)).payload(|| "x".repeat(300));
    assert_eq!(call.run(down).await.unwrap_err().letter(), Some(LetterOutcome::Kept));
    assert_eq!((bombs.len(), floats.len(), long.len(), writer.unwritable()), (1, 1, 1, 3));
    let call = stock.deliver_dead_letters(writer.or(&())).payload(|| f64::NAN);
    assert_eq!(call.run(down).await.unwrap_err().letter(), Some(LetterOutcome::Lost));
    writer.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_leaves_its_letter_all_the_same() {
    let path = directory("dropped").join("letters.jsonl");
    let writer = start(&path, MANY, 1 << 20);
    let error = retry_tokio::retry(&ONCE).run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err();
    let context = retry_core::dead_letter::LetterContext::new(&error);
    drop(writer.keep(DeadLetter::of(&error, 7), &context));
    writer.shutdown().await.unwrap();
    assert_eq!(numbers(&path), BTreeSet::from([7]));
}

const FILE: &str = "RETRY_TEST_TOKIO_LETTERS";

/// The child process. Its tasks add letters for ever, and print each one that is acknowledged. It runs only with its
/// variable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(file) = env::var(FILE) else { return };
    let writer = Arc::new(start(Path::new(&file), MANY, 100 << 20));
    let next = Arc::new(DeadLetterQueue::new(1, WhenFull::Refuse));
    for task in 0..8_u32 {
        let (writer, next) = (writer.clone(), next.clone());
        tokio::spawn(async move {
            for number in (task..).step_by(8) {
                give_up(&writer, &next, number).await;
                assert!(next.is_empty());
                let mut out = stdout().lock();
                writeln!(out, "kept {number}").unwrap();
                out.flush().unwrap();
            }
        });
    }
    std::future::pending::<()>().await;
}

#[test]
fn letters_that_were_acknowledged_survive_kill_9() {
    let directory = directory("killed");
    let mut all = 0;
    for round in 0..10 {
        let file = directory.join(format!("{round}.jsonl"));
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "letters::child", "--nocapture", "--test-threads=1"])
            .env(FILE, &file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut acknowledged = Vec::new();
        let mut take = |line: String| {
            acknowledged.extend(line.split("kept ").nth(1).and_then(|number| number.parse::<u32>().ok()));
            acknowledged.len()
        };
        while said.next().is_some_and(|line| take(line) < 1 + 7 * round) {}
        child.kill().unwrap(); // SIGKILL
        assert!(!child.wait().unwrap().success());
        said.for_each(|line| _ = take(line));
        assert!(acknowledged.len() > 7 * round, "the child ended by itself");
        drop(JsonLinesSink::open(&file).unwrap()); // moves a torn line away
        let found = numbers(&file);
        assert!(acknowledged.iter().all(|number| found.contains(number)), "{acknowledged:?} {found:?}");
        // Of each task, at most one letter was not acknowledged.
        assert!(found.len() - acknowledged.len() <= 8);
        all += acknowledged.len();
    }
    println!("{all} letters were acknowledged before 10 kills");
}
