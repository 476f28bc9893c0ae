//! Full disks, also in the middle of a line.

use std::env;
use std::fs::File;
use std::process::Command;

use retry_core::{
    Class, Policy, Retry,
    dead_letter::{
        DeadLetter, DeadLetterQueue, JsonLinesError, JsonLinesSink, LetterLine, OrElse, Reason, WhenFull,
    },
    testing::FakeClock,
};

use super::{directory, payloads};

#[test]
fn letters_that_a_full_disk_does_not_keep_go_to_the_next_sink() {
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: this system has no /dev/full");
        return;
    }
    let letters = JsonLinesSink::open("/dev/full").unwrap();
    let spill = DeadLetterQueue::new(8, WhenFull::Refuse);
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let both = OrElse::new(&letters, &spill);
    for order in [7, 8] {
        let call = retry.dead_letters(&both).payload(|| order);
        assert!(call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_exhausted());
    }
    assert_eq!((letters.kept(), letters.failed()), (0, 2));
    println!("{}", letters.last_error().unwrap());
    assert_eq!(spill.drain().into_iter().map(|letter| letter.payload).collect::<Vec<_>>(), [7, 8]);
}

const FILE: &str = "RETRY_TEST_FULL";

/// The child process. It may write only 8 blocks, and no signal stops it. It runs only with its variable.
#[test]
fn child() {
    let Ok(file) = env::var(FILE) else { return };
    let letters = JsonLinesSink::open(&file).unwrap();
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let spill = DeadLetterQueue::new(100, WhenFull::Refuse);
    let both = OrElse::new(&letters, &spill);
    for order in 0..40_usize {
        if order == 20 {
            // Another program copies the file and empties it.
            std::fs::copy(&file, format!("{file}.1")).unwrap();
            File::options().write(true).open(&file).unwrap().set_len(0).unwrap();
        }
        // Large and small letters. If a large one does not fit, its write is cut off, and a smaller one may still fit.
        let payload = || format!("{order} {}", "x".repeat(if order % 2 == 0 { 700 } else { 20 }));
        let call = retry.dead_letters(&both).payload(payload);
        assert!(call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_exhausted());
    }
    for letter in spill.drain() {
        println!("spilled {}", letter.payload.split(' ').next().unwrap());
    }
    println!("kept {} failed {}: {}", letters.kept(), letters.failed(), letters.last_error().unwrap());
}

#[test]
fn a_write_that_a_full_disk_cuts_off_leaves_whole_lines_and_loses_no_letter() {
    if !cfg!(unix) {
        println!("skipped: only unix has ulimit");
        return;
    }
    let file = directory("cut_off").join("letters.jsonl");
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact files::full::child --nocapture"])
        .arg(env::current_exe().unwrap())
        .env(FILE, &file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    println!("{}", said.lines().find(|line| line.starts_with("kept")).unwrap());
    let spilled =
        said.lines().filter_map(|line| line.strip_prefix("spilled ")).map(|order| order.parse().unwrap());
    let mut orders: Vec<usize> = spilled.collect();
    assert!(orders.len() >= 5, "{orders:?}");
    for file in [file.with_extension("jsonl.1"), file.clone()] {
        let kept: Vec<usize> = payloads(&file)
            .iter()
            .map(|payload| payload.split(' ').next().unwrap().parse().unwrap())
            .collect();
        let of_this = |order: &&usize| (**order >= 20) == (kept[0] >= 20);
        let first_spilled = orders.iter().find(of_this).unwrap();
        assert!(
            kept.iter().any(|order| order > first_spilled),
            "no smaller letter was kept after a failure: {kept:?} {orders:?}"
        );
        orders.extend(kept);
    }
    orders.sort_unstable();
    assert_eq!(orders, (0..40).collect::<Vec<_>>());
    assert_eq!(JsonLinesSink::open(&file).unwrap().torn(), None);
}

const LINES: &str = "RETRY_TEST_FULL_LINES";

/// The child process. It adds large and small lines together, for more than the 8 blocks that it may write.
#[test]
fn child_with_lines() {
    let Ok(file) = env::var(LINES) else { return };
    let letters = JsonLinesSink::open(&file).unwrap();
    let line = |order: usize| {
        let payload = format!("{order} {}", "x".repeat(if order.is_multiple_of(2) { 900 } else { 20 }));
        LetterLine::again(&DeadLetter::new(Reason::Cancelled, payload).into()).unwrap()
    };
    let results = letters.append_lines(&(0..20).map(line).collect::<Vec<_>>());
    let kept = results.iter().enumerate().filter_map(|(order, result)| result.is_ok().then_some(order));
    println!("kept {:?}", kept.collect::<Vec<_>>());
    assert_eq!(letters.syncs(), 1);
}

#[test]
fn of_lines_that_are_added_together_those_that_fit_on_a_full_disk_are_kept() {
    if !cfg!(unix) {
        println!("skipped: only unix has ulimit");
        return;
    }
    let file = directory("cut_off_lines").join("letters.jsonl");
    let output = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact files::full::child_with_lines --nocapture",
        ])
        .arg(env::current_exe().unwrap())
        .env(LINES, &file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<usize> =
        payloads(&file).iter().map(|payload| payload.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(said.contains(&format!("kept {found:?}\n")), "{said}{found:?}");
    // A line that was cut off in the middle was taken back, and a smaller one after it still fitted.
    assert!(found.len() < 20 && found.windows(2).any(|pair| pair[1] > pair[0] + 1), "{found:?}");
    assert_eq!(JsonLinesSink::open(&file).unwrap().torn(), None);
}

#[test]
fn a_letter_that_cannot_be_written_leaves_the_file_unchanged() {
    let path = directory("no_line").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap().limit(200);
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let ended = retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    let about = retry_core::dead_letter::LetterContext::new(&ended);
    let long = retry_core::dead_letter::DeadLetter::of(&ended, "x".repeat(200));
    let error = letters.append(&long, &about).unwrap_err();
    assert!(matches!(error, JsonLinesError::TooLong { length: 201.., limit: 200 }));
    assert!(error.to_string().ends_with(" bytes, more than the limit of 200"), "{error}");
    // The keys of a JSON map must be text.
    let strange =
        retry_core::dead_letter::DeadLetter::of(&ended, std::collections::BTreeMap::from([((1, 2), 3)]));
    assert!(matches!(letters.append(&strange, &about), Err(JsonLinesError::Payload(_))));
    assert_eq!((letters.kept(), letters.failed(), std::fs::metadata(&path).unwrap().len()), (0, 2, 0));
    letters.append(&retry_core::dead_letter::DeadLetter::of(&ended, "short"), &about).unwrap();
    assert_eq!(payloads(&path), ["short"]);
}

/// A payload that panics when it is serialised.
#[derive(Debug)]
struct Bomb;

impl serde::Serialize for Bomb {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("a bug in the payload")
    }
}

#[test]
fn a_letter_that_panics_when_it_is_written_goes_to_the_next_sink_and_is_counted() {
    let path = directory("panics").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    let spill = DeadLetterQueue::new(8, WhenFull::Refuse);
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let both = OrElse::new(&letters, &spill);
    let call = retry.dead_letters(&both).payload(|| Bomb);
    assert!(call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_exhausted());
    assert_eq!((letters.kept(), letters.failed(), spill.len()), (0, 1, 1));
    assert_eq!(letters.last_error().unwrap(), "the payload or the error panicked");
    super::give_up(&letters, "7 apples");
    assert_eq!(payloads(&path), ["7 apples"]);
}
