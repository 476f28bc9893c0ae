//! Signals: Ctrl-C is SIGINT. Numbers below zero are the signals by which the program ended.

use super::{Running, retry};

/// So that the only end of the delay is the signal.
const HOUR: &str = "--base-delay 1h --max-delay 1h --jitter none --start-within none";

fn in_a_delay() -> Running {
    let mut running = Running::start(&mut retry(HOUR, "echo attempt; exit 3"));
    running.says("attempt 1 of 3: exit status 3; retry in 60 min 0 s");
    running
}

#[test]
fn a_signal_ends_a_delay_at_once_and_the_program_dies_of_it() {
    for (name, number) in [("-INT", 2), ("-TERM", 15), ("-HUP", 1), ("-QUIT", 3)] {
        let mut running = in_a_delay();
        running.signal(name);
        let line = running.says("");
        assert!(line.contains("attempt 1 of 3: exit status 3; stopped by SIG"), "{line}");
        assert_eq!(running.ends(), (-number, "attempt\n".into()));
    }
}

#[test]
fn a_signal_is_passed_on_to_the_command_and_no_attempt_follows() {
    let rows = [
        ("trap 'echo cleaned; exit 7' INT", 7, "cleaned\n"),
        ("trap 'echo cleaned; exit 0' INT", 0, "cleaned\n"),
        ("trap 'echo cleaned; trap - INT; kill -INT $$' INT", -2, "cleaned\n"),
        (":", -2, ""), // the command dies of it
    ];
    for (trap, status, rest) in rows {
        let mut running =
            Running::start(&mut retry("", &format!("{trap}; echo ready; while :; do sleep 0.01; done")));
        running.prints("ready");
        running.signal("-INT");
        assert_eq!(running.ends(), (status, rest.into()), "{trap}");
    }
}

#[test]
fn a_second_signal_is_passed_on_too() {
    let script =
        "trap 'trap \"echo second; exit 4\" INT; echo first' INT; echo ready; while :; do sleep 0.01; done";
    let mut running = Running::start(&mut retry("", script));
    running.prints("ready");
    running.signal("-INT");
    running.prints("first");
    running.signal("-INT");
    assert_eq!(running.ends(), (4, "second\n".into()));
}

/// The state of a process as Linux shows it: `T` if it is stopped, `Z` if it has ended.
fn state(process: &str) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn ctrl_z_stops_the_command_too_and_sigcont_continues_both() {
    if !std::path::Path::new("/proc/self/stat").exists() {
        println!("skipped: only Linux shows which processes are stopped");
        return;
    }
    // The command ends by itself, so that it is seen if it was not stopped.
    let mut running = Running::start(&mut retry("--attempt-timeout 1h", "echo $$ is ready; exec sleep 20"));
    let command = running.prints(" is ready");
    let program = running.process.id().to_string();
    running.signal("-TSTP");
    for process in [&program, &command] {
        while state(process) != Some('T') {
            assert!(!matches!(state(&command), None | Some('Z')), "the command ran on");
            std::thread::yield_now();
        }
    }
    running.signal("-CONT");
    while state(&command) == Some('T') {
        std::thread::yield_now();
    }
    running.signal("-TERM");
    assert_eq!(running.ends(), (-15, String::new()));
}

#[test]
fn ctrl_z_in_a_delay_stops_the_program_and_the_delay_goes_on() {
    if !std::path::Path::new("/proc/self/stat").exists() {
        println!("skipped: only Linux shows which processes are stopped");
        return;
    }
    let running = in_a_delay();
    running.signal("-TSTP");
    while state(&running.process.id().to_string()) != Some('T') {
        std::thread::yield_now();
    }
    running.signal("-CONT");
    running.signal("-TERM");
    assert_eq!(running.ends(), (-15, "attempt\n".into()));
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    if !std::path::Path::new("/proc/self/status").exists() {
        println!("skipped: only Linux shows which signals are ignored");
        return;
    }
    let program = env!("CARGO_BIN_EXE_retry_command");
    let script = format!("trap '' HUP; exec {program} {HOUR} -- sh -c 'exit 3'"); // as `nohup` does
    let mut running = Running::start(std::process::Command::new("sh").args(["-c", &script]));
    running.says("retry in 60 min 0 s");
    running.signal("-HUP");
    running.signal("-TERM");
    assert_eq!(running.ends().0, -15);
}
