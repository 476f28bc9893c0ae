//! Limits of time: they end the command with everything that it has started.

use std::fs;

use super::{Ended, Running, retry};

/// Whether a process runs. One that has ended and was not waited for does not.
fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn an_attempt_that_takes_too_long_is_ended_and_retried() {
    let ended = Ended::of(&mut retry("--attempt-timeout 100ms --max-attempts 2", "echo attempt; sleep 30"));
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(124), "attempt\nattempt\n"));
    assert!(
        ended.lines()[0].starts_with("retry_command: attempt 1 of 2: timed out; retry in "),
        "{}",
        ended.err
    );
    assert!(
        ended.lines()[1]
            .starts_with("retry_command: attempt 2 of 2: timed out after 100 ms; no attempts left")
    );

    for option in ["--fail-on 124", "--retry-on 1"] {
        let options = format!("--attempt-timeout 100ms {option}");
        let ended = Ended::of(&mut retry(&options, "echo attempt; sleep 30"));
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(124), "attempt\n"), "{option}");
    }
}

#[test]
fn a_time_limit_ends_the_whole_process_group() {
    if fs::metadata("/proc/self/stat").is_err() {
        println!("skipped: needs /proc to look for processes");
        return;
    }
    // The background process has no pipe of the test, so that it alone decides.
    let script = "sleep 30 > /dev/null 2>&1 & echo $!; wait";
    let ended = Ended::of(&mut retry("--attempt-timeout 300ms --max-attempts 2", script));
    assert_eq!(ended.status.code(), Some(124));
    assert_eq!(ended.out.lines().count(), 2);
    for process in ended.out.lines() {
        assert!(!is_alive(process), "{process}");
    }
}

#[test]
fn a_command_gets_sigterm_first_and_sigkill_if_it_stays() {
    let script = "trap 'echo cleaned; exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    let ended = Ended::of(&mut retry("--attempt-timeout 300ms --max-attempts 1", script));
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(124), "ready\ncleaned\n"));

    let script = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
    let ended = Ended::of(&mut retry("--attempt-timeout 300ms --max-attempts 1 --kill-after 10ms", script));
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(124), "ready\n"));
}

#[test]
fn two_attempts_never_run_at_once() {
    // The first attempt ends late, and the second one begins only then.
    let script = "trap 'echo ends; exit 1' TERM; echo begins; while :; do sleep 0.01; done";
    let ended = Ended::of(&mut retry("--attempt-timeout 300ms --max-attempts 2 --jitter none", script));
    assert_eq!(ended.out, "begins\nends\nbegins\nends\n");
}

#[test]
fn the_total_timeout_ends_the_run() {
    let ended = Ended::of(&mut retry("--total-timeout 300ms", "echo attempt; sleep 30"));
    assert_eq!((ended.status.code(), ended.out.as_str()), (Some(124), "attempt\n"));
    assert!(ended.err.contains("the total timeout leaves no time for another attempt"), "{}", ended.err);

    // Without time for another attempt, the run ends at once, with the status of the last one.
    let options = "--total-timeout 1h --min-delay 2h --max-delay 3h";
    let ended = Ended::of(&mut retry(options, "exit 9"));
    assert_eq!(ended.status.code(), Some(9), "{}", ended.err);
    let ended = Ended::of(&mut retry("--start-within 1h --min-delay 2h --max-delay 3h", "exit 9"));
    assert_eq!(ended.status.code(), Some(9), "{}", ended.err);
    assert!(ended.err.contains("the next attempt would start too late"), "{}", ended.err);
}

#[test]
fn a_signal_while_a_command_is_being_ended_stops_the_run() {
    let script = "trap 'echo ending' TERM; echo ready; while :; do sleep 0.01; done";
    let options = "--attempt-timeout 300ms --kill-after 1s --max-attempts 5";
    let mut running = Running::start(&mut retry(options, script));
    running.prints("ending");
    running.signal("-INT");
    let (status, rest) = running.ends();
    assert_eq!((status, rest.as_str()), (-2, ""));
}
