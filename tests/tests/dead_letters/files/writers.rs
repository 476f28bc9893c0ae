//! Several writers of one file. A second writer is refused, in the same program and in another, until the first has
//! ended.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use retry_core::dead_letter::{DeadLetter, JsonLinesReader, JsonLinesSink, LetterLine, Reason};

use super::{directory, give_up, payloads};

const FILE: &str = "RETRY_TEST_WRITER";

/// The child process. It has the file open until it is killed. It runs only with its variable.
#[test]
fn child() {
    let Ok(file) = env::var(FILE) else { return };
    let letters = JsonLinesSink::open(file).unwrap();
    give_up(&letters, "of the child");
    println!("open");
    loop {
        std::thread::park();
    }
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    if !cfg!(unix) {
        println!("skipped: the file is locked only on unix");
        return;
    }
    let path = directory("writers").join("letters.jsonl");
    let refused = || {
        let error = JsonLinesSink::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert_eq!(error.to_string(), format!("{}: another writer has it open", path.display()));
    };
    let first = JsonLinesSink::open(&path).unwrap();
    give_up(&first, "of the first");
    refused();
    assert_eq!(payloads(&path), ["of the first"]);
    // The new file is locked, and the old one is free.
    let taken = path.with_file_name("taken.jsonl");
    first.rotate(&taken).unwrap();
    refused();
    drop(JsonLinesSink::open(&taken).unwrap());
    drop(first);

    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "files::writers::child", "--nocapture", "--test-threads=1"])
        .env(FILE, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("open")), "the child ended by itself");
    refused();
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    give_up(&JsonLinesSink::open(&path).unwrap(), "of the next");
    assert_eq!(payloads(&path), ["of the child", "of the next"]);
}

/// A process holds a copy of every open file of its parent until it runs its own program.
#[test]
fn a_process_that_starts_at_the_same_time_does_not_keep_the_lock() {
    if !cfg!(unix) {
        println!("skipped: the file is locked only on unix");
        return;
    }
    let directory = directory("while_starting");
    let (path, taken) = (directory.join("letters.jsonl"), directory.join("taken.jsonl"));
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| {
            while !ended.load(Relaxed) {
                Command::new("true").status().unwrap();
            }
        });
        let opened = (0..300).try_for_each(|_| {
            let letters = JsonLinesSink::open(&path)?;
            letters.rotate(&taken)?;
            JsonLinesSink::open(&taken)?;
            fs::remove_file(&taken)
        });
        ended.store(true, Relaxed);
        starting.join().unwrap();
        opened.unwrap();
    });
}

#[test]
fn a_file_of_another_writer_is_not_rotated() {
    if !cfg!(unix) {
        println!("skipped: files can be distinguished only on unix");
        return;
    }
    let directory = directory("of_another");
    let (path, moved) = (directory.join("letters.jsonl"), directory.join("moved.jsonl"));
    let letters = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "7 apples");
    // Another program renames the file, and creates a new one.
    fs::rename(&path, &moved).unwrap();
    let other = JsonLinesSink::open(&path).unwrap();
    give_up(&other, "1 plum");
    let taken = directory.join("taken.jsonl");
    let replaced = |error: io::Error| {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with(&format!("{}: ", path.display())), "{error}");
    };
    replaced(letters.rotate(&taken).unwrap_err());
    give_up(&letters, "3 pears");
    assert_eq!(
        (payloads(&moved).len(), payloads(&path), taken.exists()),
        (2, vec!["1 plum".to_owned()], false)
    );
    // There is no file at this path: it was renamed, and not removed.
    drop(other);
    fs::remove_file(&path).unwrap();
    replaced(letters.rotate(&taken).unwrap_err());
}

#[test]
fn an_error_names_its_file() {
    let missing = directory("named").join("none").join("letters.jsonl");
    for error in
        [JsonLinesSink::open(&missing).unwrap_err(), JsonLinesReader::<String>::open(&missing).unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with(&missing.display().to_string()), "{error}");
    }
}

#[test]
fn a_line_that_another_program_cut_or_left_open_does_not_swallow_the_next_letter() {
    let path = directory("left_open").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    let change = || fs::OpenOptions::new().append(true).open(&path).unwrap();
    let read = || {
        let lines = JsonLinesReader::<String>::open(&path).unwrap();
        lines
            .map(|line| line.map_or_else(|_| "damaged".to_owned(), |stored| stored.letter.payload))
            .collect::<Vec<_>>()
    };
    give_up(&letters, "7 apples");
    give_up(&letters, "3 pears");
    let file = change();
    file.set_len(file.metadata().unwrap().len() - 5).unwrap();
    give_up(&letters, "1 plum");
    assert_eq!(read(), ["7 apples", "damaged", "1 plum"]);
    change().write_all(b"no line end").unwrap();
    let line = LetterLine::again(&DeadLetter::new(Reason::Cancelled, "2 figs").into()).unwrap();
    assert!(letters.append_lines([&line, &line]).iter().all(Result::is_ok));
    assert_eq!(read(), ["7 apples", "damaged", "1 plum", "damaged", "2 figs", "2 figs"]);
    change().write_all(b"a line\n").unwrap();
    give_up(&letters, "4 limes");
    assert_eq!(read().len(), 8);
    assert_eq!(letters.failed(), 0);
    let lines = fs::read_to_string(&path).unwrap().lines().count();
    assert_eq!(lines, 8, "no empty line is left");
}

#[test]
fn a_path_that_is_no_file_is_refused_and_later_costs_no_letter_without_a_count() {
    let folder = directory("folder");
    let error = JsonLinesSink::open(&folder).unwrap_err();
    assert!(error.to_string().starts_with(&folder.display().to_string()), "{error}");
    let path = folder.join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "7 apples");
    if cfg!(unix) {
        // A folder takes the place of the open file.
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        give_up(&letters, "3 pears");
        assert_eq!((letters.kept(), letters.failed()), (1, 1));
        fs::remove_dir(&path).unwrap();
        give_up(&letters, "1 plum");
        assert_eq!((payloads(&path), letters.kept()), (vec!["1 plum".to_owned()], 2));
    }
}

#[cfg(unix)]
#[test]
fn links_lead_to_one_file_with_one_writer() {
    use std::os::unix::fs::symlink;
    let folder = directory("names");
    let (path, hard, soft, dangling, circle) = (
        folder.join("a"),
        folder.join("hard"),
        folder.join("soft"),
        folder.join("dangling"),
        folder.join("circle"),
    );
    symlink(folder.join("new"), &dangling).unwrap();
    symlink(&circle, &circle).unwrap();
    symlink(&path, &soft).unwrap();
    let letters = JsonLinesSink::open(&path).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    for other in [&hard, &soft] {
        assert_eq!(JsonLinesSink::open(other).unwrap_err().kind(), ErrorKind::ResourceBusy);
    }
    // The file is created where the link leads to.
    give_up(&JsonLinesSink::open(&dangling).unwrap(), "3 pears");
    assert_eq!(payloads(&folder.join("new")), ["3 pears"]);
    let error = JsonLinesSink::open(&circle).unwrap_err();
    assert!(error.to_string().starts_with(&circle.display().to_string()), "{error}");
    // A file that keeps another name stays the same file.
    fs::remove_file(&hard).unwrap();
    give_up(&letters, "7 apples");
    assert_eq!(payloads(&soft), ["7 apples"]);
}

#[test]
fn a_removed_file_is_created_again_and_locked() {
    if !cfg!(unix) {
        println!("skipped: an open file can be removed only on unix");
        return;
    }
    let directory = directory("removed");
    let (path, taken) = (directory.join("letters.jsonl"), directory.join("taken.jsonl"));
    let letters = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "7 apples");
    fs::remove_file(&path).unwrap();
    give_up(&letters, "3 pears");
    assert_eq!(payloads(&path), ["3 pears"]);
    assert_eq!(JsonLinesSink::open(&path).unwrap_err().kind(), ErrorKind::ResourceBusy);
    // A rotation then moves an empty file.
    fs::remove_file(&path).unwrap();
    letters.rotate(&taken).unwrap();
    give_up(&letters, "1 plum");
    assert_eq!((payloads(&taken).len(), payloads(&path)), (0, vec!["1 plum".to_owned()]));
    // If another program has created a file there, it stays as it is, and the letter is refused.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "no line").unwrap();
    give_up(&letters, "2 figs");
    assert_eq!(fs::read_to_string(&path).unwrap(), "no line");
    assert_eq!(letters.failed(), 1);
    // If another sink has the file open, the letter is refused.
    fs::remove_file(&path).unwrap();
    let other = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "1 quince");
    assert_eq!((letters.failed(), fs::metadata(&path).unwrap().len()), (2, 0));
    drop(other);
    give_up(&letters, "4 limes");
    assert_eq!(payloads(&path), ["4 limes"]);
    // The same if the file cannot be created.
    fs::remove_dir_all(&directory).unwrap();
    give_up(&letters, "5 dates");
    assert_eq!((letters.kept(), letters.failed()), (4, 3));
}
