//! A disk that fails: the file holds the letters that were kept, each once, and the others are returned and counted.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use retry_core::{
    GiveUp,
    dead_letter::{DeadLetter, JsonLinesError, JsonLinesSink, LetterLine, OnDisk, Reason},
};

use super::{directory, payloads};
use crate::faults::{self, Fault, NO_SPACE, NO_SYNC};

const NO_SYNC_AND_NO_CUT: Fault = (&[libc::SYS_fdatasync, libc::SYS_ftruncate], libc::EIO);
const READ_ONLY: Fault = (&[libc::SYS_write, libc::SYS_ftruncate], libc::EROFS);

fn line(payload: &str) -> LetterLine {
    LetterLine::again(&DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload).into()).unwrap()
}

fn store(letters: &JsonLinesSink, payload: &str) -> bool {
    letters.store(DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload)).is_ok()
}

/// A sink with one letter in its file.
fn sink(test: &str) -> (JsonLinesSink, PathBuf) {
    let path = directory(test).join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    assert!(store(&letters, "1 plum"));
    (letters, path)
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn lines_are_added_with_one_sync_and_each_has_its_own_result() {
    let (letters, path) = sink("lines");
    let letters = letters.limit(1_000);
    let lines = ["7 apples", &"x".repeat(1_000), "3 pears"].map(line);
    let results = letters.append_lines(&lines);
    assert!(matches!(
        results.as_slice(),
        [Ok(()), Err(JsonLinesError::TooLong { length: 1_000.., limit: 1_000 }), Ok(())]
    ));
    assert_eq!(payloads(&path), ["1 plum", "7 apples", "3 pears"]);
    // What `append_lines` cannot add is still with its caller, so it does not count as failed.
    assert_eq!((letters.kept(), letters.syncs(), letters.failed()), (3, 2, 0));
    assert!(letters.last_error().unwrap().ends_with("more than the limit of 1000"));
    assert_eq!(letters.append_lines(&[]).len(), 0);
    assert_eq!(letters.syncs(), 2, "without a new line, there is nothing to sync");
}

#[test]
fn lines_whose_sync_fails_leave_the_file_and_can_be_added_again() {
    let (letters, path) = sink("no_sync");
    let (before, lines) = (length(&path), ["7 apples", "3 pears"].map(line));
    faults::with(NO_SYNC, &path, || {
        for _ in 0..5 {
            let results = letters.append_lines(&lines);
            assert!(
                results.iter().all(|result| {
                    matches!(result, Err(JsonLinesError::Io(error)) if error.raw_os_error() == Some(libc::EIO))
                }),
                "{results:?}"
            );
            assert_eq!(length(&path), before);
        }
        assert!(!store(&letters, "2 figs"));
    });
    assert_eq!((letters.kept(), letters.syncs(), letters.failed()), (1, 1, 1));
    assert!(letters.last_error().unwrap().contains("os error 5"));
    assert!(letters.append_lines(&lines).iter().all(Result::is_ok));
    assert_eq!(payloads(&path), ["1 plum", "7 apples", "3 pears"]);
    assert_eq!((letters.kept(), letters.syncs(), letters.failed()), (3, 2, 1));
}

#[test]
fn a_file_that_cannot_be_cut_back_takes_no_line_until_it_can() {
    let (letters, path) = sink("no_cut");
    let lines = ["7 apples", "3 pears"].map(line);
    let longest = faults::with(NO_SYNC_AND_NO_CUT, &path, || {
        assert!(letters.append_lines(&lines).iter().all(Result::is_err));
        let after_one = length(&path);
        for _ in 0..5 {
            assert!(letters.append_lines(&lines).iter().all(Result::is_err));
            assert!(!store(&letters, "2 figs"));
            assert_eq!(length(&path), after_one, "the file does not grow");
        }
        after_one
    });
    assert!(longest > 0);
    // Lines that were returned are cut off before the next one.
    assert!(store(&letters, "4 limes"));
    assert_eq!(payloads(&path), ["1 plum", "4 limes"]);
    assert_eq!((letters.kept(), letters.failed()), (2, 5));
}

#[test]
fn without_space_and_on_a_read_only_disk_letters_are_returned_and_counted() {
    for (name, fault, kind) in [
        ("no_space", NO_SPACE, ErrorKind::StorageFull),
        ("read_only", READ_ONLY, ErrorKind::ReadOnlyFilesystem),
    ] {
        let (letters, path) = sink(name);
        let before = length(&path);
        let lines = ["7 apples", "3 pears"].map(line);
        faults::with(fault, &path, || {
            let results = letters.append_lines(&lines);
            let is_kind = |result: &Result<_, _>| matches!(result, Err(JsonLinesError::Io(error)) if error.kind() == kind);
            assert!(results.iter().all(is_kind), "{results:?}");
            let error = letters.append_line(&lines[0]).unwrap_err();
            assert!(is_kind(&Err(error)));
        });
        assert_eq!((length(&path), letters.kept(), letters.failed(), letters.syncs()), (before, 1, 1, 1));
        assert!(letters.append_lines(&lines).iter().all(Result::is_ok));
        assert_eq!(payloads(&path).len(), 3);
    }
}

#[test]
fn of_lines_that_are_synced_after_several_those_before_the_failure_stay() {
    let path = directory("every").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap().on_disk(OnDisk::Every(3));
    faults::with(NO_SYNC, &path, || {
        let kept = [1, 2, 3, 4].map(|number| store(&letters, &number.to_string()));
        assert_eq!(kept, [true, true, false, false]);
    });
    assert_eq!(payloads(&path), ["1", "2"]);
    assert!(store(&letters, "5"));
    assert_eq!((payloads(&path).len(), letters.syncs(), letters.failed()), (3, 1, 2));
}
