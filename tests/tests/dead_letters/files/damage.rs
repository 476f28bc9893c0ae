//! Files that are torn at every byte, or have other content.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use retry_core::dead_letter::{BadLineKind, JsonLinesReader, JsonLinesSink};

use super::{directory, give_up, payloads};

const ORDERS: [&str; 3] = ["7 apples", "a line\nbreak, a \"quote\" and an ä", "1 plum"];

#[test]
fn a_last_line_torn_at_any_byte_is_moved_to_a_file_beside_it_and_reported() {
    let directory = directory("torn");
    let path = directory.join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    assert_eq!(letters.torn(), None);
    ORDERS.iter().for_each(|order| give_up(&letters, order));
    assert_eq!((letters.kept(), letters.failed()), (3, 0));
    drop(letters);
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in last..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        // A letter is whole without its line end, too.
        let is_torn = cut > last && cut < whole.len() - 1;
        let left = if cut >= whole.len() - 1 { &ORDERS[..] } else { &ORDERS[..2] };

        // A reader reports the torn line.
        let mut lines: Vec<_> = JsonLinesReader::<String>::open(&path).unwrap().collect();
        if is_torn {
            let line = lines.pop().unwrap().unwrap_err();
            assert!(line.is_torn());
            assert_eq!((line.number, line.at, line.length), (3, last as u64, (cut - last) as u64));
        }
        let read: Vec<_> = lines.into_iter().map(|line| line.unwrap().letter.payload).collect();
        assert_eq!(read, left);

        // A writer moves it away, and continues.
        let letters = JsonLinesSink::open(&path).unwrap();
        assert_eq!(letters.torn().is_some(), is_torn, "{cut}");
        if let Some(torn) = letters.torn() {
            assert_eq!((torn.at, torn.length), (last as u64, (cut - last) as u64));
            assert_eq!(torn.bytes, whole[last..cut]);
            assert_eq!(fs::read(&torn.kept_in).unwrap(), whole[last..cut]);
            assert_eq!(torn.kept_in.parent(), Some(directory.as_path()));
        }
        give_up(&letters, "one more");
        assert_eq!(payloads(&path), [left, &["one more"]].concat());
    }
    // No file beside it was written over.
    let beside = fs::read_dir(&directory).unwrap().filter(|entry| entry.as_ref().unwrap().path() != path);
    assert_eq!(beside.count(), whole.len() - 1 - last - 1);
}

/// Returns the lines of one letter and of a beginning of another, whose payload has this length.
fn letter_and_torn(directory: &Path, length: usize) -> (String, String) {
    let path = directory.join("sound.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap().limit(1 << 30);
    give_up(&letters, "7 apples");
    give_up(&letters, &"x".repeat(length));
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(path).unwrap();
    let (first, second) = text.split_at(text.find('\n').unwrap() + 1);
    (first.to_owned(), second[..second.len() - 3].to_owned())
}

#[test]
fn a_torn_line_longer_than_any_buffer_is_found_from_its_end() {
    let directory = directory("torn_long");
    let path = directory.join("letters.jsonl");
    for length in [1, 65_535, 65_536, 65_537, 200_000, 2 << 20] {
        let (whole, torn) = letter_and_torn(&directory, length);
        for before in ["", "\n \r\n", &whole] {
            fs::write(&path, format!("{before}{torn}")).unwrap();
            let found = JsonLinesSink::open(&path).unwrap().torn().unwrap();
            assert_eq!((found.at, found.length), (before.len() as u64, torn.len() as u64));
            assert_eq!(found.bytes, torn.as_bytes()[..torn.len().min(65_536)]);
            assert_eq!(fs::read_to_string(found.kept_in).unwrap(), torn);
            assert_eq!(fs::read_to_string(&path).unwrap(), before);
        }
    }
}

#[test]
fn zeros_that_a_loss_of_power_leaves_are_moved_away_and_a_whole_letter_stays() {
    let directory = directory("zeros");
    let path = directory.join("letters.jsonl");
    let (whole, torn) = letter_and_torn(&directory, 10);
    let unended = whole.trim_end();
    for zeros in [1, 4_096, 65_536, 200_000] {
        let zeros = "\0".repeat(zeros);
        // What is in the file, and which part of it stays.
        for (before, after, left) in [
            (&whole[..], zeros.clone(), whole.clone()),
            (&whole, format!("{torn}{zeros}"), whole.clone()),
            (&whole, format!("{unended}{zeros}"), whole.repeat(2)),
            ("", format!("{unended}{zeros}"), whole.clone()),
            ("", format!("{torn}{zeros}"), String::new()),
        ] {
            fs::write(&path, format!("{before}{after}")).unwrap();
            let found = JsonLinesSink::open(&path).unwrap().torn().unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), left);
            assert!(after.ends_with(&fs::read_to_string(found.kept_in).unwrap()));
        }
    }
}

#[test]
fn a_file_of_something_else_is_refused_with_one_line_and_stays_as_it_is() {
    let directory = directory("of_others");
    let path = directory.join("app.toml");
    let (whole, torn) = letter_and_torn(&directory, 10);
    let contents: [&[u8]; 22] = [
        b"[server]\nport = 8080",
        b"[server]\nport = 8080\n",
        b"port = 8080",
        b"{\n  \"name\": \"app\"\n}",
        b"{\n  \"name\": \"app\"\n}\n",
        b"{\n  \"v\": 1,\n  \"operation\": \"a\"\n}\n",
        b"{\"level\":\"info\",\"text\":\"started\"}\n{\"level\":\"in",
        b"{\"level\":\"info\"}",
        b"{\"v\":1,\"level\":\"info\"}\n",
        b"{\"v\":1,\"level\":\"inf",
        b"{\"v\":2,\"operation\":\"a\",\"reason\":\"attempts\",\"attempts\":1,\"payload\":null}\n",
        b"{\"v\":1,\"operation\":\"a\",\"reason\":\"attempts\",\"attempts\":1}\n",
        b"[1, 2]",
        b"\0",
        b"\0\0\0\0\n",
        b"\x7fELF\x02\x01\x01\0\0\0\0\0",
        b"\xff\xfe{\0\"\0",
        b"plain text",
        b"\"{\"",
        &[&whole, "port = 8080"].concat().into_bytes(),
        &[&whole, "}"].concat().into_bytes(),
        &[&torn, "\n", &whole].concat().into_bytes(),
    ];
    for content in contents {
        fs::write(&path, content).unwrap();
        let error = JsonLinesSink::open(&path).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{}", content.escape_ascii());
        let text = error.to_string();
        assert!(text.starts_with(&format!("{}: not a file of dead letters: its ", path.display())), "{text}");
        assert!(!text.contains('\n') && fs::read(&path).unwrap() == content, "{text}");
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
fn empty_lines_are_skipped_and_a_last_letter_needs_no_line_end() {
    let directory = directory("empty_lines");
    let path = directory.join("letters.jsonl");
    let (whole, _) = letter_and_torn(&directory, 10);
    let line = whole.trim_end();
    for (text, letters) in [
        (format!("\n{line}\n\n \t\r\n{line}\r\n\n"), 2),
        (line.to_owned(), 1),
        (format!("{line}\r"), 1),
        (format!("{line}\n{line}   "), 2),
        (format!("\u{feff}{line}\n{line}"), 2),
        (format!("\u{feff}{line}\n\u{feff}{line}"), 2),
        ("\n\n".to_owned(), 0),
        ("   ".to_owned(), 0),
        ("\u{feff}".to_owned(), 0),
    ] {
        fs::write(&path, &text).unwrap();
        assert_eq!(payloads(&path), vec!["7 apples"; letters], "{text:?}");
        let sink = JsonLinesSink::open(&path).unwrap();
        assert_eq!(sink.torn(), None);
        give_up(&sink, "7 apples");
        assert_eq!(payloads(&path), vec!["7 apples"; letters + 1], "{text:?}");
        assert!(fs::read_to_string(&path).unwrap().starts_with(&text));
    }
    // The numbers of damaged lines count the empty ones.
    fs::write(&path, format!("\n{line}\n\nbad\n{line}\n")).unwrap();
    let bad = JsonLinesReader::<String>::open(&path).unwrap().find_map(Result::err).unwrap();
    assert_eq!((bad.number, bad.at, bad.length), (4, line.len() as u64 + 3, 4));
}

#[cfg(unix)]
#[test]
fn a_new_file_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory("modes");
    let path = directory.join("letters.jsonl");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let letters = JsonLinesSink::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    letters.rotate(directory.join("taken.jsonl")).unwrap();
    assert_eq!((mode(&path), mode(&directory.join("taken.jsonl"))), (0o600, 0o600));
    drop(letters);
    // The mode of a file that exists stays, and what is torn from it is for the owner only.
    let (whole, torn) = letter_and_torn(&directory, 10);
    fs::write(&path, format!("{whole}{torn}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let letters = JsonLinesSink::open(&path).unwrap();
    assert_eq!((mode(&path), mode(&letters.torn().unwrap().kept_in)), (0o640, 0o600));
}

#[cfg(unix)]
#[test]
fn the_file_behind_a_symbolic_link_is_locked_and_rotated_and_the_link_stays() {
    use std::os::unix::fs::symlink;
    let directory = directory("links");
    let (real, link, second) = (directory.join("disk"), directory.join("a.jsonl"), directory.join("b.jsonl"));
    fs::create_dir(&real).unwrap();
    let file = real.join("letters.jsonl");
    symlink("disk/letters.jsonl", &link).unwrap(); // the file does not exist yet
    symlink("a.jsonl", &second).unwrap();
    let letters = JsonLinesSink::open(&link).unwrap();
    give_up(&letters, "7 apples");
    for other in [&file, &second] {
        assert_eq!(JsonLinesSink::open(other).unwrap_err().kind(), std::io::ErrorKind::ResourceBusy);
    }
    let taken = directory.join("taken.jsonl");
    letters.rotate(&taken).unwrap();
    give_up(&letters, "3 pears");
    assert!(link.is_symlink() && !taken.is_symlink() && !file.is_symlink());
    assert_eq!(
        (payloads(&taken), payloads(&file)),
        (vec!["7 apples".to_owned()], vec!["3 pears".to_owned()])
    );
    // A file that was removed is created again at the same place.
    fs::remove_file(&file).unwrap();
    give_up(&letters, "1 plum");
    assert_eq!(payloads(&file), ["1 plum"]);
    drop(letters);
    // A torn line is kept beside the file itself.
    fs::write(&file, "{\"v\":1,\"op").unwrap();
    let torn = JsonLinesSink::open(&second).unwrap().torn().unwrap();
    assert_eq!(torn.kept_in, fs::canonicalize(&real).unwrap().join("letters.jsonl.torn"));
}

#[test]
fn lines_that_are_not_letters_are_reported_and_the_others_are_read() {
    let directory = directory("bad_lines");
    let path = directory.join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "7 apples");
    let sound = fs::read_to_string(&path).unwrap();
    let bad = [
        ("{}", "v: missing"),
        ("[1, 2]", "invalid type"),
        ("{\"v\":1", "EOF"),
        ("\u{0}\u{0}\u{0}", "expected value"),
        (&sound.trim().replace("\"v\":1", "\"v\":2"), "version 2, not 1"),
        (&sound.trim().replace("attempts\",", "luck\","), "reason: unknown"),
        (&sound.trim().replace("Network\",\"att", "Weather\",\"att"), "class: unknown"),
        (&sound.trim().replace("\"attempts\":3", "\"attempts\":-3"), "attempts: "),
        (&sound.trim().replace("\"payload\":\"7 apples\"", "\"payload\":7"), "payload: "),
        (&sound.trim().replace(",\"payload\":\"7 apples\"", ""), "payload: missing"),
    ];
    for (line, why) in bad {
        fs::write(&path, format!("{sound}{line}\n{sound}")).unwrap();
        let lines: Vec<_> = JsonLinesReader::<String>::open(&path).unwrap().collect();
        assert!(lines.len() == 3 && lines[0].is_ok() && lines[2].is_ok(), "{line}");
        let error = lines[1].as_ref().unwrap_err();
        assert_eq!((error.number, error.at, error.length), (2, sound.len() as u64, line.len() as u64 + 1));
        assert!(error.to_string().contains(why), "{error}: {why}");
    }
    let long = "x".repeat(10_000);
    fs::write(&path, format!("{sound}{long}\n{sound}{long}")).unwrap();
    let lines: Vec<_> = JsonLinesReader::<String>::open(&path).unwrap().limit(9_999).collect();
    assert!(lines[0].is_ok() && lines[2].is_ok());
    assert!(matches!(lines[1].as_ref().unwrap_err().kind, BadLineKind::TooLong));
    assert!(lines[3].as_ref().unwrap_err().is_torn());
    assert_eq!(lines.len(), 4);
    // A very long line without an end is not read into memory.
    let endless = || std::io::BufReader::new(std::io::Read::take(std::io::repeat(b'x'), 10 << 20));
    let memory = allocation_counter::measure(|| {
        assert!(
            JsonLinesReader::<String, _>::new(endless()).limit(1_000).next().unwrap().unwrap_err().is_torn()
        );
    });
    assert!(memory.bytes_max < 64 << 10, "{} bytes", memory.bytes_max);
    let error = JsonLinesReader::<String>::open(directory.join("none")).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'{'), Just(b'"')], 0..300),
        limit in 0_usize..64,
    ) {
        let found: Vec<_> = JsonLinesReader::<String, _>::new(&bytes[..]).limit(limit).collect();
        let mut at = 0;
        let mut lines = found.into_iter();
        for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            if text.len() > limit || !text.iter().all(u8::is_ascii_whitespace) {
                let bad = lines.next().unwrap().unwrap_err();
                prop_assert_eq!((bad.number, bad.at, bad.length), (index as u64 + 1, at, line.len() as u64));
                prop_assert!(!bad.is_torn() || !line.ends_with(b"\n"));
            }
            at += line.len() as u64;
        }
        prop_assert!(lines.next().is_none());
    }
}

#[test]
fn a_file_that_another_program_emptied_is_continued() {
    let path = directory("meanwhile").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "7 apples");
    fs::write(&path, "").unwrap(); // like a log rotation that copies and truncates
    give_up(&letters, "3 pears");
    assert_eq!(payloads(&path), ["3 pears"]);
}
