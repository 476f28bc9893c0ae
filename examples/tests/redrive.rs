//! `redrive` as a program: its options, and that no letter is lost, however a run ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use retry_core::dead_letter::{
    DeadLetter, JsonLinesReader, JsonLinesSink, LetterId, LetterLine, Reason, StoredLetter,
};
use retry_core::{GiveUp, Key};
use serde_json::value::RawValue;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;

fn directory(test: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("redrive").join(test);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Writes a file of letters with these payloads. Every third one is of another operation. Returns their ids.
fn letters(path: &Path, payloads: impl IntoIterator<Item = u32>) -> Vec<LetterId> {
    let sink = JsonLinesSink::open(path).unwrap();
    let write = |number: u32| {
        let reason =
            if number.is_multiple_of(2) { Reason::GaveUp(GiveUp::Attempts) } else { Reason::Rejected };
        let payload = RawValue::from_string(number.to_string()).unwrap();
        let mut letter = DeadLetter::new(reason, payload);
        letter.id = LetterId::with_time(std::time::Duration::from_secs(1), number, 0);
        letter.operation = Key::new(if number.is_multiple_of(3) { "stock.read" } else { "stock.write" });
        let id = letter.id;
        sink.append_line(&LetterLine::again(&StoredLetter::from(letter)).unwrap()).unwrap();
        id
    };
    payloads.into_iter().map(write).collect()
}

/// Returns the payloads in a file, with how often each letter was put back.
fn left(path: &Path) -> BTreeMap<u32, u16> {
    let letters = JsonLinesReader::<u32>::open(path).unwrap().map(|line| line.unwrap().letter);
    letters.map(|letter| (letter.payload, letter.requeued)).collect()
}

fn redrive(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redrive"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = redrive(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn wrong_options_are_one_clear_line() {
    for (args, error) in [
        (&[][..], "no FILE is given"),
        (&["a", "lst"], "unknown command \"lst\": did you mean list?"),
        (&["a", "deliver"], "unknown command \"deliver\""),
        (&["a", "list", "b"], "unexpected argument \"b\" after the command"),
        (&["a", "--dryrun"], "unknown option \"--dryrun\": did you mean --dry-run?"),
        (&["a", "--colour"], "unknown option \"--colour\""),
        (&["a", "-x"], "unknown option -x"),
        (&["a", "--limit"], "--limit needs a value"),
        (&["a", "--limit", "0"], "--limit \"0\": must be a whole number from 1"),
        (&["a", "--limit=1e3"], "--limit \"1e3\": must be a whole number from 1"),
        (&["a", "--reason", "luck"], "--reason \"luck\": must be one of class, ignored,"),
        (&["a", "--id", "7"], "--id \"7\": not the id of a dead letter, which is a UUID"),
        (&["a", "replay"], "replay needs --to URL"),
        (&["a", "replay", "--to", "localhost"], "--to \"localhost\": relative URL without a base"),
        (&["a", "replay", "--to", "ftp://a/b"], "--to \"ftp://a/b\": the scheme must be http, not ftp"),
        (&["a", "replay", "--to", "https://a"], "--to \"https://a\": the scheme must be http, not https"),
        (&["a", "replay", "--to", "http://a", "--header", "b"], "--header: must be NAME:VALUE"),
        (
            &["a", "replay", "--to", "http://a", "--header", "Idempotency-Key: 7"],
            "--header idempotency-key: each letter has its own",
        ),
        (
            &["a", "replay", "--to", "http://a", "--patience", "1m"],
            "--patience \"1m\": must be a whole number from 0",
        ),
        (
            &["a", "replay", "--to", "http://a", "--out", "b"],
            "--out is an option of park and export, and the command is replay",
        ),
        (&["a", "park"], "park needs --out FILE"),
        (&["a", "export", "--out", "a"], "--out is the FILE itself"),
        (
            &["a", "park", "--out", "b", "--to", "http://a"],
            "--to is an option of replay, and the command is park",
        ),
        (&["a", "--dry-run"], "--dry-run is an option of replay, park and export, and the command is list"),
    ] {
        let (status, out, said) = run(args);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{args:?}");
        assert!(
            said.starts_with(&format!("redrive: {error}")) && said.ends_with("; see --help\n"),
            "{args:?}: {said}"
        );
        assert_eq!(said.lines().count(), 1);
    }
    let missing = directory("missing").join("none.jsonl");
    for command in [&["list"][..], &["park", "--out", "b"], &["replay", "--to", "http://a"]] {
        let (status, _, said) = run(&[&[missing.to_str().unwrap()], command].concat());
        assert_eq!(status, Some(1));
        assert_eq!(said, format!("redrive: {}: no such file\n", missing.display()));
        assert!(!missing.exists());
    }
}

#[test]
fn the_help_names_every_command_and_option() {
    let (status, help, _) = run(&["--help"]);
    assert_eq!(status, Some(0));
    assert_eq!(run(&["a", "replay", "-h"]).1, help);
    let source = include_str!("../src/bin/redrive/args.rs");
    let options: Vec<_> =
        source.split("Long(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(options.len() >= 11, "{options:?}");
    for option in options {
        assert!(help.contains(&format!("--{option}")), "{option}");
    }
    for command in ["list", "replay", "park", "export"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
    }
}

#[test]
fn letters_are_listed_and_nothing_in_them_reaches_the_terminal_as_it_is() {
    let path = directory("list").join("letters.jsonl");
    let ids = letters(&path, 1..=5);
    let bad = "\u{1b}[31mnot a letter\n\n";
    fs::write(&path, fs::read_to_string(&path).unwrap() + bad).unwrap();
    let evil = r#"{"v":1,"operation":"a\u001b[2J\u202e","reason":"attempts","attempts":1,"error":"x\ny","payload":[1, 2]}"#;
    fs::write(&path, fs::read_to_string(&path).unwrap() + evil).unwrap(); // without a line end
    let before = fs::read(&path).unwrap();
    let file = path.to_str().unwrap();

    let (status, out, said) = run(&[file]);
    assert_eq!(status, Some(1), "because of the damaged line");
    assert!(ids.iter().all(|id| out.contains(&id.to_string())));
    assert!(out.contains("stock.write rejected after 0 attempts, put back 0 times, 1 bytes\n"), "{out}");
    assert!(
        out.contains(
            "a\u{fffd}[2J\u{fffd} attempts after 1 attempts, put back 0 times, 6 bytes: x\u{fffd}y\n"
        ),
        "{out}"
    );
    assert!(out.ends_with("6 letters, 1 damaged lines\n"), "{out}");
    assert!(said.contains("letters.jsonl: line 6: not a dead letter: "), "{said}");
    assert!(!out.contains('\u{1b}') && !said.contains('\u{1b}'));
    for (filter, count) in [
        (&["--operation", "stock.read"][..], 1),
        (&["--reason", "rejected"], 3),
        (&["--reason", "rejected", "--operation", "stock.write"], 2),
        (&["--id", &ids[3].to_string()], 1),
        (&["--key", "eu"], 0),
        (&["--limit", "2"], 2),
    ] {
        let (_, out, _) = run(&[&[file], filter].concat());
        assert!(out.ends_with(&format!("{count} letters, 1 damaged lines\n")), "{filter:?}: {out}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// A server that counts what it gets. Payloads for which `fails` answers are refused. Each request takes a permit.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<(u32, String)>>>,
    permits: Arc<Semaphore>,
}

impl Receiver {
    async fn start(fails: fn(u32) -> Option<StatusCode>, permits: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/orders", listener.local_addr().unwrap());
        let (got, permits) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(permits)));
        let (log, free) = (got.clone(), permits.clone());
        let orders = move |headers: HeaderMap, body: String| async move {
            free.acquire().await.unwrap().forget();
            let number = body.parse().unwrap();
            let key = headers.get("idempotency-key").map_or("", |key| key.to_str().unwrap()).to_owned();
            assert_eq!(
                (&headers["content-type"], &headers["x-token"]),
                (&"application/json".parse().unwrap(), &"s3cret".parse().unwrap())
            );
            log.lock().unwrap().push((number, key));
            fails(number).unwrap_or(StatusCode::OK)
        };
        let router = Router::new().route("/orders", post(orders));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, got, permits }
    }

    fn numbers(&self) -> Vec<u32> {
        self.got.lock().unwrap().iter().map(|(number, _)| *number).collect()
    }

    fn replay<'a>(&'a self, file: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
        let args = [file.to_str().unwrap(), "replay", "--to", &self.url, "--header", "x-token: s3cret"];
        [&args[..], more].concat()
    }
}

/// Runs the program while the server of the test runs.
async fn output(args: &[&str]) -> (Option<i32>, String, String) {
    let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
    tokio::task::spawn_blocking(move || run(&args.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn delivered_letters_leave_the_file_and_failed_ones_are_put_back() {
    let path = directory("replay").join("letters.jsonl");
    let ids = letters(&path, 1..=6);
    let bad = "no letter";
    fs::write(&path, fs::read_to_string(&path).unwrap() + bad + "\n").unwrap();
    let server = Receiver::start(|number| (number == 4).then_some(StatusCode::BAD_REQUEST), 1_000).await;

    let before = fs::read(&path).unwrap();
    let (_, out, _) = output(&server.replay(&path, &["--dry-run"])).await;
    assert!(
        out.ends_with(&format!("6 letters would be sent to {}; nothing was changed\n", server.url)),
        "{out}"
    );
    assert_eq!((fs::read(&path).unwrap() == before, server.numbers().len()), (true, 0));

    let (status, out, said) = output(&server.replay(&path, &["--operation", "stock.write"])).await;
    assert_eq!(out, "3 delivered, 1 failed and put back, 1 damaged lines\n");
    assert_eq!(status, Some(1));
    assert!(said.contains(&format!("{}: gave up", ids[3])), "{said}");
    assert_eq!(left(&path), BTreeMap::from([(3, 0), (4, 1), (6, 0)]));
    assert_eq!(fs::read_to_string(path.with_extension("jsonl.damaged")).unwrap(), "no letter\n");
    assert_eq!(server.numbers(), [1, 2, 4, 5]);
    for (number, key) in server.got.lock().unwrap().iter() {
        assert_eq!(*key, ids[*number as usize - 1].to_string());
    }
    // What is left is delivered by the next run, and the file is empty then.
    let (status, out, _) = output(&server.replay(&path, &["--operation", "stock.read"])).await;
    assert_eq!((status, out.as_str()), (Some(0), "2 delivered, 0 failed and put back, 0 damaged lines\n"));
    assert_eq!(left(&path), BTreeMap::from([(4, 1)]));
    let names: BTreeSet<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["letters.jsonl".to_owned(), "letters.jsonl.damaged".to_owned()]));
}

#[tokio::test(flavor = "current_thread")]
async fn a_letter_is_sent_with_the_key_of_its_call() {
    let path = directory("keys").join("letters.jsonl");
    let ids = letters(&path, [1]);
    let sink = JsonLinesSink::open(&path).unwrap();
    let (whole, long) = ("k".repeat(256), "k".repeat(257));
    for (number, name, key) in [
        (2, "idempotency-key", "o-2"),
        (3, "Idempotency-Key", "o-3"),
        (4, "idempotency-key", &whole),
        (5, "idempotency-key", &long), // it is cut in the file, so it is not the key that was sent
        (6, "idempotency-key", "a\nb"),
        (7, "idempotency-key", "ä"),
    ] {
        let payload = RawValue::from_string(format!("{number}")).unwrap();
        let mut stored = StoredLetter::from(DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload));
        stored.letter.id = LetterId::with_time(std::time::Duration::from_secs(1), number, 0);
        stored.metadata.push((name.to_owned(), key.to_owned()));
        sink.append_line(&LetterLine::again(&stored).unwrap()).unwrap();
    }
    drop(sink);
    let server = Receiver::start(|_| None, 1_000).await;
    let (_, out, said) = output(&server.replay(&path, &[])).await;
    assert_eq!(out, "4 delivered, 3 failed and put back, 0 damaged lines\n");
    assert_eq!(said.matches(": not sent: the idempotency-key of its metadata is ").count(), 3, "{said}");
    let sent = [(1, ids[0].to_string()), (2, "o-2".into()), (3, "o-3".into()), (4, whole)];
    assert_eq!(server.got.lock().unwrap()[..], sent);
    assert_eq!(left(&path), BTreeMap::from([(5, 1), (6, 1), (7, 1)]));
}

#[tokio::test(flavor = "current_thread")]
async fn while_the_receiver_is_down_the_circuit_ends_the_run_and_no_letter_is_lost() {
    let path = directory("down").join("letters.jsonl");
    letters(&path, 1..=20);
    let closed = TcpSocket::new_v4().unwrap(); // it is bound, so that no other program gets its port
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    let file = path.to_str().unwrap();
    let (status, out, said) = output(&[file, "replay", "--to", &url, "--patience", "0"]).await;
    assert_eq!(status, Some(1));
    assert!(
        said.contains(
            "redrive: the receiver is down, so the run ends; letters that were not delivered are in "
        ),
        "{said}"
    );
    assert!(out.starts_with("0 delivered, "), "{out}");
    let left = left(&path);
    assert_eq!(left.len(), 20);
    // Only the letters before the circuit opened were tried.
    let tried = left.values().filter(|requeued| **requeued == 1).count();
    assert!((2..=6).contains(&tried), "{tried}");
}

/// Starts a replay, and waits until the server has this many letters and hangs.
async fn hanging(server: &Receiver, path: &Path, delivered: usize) -> Child {
    server.permits.add_permits(delivered);
    let child =
        redrive(&server.replay(path, &[])).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.numbers().len() < delivered {
        tokio::task::yield_now().await;
    }
    child
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_a_run_and_puts_back_what_was_not_delivered() {
    let path = directory("ctrl_c").join("letters.jsonl");
    letters(&path, 1..=30);
    let server = Receiver::start(|_| None, 0).await;
    let child = hanging(&server, &path, 10).await;
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let (out, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(said.contains("redrive: stopped; letters that were not delivered are in "), "{said}");
    // The answer to the tenth letter may not have arrived before the signal.
    let left = left(&path);
    assert!(out.starts_with(&format!("{} delivered, 0 failed", 30 - left.len())), "{out}");
    assert!((20..=21).contains(&left.len()) && left.values().all(|requeued| *requeued == 0), "{left:?}");
    let all: BTreeSet<_> = left.into_keys().chain(server.numbers()).collect();
    assert_eq!(all, (1..=30).collect());
    assert!(!path.with_extension("jsonl.taken").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_killed_is_continued_by_the_next_one() {
    let path = directory("killed").join("letters.jsonl");
    letters(&path, 1..=30);
    let server =
        Receiver::start(|number| number.is_multiple_of(5).then_some(StatusCode::BAD_REQUEST), 0).await;
    let mut next = 0;
    for delivered in [7, 9] {
        let mut child = hanging(&server, &path, next + delivered).await;
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        next = server.numbers().len();
        // The other commands find each letter that is left, once. The last answer may not have arrived before the kill.
        let (_, out, _) = output(&[path.to_str().unwrap()]).await;
        let listed = out.lines().count() - 1;
        assert_eq!(out.lines().map(|line| line.split(' ').next()).collect::<BTreeSet<_>>().len(), listed + 1);
        let delivered = server.numbers().iter().filter(|number| !number.is_multiple_of(5)).count();
        assert!((30 - delivered..=31 - delivered).contains(&listed), "{delivered} delivered: {out}");
        let (_, dry, _) = output(&server.replay(&path, &["--dry-run"])).await;
        assert!(dry.contains(&format!("\n{listed} letters would be sent to ")), "{dry}");
    }
    server.permits.add_permits(1_000);
    let (_, out, _) = output(&server.replay(&path, &[])).await;
    assert!(out.contains(" delivered, "), "{out}");
    assert_eq!(left(&path).into_keys().collect::<Vec<_>>(), [5, 10, 15, 20, 25, 30]);
    assert!(left(&path).values().all(|requeued| *requeued >= 1));
    let mut numbers = server.numbers();
    numbers.sort_unstable();
    let distinct: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(distinct, (1..=30).collect());
    // At most the letters under way when the run was killed were sent twice.
    assert!(numbers.len() <= 30 + 4, "{numbers:?}");
}

/// The files of a run that was killed: of six letters, the first two are noted as handled, and the fourth is in the
/// file again.
fn killed(test: &str) -> PathBuf {
    let path = directory(test).join("letters.jsonl");
    letters(&path, 1..=6);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    fs::write(path.with_extension("jsonl.taken"), &text).unwrap();
    fs::write(path.with_extension("jsonl.taken.done"), format!("{}\n", lines[0].len() + lines[1].len()))
        .unwrap();
    fs::write(&path, lines[3]).unwrap();
    path
}

#[tokio::test(flavor = "current_thread")]
async fn what_a_killed_run_has_handled_is_left_out_by_every_command() {
    let path = killed("handled");
    let (file, copy) = (path.to_str().unwrap(), path.with_extension("copy"));
    let (_, listed, _) = run(&[file]);
    assert!(listed.ends_with("\n4 letters, 0 damaged lines\n"), "{listed}");
    assert!(run(&[file, "park", "--out", "b", "--dry-run"]).1.contains("\n4 letters would be moved to b;"));
    run(&[file, "export", "--out", copy.to_str().unwrap()]);
    assert_eq!(left(&copy).into_keys().collect::<Vec<_>>(), [3, 4, 5, 6]);
    // The number of a line is that in the file.
    let taken = path.with_extension("jsonl.taken");
    fs::write(&taken, fs::read_to_string(&taken).unwrap() + "no letter\n").unwrap();
    assert!(run(&[file]).2.contains("letters.jsonl.taken: line 7: not a dead letter"));
    let server = Receiver::start(|_| None, 1_000).await;
    let (_, out, _) = output(&server.replay(&path, &[])).await;
    assert!(out.starts_with("3 delivered, 0 failed"), "{out}");
    // The fourth one is in the file already, and is for the next run.
    assert_eq!((server.numbers(), left(&path)), (vec![3, 5, 6], BTreeMap::from([(4, 0)])));

    // A note that was torn by the kill is not read, and does not spoil the next ones.
    let path = killed("torn_note");
    let done = path.with_extension("jsonl.taken.done");
    fs::write(&done, fs::read_to_string(&done).unwrap() + "9").unwrap();
    let server = Receiver::start(|_| None, 1).await;
    let mut child = hanging(&server, &path, 1).await;
    child.kill().unwrap();
    child.wait().unwrap();
    server.permits.add_permits(1_000);
    output(&server.replay(&path, &[])).await;
    let numbers: BTreeSet<_> = server.numbers().into_iter().collect();
    assert_eq!((numbers, left(&path)), (BTreeSet::from([3, 5, 6]), BTreeMap::from([(4, 0)])));
    // A note that cannot be right loses nothing.
    let path = killed("wrong_note");
    fs::write(path.with_extension("jsonl.taken.done"), "1000000\n").unwrap();
    let (status, _, said) = run(&[path.to_str().unwrap()]);
    assert!(status == Some(1) && said.contains("letters.jsonl.taken.done notes more than "), "{said}");
    let (status, _, _) = output(&server.replay(&path, &[])).await;
    assert_eq!((status, left(&path.with_extension("jsonl.taken")).len()), (Some(1), 6));
}

#[tokio::test(flavor = "current_thread")]
async fn letters_without_an_id_are_not_taken_for_each_other() {
    let path = directory("no_id").join("letters.jsonl");
    let line = |number: u32| {
        format!(r#"{{"v":1,"operation":"stock.write","reason":"attempts","attempts":3,"payload":{number}}}"#)
            + "\n"
    };
    // Of a run that was killed, one letter is in the file again, and three are left.
    fs::write(&path, line(1)).unwrap();
    fs::write(path.with_extension("jsonl.taken"), [2, 3, 4].map(line).concat()).unwrap();
    let (_, listed, _) = run(&[path.to_str().unwrap()]);
    assert!(
        listed.starts_with("- stock.write ") && listed.ends_with("\n4 letters, 0 damaged lines\n"),
        "{listed}"
    );
    let server = Receiver::start(|number| (number == 3).then_some(StatusCode::BAD_REQUEST), 1_000).await;
    let (_, out, said) = output(&server.replay(&path, &[])).await;
    assert!(out.starts_with("2 delivered, 1 failed") && said.contains("-: gave up"), "{out}{said}");
    // No two share an idempotency key, because the receiver would leave out the second one.
    assert!(server.got.lock().unwrap().iter().all(|(_, key)| key.is_empty()));
    assert_eq!(server.numbers(), [2, 3, 4]);
    assert_eq!(left(&path), BTreeMap::from([(1, 0), (3, 1)]));

    // A letter that was put back before the kill is not put back twice.
    let path = directory("no_id_killed").join("letters.jsonl");
    fs::write(&path, (1..=6).map(line).collect::<String>()).unwrap();
    let server =
        Receiver::start(|number| number.is_multiple_of(2).then_some(StatusCode::BAD_REQUEST), 0).await;
    let mut child = hanging(&server, &path, 3).await;
    child.kill().unwrap();
    child.wait().unwrap();
    server.permits.add_permits(1_000);
    output(&server.replay(&path, &[])).await;
    assert_eq!(left(&path).into_keys().collect::<Vec<_>>(), [2, 4, 6]);
    assert_eq!(JsonLinesReader::<u32>::open(&path).unwrap().count(), 3);
}

#[test]
fn letters_are_parked_and_exported() {
    let directory = directory("park");
    let (path, parked, copy) =
        (directory.join("a.jsonl"), directory.join("parked.jsonl"), directory.join("copy.jsonl"));
    letters(&path, 1..=9);
    let [file, out, export] = [&path, &parked, &copy].map(|path| path.to_str().unwrap());
    let before = fs::read(&path).unwrap();
    let (status, said, _) = run(&[file, "export", "--out", export, "--reason", "rejected"]);
    assert_eq!((status, said), (Some(0), format!("5 letters copied to {export}, 0 damaged lines\n")));
    assert_eq!((left(&copy).len(), fs::read(&path).unwrap() == before), (5, true));

    let (_, said, _) = run(&[file, "park", "--out", out, "--operation", "stock.read", "--dry-run"]);
    assert!(said.ends_with(&format!("3 letters would be moved to {out}; nothing was changed\n")), "{said}");
    assert!(!parked.exists() && fs::read(&path).unwrap() == before);
    let (status, said, _) = run(&[file, "park", "--out", out, "--operation", "stock.read"]);
    assert_eq!((status, said), (Some(0), format!("3 letters moved to {out}, 0 damaged lines\n")));
    assert_eq!(left(&parked).into_keys().collect::<Vec<_>>(), [3, 6, 9]);
    assert_eq!(left(&path).into_keys().collect::<Vec<_>>(), [1, 2, 4, 5, 7, 8]);
    // A file of something else is not added to.
    let toml = directory.join("app.toml");
    fs::write(&toml, "port = 8080").unwrap();
    let (status, _, said) = run(&[file, "park", "--out", toml.to_str().unwrap()]);
    assert!(status == Some(1) && said.contains("not a file of dead letters"), "{said}");
    assert_eq!((fs::read_to_string(toml).unwrap().as_str(), left(&path).len()), ("port = 8080", 6));
}

#[test]
fn a_folder_is_refused_with_its_name() {
    let path = directory("folder");
    let folder = path.to_str().unwrap();
    for command in
        [&["list"][..], &["replay", "--to", "http://127.0.0.1:9"], &["export", "--out", "b", "--dry-run"]]
    {
        let (status, _, said) = run(&[&[folder], command].concat());
        assert_eq!(status, Some(1));
        assert!(said.starts_with(&format!("redrive: {folder}: ")) && said.lines().count() == 1, "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_another_program_writes_is_refused() {
    let path = directory("busy").join("letters.jsonl");
    letters(&path, 1..=3);
    let service = JsonLinesSink::open(&path).unwrap();
    let (status, _, said) = run(&[path.to_str().unwrap(), "replay", "--to", "http://127.0.0.1:9"]);
    assert_eq!(status, Some(1));
    assert_eq!(said, format!("redrive: {}: another writer has it open\n", path.display()));
    assert_eq!(left(service.path()).len(), 3);
    // It can be looked at.
    assert_eq!(run(&[path.to_str().unwrap()]).0, Some(0));
}
