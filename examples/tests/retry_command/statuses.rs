//! Exit statuses: which are retried, and what the program's own is.

use super::{Ended, retry};

#[test]
fn exit_statuses_are_retried_by_their_classes_and_by_the_lists() {
    let rows = [
        // options, script, exit status, attempts
        ("", "exit 0", 0, 1),
        ("", "exit $((RETRY_ATTEMPT < 3))", 0, 3),
        ("", "exit 1", 1, 3),
        ("", "exit 64", 64, 1),   // usage
        ("", "exit 75", 75, 3),   // EX_TEMPFAIL
        ("", "exit 77", 77, 1),   // no permission
        ("", "exit 124", 124, 3), // timeout
        ("", "exit 126", 126, 1), // not executable
        ("", "nosuch", 127, 1),   // not found, by the shell
        ("", "kill -KILL $$", 137, 3),
        ("", "kill -TERM $$", 143, 3),
        ("", "kill -SEGV $$", 139, 3),
        ("", "kill -INT $$", 130, 1),
        ("", "kill -PIPE $$", 141, 1),
        ("", "exit 137", 137, 3), // as a shell reports it
        ("--retry-on 64", "exit 64", 64, 3),
        ("--retry-on 64", "exit 1", 1, 1),
        ("--retry-on 1,75-77", "exit 76", 76, 3),
        ("--retry-on 1,75-77", "exit 78", 78, 1),
        ("--retry-on segv", "kill -SEGV $$", 139, 3),
        ("--retry-on 127", "nosuch", 127, 3),
        ("--fail-on 1-9,SIGKILL", "exit 9", 9, 1),
        ("--fail-on 1-9,SIGKILL", "exit 10", 10, 3),
        ("--fail-on 1-9,SIGKILL", "kill -KILL $$", 137, 1),
        ("--retry-on 1-255 --fail-on 3", "exit 3", 3, 1),
        ("--retry-on 1-255 --fail-on 3", "exit 4", 4, 3),
        ("--max-attempts 1", "exit 5", 5, 1),
        ("--max-attempts=2", "exit 5", 5, 2),
    ];
    for (options, script, status, attempts) in rows {
        let ended = Ended::of(&mut retry(options, &format!("echo attempt; {script}")));
        let made = ended.out.matches("attempt\n").count();
        assert_eq!(
            (ended.status.code(), made),
            (Some(status), attempts),
            "{options} {script}: {}",
            ended.err
        );
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
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_retry_command"));
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
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_retry_command"));
        program
            .args(["--base-delay", "1ms", "--"])
            .arg(&curl)
            .args(["-c", &format!("echo attempt; exit {status}")]);
        let ended = Ended::of(&mut program);
        assert_eq!(
            (ended.status.code(), ended.out.lines().count()),
            (Some(status), attempts),
            "{}",
            ended.err
        );
    }
    std::fs::remove_dir_all(folder).expect("removed");
}
