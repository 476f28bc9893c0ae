//! When lines reach the disk, the exact limits of a line, and files that fail while they are read.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use retry_core::{
    GiveUp,
    dead_letter::{BadLineKind, DeadLetter, JsonLinesError, JsonLinesReader, JsonLinesSink, OnDisk, Reason},
};

use super::{directory, payloads};

fn store(letters: &JsonLinesSink, payload: &str) -> bool {
    letters.store(DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload)).is_ok()
}

#[test]
fn lines_are_synced_each_or_every_so_many_or_when_told() {
    let path = directory("syncs").join("letters.jsonl");
    // How often the file is synced after each letter.
    for (on_disk, syncs) in [
        (OnDisk::Each, [1, 2, 3, 4, 5, 6, 7]),
        (OnDisk::Every(1), [1, 2, 3, 4, 5, 6, 7]),
        (OnDisk::Every(3), [0, 0, 1, 1, 1, 2, 2]),
        (OnDisk::WhenTold, [0; 7]),
    ] {
        let _ = fs::remove_file(&path);
        let letters = JsonLinesSink::open(&path).unwrap().on_disk(on_disk);
        let seen = syncs.map(|_| {
            assert!(store(&letters, "7 apples"));
            letters.syncs()
        });
        assert_eq!(seen, syncs, "{on_disk:?}");
        // `sync` counts the lines that `Every` has not yet synced.
        letters.sync().unwrap();
        let after = [(); 3].map(|()| {
            store(&letters, "7 apples");
            letters.syncs() - syncs[6] - 1
        });
        let expected = match on_disk {
            OnDisk::Each | OnDisk::Every(1) => [1, 2, 3],
            OnDisk::Every(_) => [0, 0, 1],
            OnDisk::WhenTold => [0; 3],
        };
        assert_eq!(after, expected, "{on_disk:?}");
    }
}

/// `fdatasync` fails on this device, and a write succeeds. So a letter fails if, and only if, it is synced.
#[test]
fn a_sync_is_a_system_call_and_a_letter_fails_with_it() {
    let device = Path::new("/dev/null");
    if !device.exists() || File::options().append(true).open(device).unwrap().sync_data().is_ok() {
        println!("skipped: this system has no /dev/null that fails to sync");
        return;
    }
    for (on_disk, kept) in [
        (OnDisk::Each, [false; 5]),
        (OnDisk::Every(3), [true, true, false, false, false]), // until the lines are synced
        (OnDisk::WhenTold, [true; 5]),
    ] {
        let letters = JsonLinesSink::open(device).unwrap().on_disk(on_disk);
        assert_eq!(kept.map(|_| store(&letters, "7 apples")), kept, "{on_disk:?}");
        let failed = kept.iter().filter(|kept| !**kept).count() as u64;
        assert_eq!((letters.kept(), letters.failed(), letters.syncs()), (5 - failed, failed, 0));
        letters.sync().unwrap_err();
        assert_eq!(letters.syncs(), 0);
    }
}

#[test]
fn letters_are_written_during_a_sync_of_many() {
    let path = directory("during").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap().on_disk(OnDisk::WhenTold);
    std::thread::scope(|scope| {
        let syncing = scope.spawn(|| (0..50).for_each(|_| letters.sync().unwrap()));
        while !syncing.is_finished() {
            assert!(store(&letters, "7 apples"));
        }
    });
    assert_eq!(letters.kept(), payloads(&path).len() as u64);
    assert_eq!(letters.syncs(), 50);
}

#[test]
fn a_line_of_exactly_the_limit_is_written_and_read() {
    let path = directory("exact_limit").join("letters.jsonl");
    let open = || JsonLinesSink::open(&path).unwrap();
    assert!(store(&open(), "7 apples"));
    let length = fs::metadata(&path).unwrap().len() as usize;
    // With its line end, the line has `length` bytes.
    assert!(store(&open().limit(length), "8 apples"));
    let short = open().limit(length - 1);
    let error = short.store(DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), "9 apples")).unwrap_err();
    assert!(
        matches!(error, JsonLinesError::TooLong { length: l, limit } if (l, limit) == (length, length - 1))
    );
    assert_eq!(payloads(&path), ["7 apples", "8 apples"]);
    // A reader counts it without its line end.
    let read = |limit| JsonLinesReader::<String>::open(&path).unwrap().limit(limit).map(|line| line.is_ok());
    assert_eq!(read(length - 1).collect::<Vec<_>>(), [true, true]);
    assert_eq!(read(length - 2).collect::<Vec<_>>(), [false, false]);
    let bad = JsonLinesReader::<String>::open(&path).unwrap().limit(length - 2).next().unwrap().unwrap_err();
    assert!(matches!(bad.kind, BadLineKind::TooLong));
}

/// A file that fails after some bytes, as a damaged disk does. Before that, it is interrupted at each read.
struct Damaged<'a> {
    bytes: &'a [u8],
    interrupted: bool,
}

impl Read for Damaged<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.bytes.is_empty() {
            return Err(io::Error::other("bad sector"));
        }
        let length = to.len().min(100);
        self.bytes.read(&mut to[..length])
    }
}

#[test]
fn a_file_that_cannot_be_read_further_ends_with_that_error() {
    let path = directory("bad_sector").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    (0..3).for_each(|_| assert!(store(&letters, "7 apples")));
    let bytes = fs::read(&path).unwrap();
    let line = bytes.len() / 3;
    for good in 0..bytes.len() {
        let damaged = Damaged { bytes: &bytes[..good], interrupted: false };
        let mut lines = JsonLinesReader::<String, _>::new(BufReader::with_capacity(64, damaged));
        for _ in 0..good / line {
            assert_eq!(lines.next().unwrap().unwrap().letter.payload, "7 apples");
        }
        let bad = lines.next().unwrap().unwrap_err();
        let whole = good / line;
        assert_eq!((bad.number, bad.at), (whole as u64 + 1, (whole * line) as u64), "{good}");
        assert!(matches!(&bad.kind, BadLineKind::Io(error) if error.to_string() == "bad sector"), "{bad}");
        assert!(!bad.is_torn() && lines.next().is_none());
    }
}
