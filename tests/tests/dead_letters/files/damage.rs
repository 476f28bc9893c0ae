//! Files that are torn at every byte, or have other content.

use std::fs;

use proptest::prelude::*;
use retry_core::dead_letter::{BadLineKind, JsonLinesReader, JsonLinesSink, WhenTorn};

use super::{directory, give_up, payloads};

const ORDERS: [&str; 3] = ["7 apples", "a line\nbreak, a \"quote\" and an ä", "1 plum"];

#[test]
fn a_last_line_torn_at_any_byte_is_cut_away_and_reported() {
    let path = directory("torn").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    assert_eq!(letters.torn(), None);
    ORDERS.iter().for_each(|order| give_up(&letters, order));
    assert_eq!((letters.kept(), letters.failed()), (3, 0));
    drop(letters);
    let whole = fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in last..=whole.len() {
        for when_torn in [WhenTorn::Cut, WhenTorn::Keep] {
            fs::write(&path, &whole[..cut]).unwrap();
            let torn = cut > last && cut < whole.len();
            let left = if cut == whole.len() { &ORDERS[..] } else { &ORDERS[..2] };

            // A reader reports the torn line.
            let mut lines: Vec<_> = JsonLinesReader::<String>::open(&path).unwrap().collect();
            if torn {
                let line = lines.pop().unwrap().unwrap_err();
                assert!(line.is_torn());
                assert_eq!((line.number, line.at, line.length), (3, last as u64, (cut - last) as u64));
            }
            let read: Vec<_> = lines.into_iter().map(|line| line.unwrap().letter.payload).collect();
            assert_eq!(read, left);

            // A writer cuts it off, and continues.
            let letters = JsonLinesSink::open_with(&path, when_torn).unwrap();
            let reported = letters.torn().map(|line| (line.at, line.length, line.bytes.clone()));
            assert_eq!(reported, torn.then(|| (last as u64, (cut - last) as u64, whole[last..cut].to_vec())));
            give_up(&letters, "one more");
            let mut lines: Vec<_> = JsonLinesReader::<String>::open(&path).unwrap().collect();
            if torn && when_torn == WhenTorn::Keep {
                // The torn line has a line end now. It is a letter only if nothing else was missing.
                let kept = lines.remove(2);
                match kept {
                    Err(line) => assert!(matches!(line.kind, BadLineKind::NoLetter(_)) && !line.is_torn()),
                    Ok(stored) => {
                        assert_eq!((cut, stored.letter.payload.as_str()), (whole.len() - 1, ORDERS[2]))
                    }
                }
            }
            let read: Vec<_> = lines.into_iter().map(|line| line.unwrap().letter.payload).collect();
            assert_eq!(read, [left, &["one more"]].concat());
        }
    }
}

#[test]
fn a_torn_line_longer_than_any_buffer_is_found_from_its_end() {
    let path = directory("torn_long").join("letters.jsonl");
    for before in [0, 1, 65_535, 65_536, 65_537] {
        for length in [1, 65_535, 65_536, 65_537, 200_000] {
            let mut bytes = vec![b'x'; before];
            bytes.push(b'\n');
            bytes.extend((0..length).map(|n| b'a' + (n % 26) as u8));
            fs::write(&path, &bytes).unwrap();
            let letters = JsonLinesSink::open(&path).unwrap();
            let torn = letters.torn().unwrap();
            assert_eq!((torn.at, torn.length), (before as u64 + 1, length as u64));
            assert_eq!(torn.bytes, bytes[before + 1..][..length.min(65_536)]);
            assert_eq!(fs::metadata(&path).unwrap().len(), before as u64 + 1);
        }
    }
    // A file with only a torn line, and an empty file.
    fs::write(&path, "{\"v\":1").unwrap();
    assert_eq!(JsonLinesSink::open(&path).unwrap().torn().unwrap().at, 0);
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    assert_eq!(JsonLinesSink::open(&path).unwrap().torn(), None);
}

#[test]
fn lines_that_are_not_letters_are_reported_and_the_others_are_read() {
    let directory = directory("bad_lines");
    let path = directory.join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "7 apples");
    let sound = fs::read_to_string(&path).unwrap();
    let bad = [
        ("", "EOF"),
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
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5_000) })]

    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'{'), Just(b'"')], 0..300),
        limit in 0_usize..64,
    ) {
        let lines: Vec<_> = JsonLinesReader::<String, _>::new(&bytes[..]).limit(limit).collect();
        let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
        let torn = bytes.last().is_some_and(|byte| *byte != b'\n');
        prop_assert_eq!(lines.len(), ends + usize::from(torn));
        let mut at = 0;
        for line in lines {
            let line = line.unwrap_err();
            prop_assert_eq!(line.at, at);
            at += line.length;
        }
        prop_assert_eq!(at, bytes.len() as u64);
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
