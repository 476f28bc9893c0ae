//! A program that is killed by `SIGKILL` at any time, also in the middle of a write.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write, stdout};
use std::path::Path;
use std::process::{Command, Stdio};

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use retry_core::{
    Class, Policy, Retry,
    dead_letter::{BadLine, JsonLinesReader, JsonLinesSink, StoredLetter},
    testing::FakeClock,
};
use serde_json::value::RawValue;

use super::directory;

const FILE: &str = "RETRY_TEST_LETTERS";
const FIRST: &str = "RETRY_TEST_FIRST";
const SIZE: &str = "RETRY_TEST_SIZE";
const LIMIT: usize = 64 << 20;

/// Returns the payload of a letter as JSON. Its text shows whether all of it was read back.
fn payload(number: u64, size: u64) -> Box<RawValue> {
    let length = Pcg64::seed_from_u64(number).next_u64() % (size + 1);
    let word = format!("{number} ");
    RawValue::from_string(format!("\"{}\"", word.repeat(1 + length as usize / word.len()))).unwrap()
}

/// The child process. It adds letters for ever, and prints each that is kept. It runs only with its variables.
#[test]
fn child() {
    let (Ok(file), Ok(first), Ok(size)) = (env::var(FILE), env::var(FIRST), env::var(SIZE)) else { return };
    let (first, size): (u64, u64) = (first.parse().unwrap(), size.parse().unwrap());
    let letters = JsonLinesSink::open(file).unwrap().limit(LIMIT);
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.write");
    for number in first.. {
        let payload = payload(number, size);
        let call = retry.dead_letters(&letters).payload(|| payload);
        call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
        assert_eq!(letters.failed(), 0);
        // The letter is acknowledged only now. The line may begin with output of the test runner.
        writeln!(stdout().lock(), "kept {number}").unwrap();
        stdout().flush().unwrap();
    }
}

/// When a child is killed, after some letters were acknowledged.
#[derive(Clone, Copy)]
enum Then {
    /// After a number of turns of a loop.
    Turns(u64),
    /// As soon as the file grows, which is in the middle of a write if that has not ended by then.
    Grows,
}

/// Starts the child, waits until it has kept a number of letters, and kills it. Returns the number after the last
/// acknowledged letter.
fn run_and_kill(file: &Path, first: u64, size: u64, acknowledged: u64, then: Then) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "files::killed::child", "--nocapture", "--test-threads=1"])
        .env(FILE, file)
        .env(FIRST, first.to_string())
        .env(SIZE, size.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut next = first;
    let mut take = |line: String| {
        if let Some(number) = line.split("kept ").nth(1) {
            assert_eq!(number.parse(), Ok(next));
            next += 1;
        }
        next
    };
    while acknowledged > 0 && said.next().is_some_and(|line| take(line) < first + acknowledged) {}
    let length = || fs::metadata(file).map_or(0, |metadata| metadata.len());
    match then {
        Then::Turns(turns) => (0..turns).for_each(|turn| _ = std::hint::black_box(turn)),
        Then::Grows => {
            let before = length();
            while length() == before {
                assert_eq!(child.try_wait().unwrap(), None, "the child ended by itself");
            }
        }
    }
    child.kill().unwrap(); // SIGKILL
    assert!(!child.wait().unwrap().success());
    // What it printed before its end counts, too.
    said.for_each(|line| _ = take(line));
    assert!(next >= first + acknowledged, "the child ended by itself");
    next
}

type Lines = Vec<Result<StoredLetter<Box<RawValue>>, BadLine>>;

fn lines_from(file: &Path, at: u64) -> Lines {
    let mut file = File::open(file).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    JsonLinesReader::new(BufReader::new(file)).limit(LIMIT).collect()
}

/// Returns the number of a letter, and checks that it is complete.
fn number(stored: &StoredLetter<Box<RawValue>>, size: u64) -> u64 {
    let text = stored.letter.payload.get();
    let number = text[1..].split(' ').next().unwrap().parse().unwrap();
    assert_eq!(text, payload(number, size).get());
    number
}

/// Kills a child again and again, while it adds letters to one file: a number of times, and then until this many writes
/// were torn. How soon that is depends on when the system runs which process.
fn campaign(name: &str, rounds: u64, least_torn: u64, size: u64, then: impl Fn(&mut Pcg64) -> Then) {
    let directory = directory(name);
    let file = directory.join("letters.jsonl");
    drop(JsonLinesSink::open(&file).unwrap()); // because the first child may be killed before it creates the file
    let mut dice = Pcg64::seed_from_u64(size);
    // Each round continues after the last acknowledged letter. So a letter that is in the file, but was not
    // acknowledged, is then in it twice.
    let (mut next, mut found, mut unacknowledged, mut torn, mut bytes_torn, mut seen) = (0, 0, 0, 0, 0, 0);
    let mut kills = 0;
    while kills < rounds || torn < least_torn {
        kills += 1;
        assert!(kills <= 100 * rounds, "{torn} of so many writes were torn, so too little was tried");
        let after = run_and_kill(&file, next, size, dice.next_u64() % 4, then(&mut dice));
        // Before a repair, at most the last line is torn.
        let mut lines = lines_from(&file, seen);
        let was_torn = lines.pop_if(|last| last.as_ref().is_err_and(BadLine::is_torn));
        let numbers: Vec<_> = lines.iter().map(|line| number(line.as_ref().unwrap(), size)).collect();
        // All acknowledged letters are there in order, and at most one more.
        let more = numbers.len() as u64 - (after - next);
        assert!(more <= 1 && numbers.iter().copied().eq(next..after + more), "{next}..{after}: {numbers:?}");
        unacknowledged += more;
        found += numbers.len();
        // A sink that opens the file reports the torn line, and cuts it off.
        let letters = JsonLinesSink::open(&file).unwrap();
        let reported = letters.torn().map(|line| {
            assert_eq!(fs::metadata(&line.kept_in).unwrap().len(), line.length);
            (line.at, line.length)
        });
        assert_eq!(reported.map(|(_, length)| length), was_torn.map(|line| line.unwrap_err().length));
        torn += u64::from(reported.is_some());
        bytes_torn += reported.map_or(0, |(_, length)| length);
        seen = fs::metadata(&file).unwrap().len();
        assert!(reported.is_none_or(|(at, _)| at == seen));
        next = after;
    }
    println!(
        "{kills} kills, letters up to {size} bytes: {next} acknowledged, {found} found, {unacknowledged} of them \
        not acknowledged, {torn} torn ({bytes_torn} bytes)",
    );
    assert!(next > 0);

    // The letters are sent again. Each is delivered or put back, and none is lost.
    let letters = JsonLinesSink::open(&file).unwrap().limit(LIMIT);
    let taken = directory.join("taken.jsonl");
    letters.rotate(&taken).unwrap();
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let mut delivered = 0;
    for stored in JsonLinesReader::<Box<RawValue>>::open(&taken).unwrap().limit(LIMIT) {
        let stored = stored.unwrap();
        let sent = number(&stored, size).is_multiple_of(3);
        match retry.run_blocking(|| if sent { Ok(()) } else { Err(Class::Server) }) {
            Ok(()) => delivered += 1,
            Err(_) => letters.requeue(stored).unwrap(),
        }
    }
    fs::remove_file(taken).unwrap();
    let left = lines_from(&file, 0);
    assert_eq!(delivered + left.len(), found);
    for stored in left {
        let stored = stored.unwrap();
        assert!(stored.letter.requeued == 1 && !number(&stored, size).is_multiple_of(3));
    }
}

#[test]
fn small_letters_survive_kill_9() {
    campaign("killed_small", 60, 0, 200, |dice| Then::Turns(dice.next_u64() % (1 << (dice.next_u64() % 21))));
}

#[test]
fn large_letters_survive_kill_9_in_the_middle_of_a_write() {
    campaign("killed_large", 15, 2, 4 << 20, |_| Then::Grows);
}
