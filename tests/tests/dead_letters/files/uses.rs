//! Further uses of a file of letters: rotation, several threads, timestamps, and less frequent syncs.

use std::fs;

use retry_core::{
    CircuitConfig, Class, Error, GiveUp, Instant, Policy, Retry, SharedCircuit,
    circuit::CountWindow,
    dead_letter::{DeadLetterQueue, JsonLinesSink, OnDisk, Reason, ReasonSet, WhenFull},
    runtime::LocalLock,
    testing::FakeClock,
};

use super::{directory, give_up, payloads, read};

#[test]
fn a_rotation_does_not_overwrite_another_file() {
    let directory = directory("turned_over");
    let (path, taken) = (directory.join("letters.jsonl"), directory.join("taken.jsonl"));
    let letters = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "7 apples");
    letters.rotate(&taken).unwrap();
    give_up(&letters, "3 pears");
    assert_eq!(
        (payloads(&taken), payloads(&path)),
        (vec!["7 apples".to_owned()], vec!["3 pears".to_owned()])
    );
    let error = letters.rotate(&taken).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    give_up(&letters, "1 plum");
    assert_eq!(payloads(&path), ["3 pears", "1 plum"]);
    assert_eq!(error.to_string(), format!("{}: exists", taken.display()));
    // If the directory does not exist, the sink goes on with the old file.
    let nowhere = directory.join("none").join("taken.jsonl");
    let error = letters.rotate(&nowhere).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: ", nowhere.display())), "{error}");
    give_up(&letters, "2 figs");
    assert_eq!((payloads(&path).len(), letters.failed()), (3, 0));
}

#[test]
fn a_letter_from_a_queue_can_be_stored_later() {
    let path = directory("stored").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    let waiting = DeadLetterQueue::new(8, WhenFull::Refuse);
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.write").keyed("eu");
    let call = retry.dead_letters(&waiting).payload(|| "7 apples".to_owned());
    assert!(call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_exhausted());
    let letter = waiting.pop().unwrap();
    letters.store(letter.clone()).unwrap();

    let stored = read::<String>(&path).remove(0);
    assert_eq!(stored.letter, letter);
    assert_eq!((stored.operation.as_str(), stored.error, stored.metadata), ("stock.write", None, vec![]));
}

#[cfg(unix)]
const DIRECTORY: &str = "RETRY_TEST_UNREADABLE";

/// The child process. It is an unprivileged user, and may write to a directory that it cannot read. It runs only
/// with its variable.
#[cfg(unix)]
#[test]
fn child() {
    let Ok(directory) = std::env::var(DIRECTORY).map(std::path::PathBuf::from) else { return };
    let (path, unreadable) = (directory.join("letters.jsonl"), directory.join("unreadable"));
    assert!(fs::read_dir(&unreadable).is_err());
    let letters = JsonLinesSink::open(&path).unwrap();
    give_up(&letters, "7 apples");
    let taken = unreadable.join("taken.jsonl");
    // The file is renamed, but the directory cannot be synced.
    let error = letters.rotate(&taken).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: ", taken.display())), "{error}");
    give_up(&letters, "3 pears");
    assert_eq!((payloads(&path), taken.exists()), (vec!["7 apples".to_owned(), "3 pears".to_owned()], false));
    println!("done");
}

#[cfg(unix)]
#[test]
fn if_the_new_name_cannot_be_synced_the_file_keeps_its_old_name() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const UNPRIVILEGED: u32 = 65_534;

    // In a directory of its own, with a copy of this program, because only root may be able to read the usual places.
    let directory = std::env::temp_dir().join(format!("retry-core-unreadable-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory); // of a test with the same process id that failed
    fs::create_dir(&directory).unwrap();
    let unreadable = directory.join("unreadable");
    fs::create_dir(&unreadable).unwrap();
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o300)).unwrap();
    let program = directory.join("program");
    // By another program: a process that another test starts meanwhile would hold this copy open, and a file that is
    // open for writing cannot be run.
    let copied =
        std::process::Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&program).status();
    assert!(copied.unwrap().success());
    let mut child = std::process::Command::new(program);
    child.args(["--exact", "files::uses::child", "--nocapture"]).env(DIRECTORY, &directory);
    if fs::metadata(&directory).unwrap().uid() == 0 {
        // Root could read everything, so the child runs as another user.
        [&directory, &unreadable]
            .into_iter()
            .for_each(|path| chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap());
        child.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    let output = child.output().unwrap();
    fs::set_permissions(&unreadable, fs::Permissions::from_mode(0o700)).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("done"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn threads_share_a_file_and_no_line_is_mixed_with_another() {
    let path = directory("shared").join("letters.jsonl");
    for on_disk in [OnDisk::WhenTold, OnDisk::Every(50)] {
        fs::write(&path, "").unwrap();
        let letters = JsonLinesSink::open(&path).unwrap().on_disk(on_disk);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let letters = &letters;
                scope.spawn(move || {
                    (0..250).for_each(|n| give_up(letters, &format!("{thread} {n} {}", "x".repeat(n * 10))));
                });
            }
        });
        letters.sync().unwrap();
        assert_eq!(letters.kept(), 1_000);
        let mut next = [0; 4];
        for payload in payloads(&path) {
            let mut words = payload.split(' ');
            let thread: usize = words.next().unwrap().parse().unwrap();
            assert_eq!(words.next(), Some(&*next[thread].to_string()));
            assert_eq!(words.next().unwrap().len(), next[thread] * 10);
            next[thread] += 1;
        }
        assert_eq!(next, [250; 4]);
    }
}

#[test]
fn a_letter_is_read_back_unchanged() {
    let path = directory("as_it_was").join("letters.jsonl");
    let letters = JsonLinesSink::open(&path).unwrap();
    let clock = FakeClock::new();
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    let retry =
        Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).named("stock.write").keyed("eu-west-1");
    let give_up = |class| {
        let call =
            retry.dead_letters(&letters).only(ReasonSet::ALL).payload(|| [1.5, 0.1 + 0.2, f64::MIN_POSITIVE]);
        call.run_blocking(|| Err::<(), Class>(class)).unwrap_err()
    };
    circuit.disable(Instant::ORIGIN);
    let mut errors: Vec<Error<Class>> = Class::ALL.into_iter().map(give_up).collect();
    let _ = circuit.force_open(Instant::ORIGIN);
    errors.push(give_up(Class::Network));
    clock.interrupt_at(Instant::ORIGIN);
    errors.push(give_up(Class::Network));
    let stored = read::<[f64; 3]>(&path);
    assert_eq!(stored.len(), errors.len());
    for (stored, error) in stored.iter().zip(&errors) {
        let context = error.context();
        let letter = stored.letter;
        assert_eq!((stored.operation.as_str(), letter.operation.as_str()), ("stock.write", "stock.write"));
        assert_eq!(
            (letter.key, letter.class, letter.attempts),
            (context.key, context.class, context.attempt)
        );
        assert_eq!((letter.elapsed, letter.requeued), (context.elapsed, 0));
        assert_eq!(letter.payload.map(f64::to_bits), [1.5, 0.1 + 0.2, f64::MIN_POSITIVE].map(f64::to_bits));
        assert!(letter.at().is_some() && stored.metadata.is_empty());
        let cause = match error.cause() {
            Some(retry_core::Cause::Failed(class)) => class.to_string(),
            _ => error.to_string(),
        };
        assert_eq!(stored.error.as_deref(), Some(cause.as_str()));
    }
    let reasons: Vec<_> = stored.iter().map(|stored| stored.letter.reason).collect();
    assert_eq!(reasons[0], Reason::GaveUp(GiveUp::Attempts));
    assert_eq!(reasons[6], Reason::GaveUp(GiveUp::Class));
    assert_eq!(reasons[13..], [Reason::Rejected, Reason::Cancelled]);

    // The same after it was put back, except for the count of that.
    let again = path.with_file_name("again.jsonl");
    letters.rotate(&again).unwrap();
    read::<[f64; 3]>(&again).into_iter().for_each(|stored| letters.requeue(stored).unwrap());
    let back = read::<[f64; 3]>(&path);
    for (mut before, after) in stored.into_iter().zip(back) {
        before.letter.requeued = 1;
        assert_eq!(before, after);
    }
}
