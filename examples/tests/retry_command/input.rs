//! Standard input and output of the attempts.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::process::Stdio;

use super::{Ended, Running, retry};

#[test]
fn each_attempt_reads_a_pipe_from_its_beginning() {
    let count = "wc -c; exit $((RETRY_ATTEMPT < 3))";
    let mut running = Running::start(retry("", count).stdin(Stdio::piped()));
    // More than a pipe holds.
    running.process.stdin.take().expect("piped").write_all(&[b'x'; 300_000]).expect("the program reads");
    let (status, out) = running.ends();
    assert_eq!((status, out.split_whitespace().collect()), (0, vec!["300000"; 3]));
}

#[test]
fn a_pipe_that_stays_open_holds_up_nothing() {
    let mut running = Running::start(
        retry("", "read line; echo got $line; exit $((RETRY_ATTEMPT < 3))").stdin(Stdio::piped()),
    );
    let mut stdin = running.process.stdin.take().expect("piped");
    stdin.write_all(b"first\n").expect("the program reads");
    assert_eq!(running.ends(), (0, "got first\n".repeat(3)));
    drop(stdin);
}

#[test]
fn each_attempt_reads_a_file_from_where_it_stood() {
    let path = std::env::temp_dir().join(format!("retry_command-input-{}", std::process::id()));
    fs::write(&path, "read before\nthe rest\n").expect("a file");
    let mut file = File::open(&path).expect("the file");
    file.seek(SeekFrom::Start(12)).expect("a file can be sought");
    let ended = Ended::of(retry("", "cat; exit $((RETRY_ATTEMPT < 2))").stdin(file));
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(0), "the rest\nthe rest\n"));

    // What the command leaves is there for the next reader, as it would be without this program.
    let mut file = File::open(&path).expect("the file");
    let ended = Ended::of(retry("", "exit 0").stdin(file.try_clone().expect("a second handle")));
    let mut rest = String::new();
    file.read_to_string(&mut rest).expect("text");
    assert_eq!((ended.status.code(), rest.as_str()), (Some(0), "read before\nthe rest\n"));
    fs::remove_file(path).expect("removed");
}

#[test]
fn without_stdin_the_command_reads_nothing() {
    let mut running = Running::start(retry("--no-stdin", "cat").stdin(Stdio::piped()));
    let stdin = running.process.stdin.take().expect("piped");
    assert_eq!(running.ends(), (0, String::new()));
    drop(stdin);
}

#[test]
fn the_output_of_all_attempts_is_passed_through() {
    let script = "echo out $RETRY_ATTEMPT; echo err $RETRY_ATTEMPT >&2; exit $((RETRY_ATTEMPT < 3))";
    let ended = Ended::of(&mut retry("--quiet", script));
    assert_eq!(ended.out, "out 1\nout 2\nout 3\n");
    assert_eq!(ended.err, "err 1\nerr 2\nerr 3\n"); // nothing of the program's own
}
