//! Exit statuses: which are retried, and what the program's own is.

use std::process::Command;

use super::{Ended, program, retry};

/// Runs a command with at most three attempts, and returns its status and how many attempts were made.
fn run(program: &mut Command) -> (Option<i32>, usize, String) {
    let ended = Ended::of(program);
    (ended.status.code(), ended.out.matches("attempt\n").count(), ended.err)
}

#[test]
fn exit_statuses_are_retried_by_their_classes_or_by_the_lists() {
    // 64 is wrong usage, 75 EX_TEMPFAIL, 77 no permission, 124 a timeout, and 137 what a shell says of SIGKILL.
    let rows: &[(&str, &[i32], &[i32])] = &[
        // options, statuses that are retried, statuses that are not
        ("", &[1, 75, 124, 137], &[0, 64, 77, 126]),
        ("--retry-on 64", &[64], &[1]),
        ("--retry-on 1,75-77", &[76], &[78]),
        ("--fail-on 1-9,SIGKILL", &[10], &[9, 137]),
        ("--retry-on 1-255 --fail-on 3", &[4], &[3]),
    ];
    for (options, retried, others) in rows {
        let all = retried.iter().map(|status| (status, 3)).chain(others.iter().map(|status| (status, 1)));
        for (status, attempts) in all {
            let (ended, made, said) = run(&mut retry(options, &format!("echo attempt; exit {status}")));
            assert_eq!((ended, made), (Some(*status), attempts), "{options} {status}: {said}");
        }
    }
}

#[test]
fn signals_and_limits_decide_about_retries() {
    let rows = [
        // options, script, exit status, attempts
        ("", "exit $((RETRY_ATTEMPT < 3))", 0, 3),
        ("--max-attempts 1", "exit 5", 5, 1),
        ("--max-attempts=2", "exit 5", 5, 2),
        ("", "nosuch", 127, 1), // not found, by the shell
        ("--retry-on 127", "nosuch", 127, 3),
    ];
    let signals = [
        // options, signal, its number, attempts
        ("", "KILL", 9, 3),
        ("", "TERM", 15, 3),
        ("", "SEGV", 11, 3),
        ("", "INT", 2, 1),
        ("", "PIPE", 13, 1),
    ];
    let lists = [("--retry-on segv", "SEGV", 11, 3), ("--fail-on 1-9,SIGKILL", "KILL", 9, 1)];
    let killed = signals.into_iter().chain(lists).map(|(options, signal, number, attempts)| {
        (options, format!("kill -{signal} $$"), 128 + number, attempts)
    });
    let rows = rows
        .into_iter()
        .map(|(options, script, status, attempts)| (options, script.into(), status, attempts));
    for (options, script, status, attempts) in rows.chain(killed) {
        let (ended, made, said) = run(&mut retry(options, &format!("echo attempt; {script}")));
        assert_eq!((ended, made), (Some(status), attempts), "{options} {script}: {said}");
    }
}

#[test]
fn a_command_that_cannot_be_started_has_the_status_of_a_shell() {
    let rows = [
        ("nosuch", 127, "attempt 1 of 3: nosuch: command not found; not retried"),
        (
            "/etc/passwd",
            126,
            "attempt 1 of 3: /etc/passwd: cannot be started: Permission denied (os error 13); not retried",
        ),
    ];
    for (command, status, line) in rows {
        let mut program = program();
        let ended = Ended::of(program.arg(command));
        assert_eq!(ended.status.code(), Some(status));
        assert!(ended.err.starts_with(&format!("retry_command: {line}")), "{}", ended.err);
    }
}

#[test]
fn exit_statuses_of_curl_have_its_own_meaning() {
    // 64 is a missing TLS level to curl, and 28 a timeout. The folder has a program of that name.
    let folder = std::env::temp_dir().join(format!("retry_command-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let curl = folder.join("curl");
    std::os::unix::fs::symlink("/bin/sh", &curl).expect("a link");
    for (status, attempts) in [(6, 3), (28, 3), (22, 3), (3, 1), (60, 1), (77, 1), (137, 3)] {
        let mut program = program();
        program
            .args(["--base-delay", "1ms", "--"])
            .arg(&curl)
            .args(["-c", &format!("echo attempt; exit {status}")]);
        let (ended, made, said) = run(&mut program);
        assert_eq!((ended, made), (Some(status), attempts), "{said}");
    }
    std::fs::remove_dir_all(folder).expect("removed");
}
