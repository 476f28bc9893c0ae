//! Limits of time: they end the command with everything that it has started.
//!
//! On a slow machine, a limit may cut an attempt before its script has done anything. So the scripts tell in a file how far
//! they came, and the attempts go on until one came far enough.

use std::fs;
use std::path::PathBuf;

use super::{Ended, Running, retry};

/// Attempts without end, each of which is cut.
const CUT: &str = "--attempt-timeout 100ms --max-attempts none --max-delay 10ms";

/// A file for the notes of a script, and the script with its path for `$notes`.
struct Notes(PathBuf);

impl Notes {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("retry_command-{}-{name}", std::process::id()));
        let _ = fs::remove_file(&path);
        Self(path)
    }

    fn run(&self, options: &str, script: &str) -> Ended {
        Ended::of(retry(&format!("{CUT} {options}"), script).env("notes", &self.0))
    }

    /// Returns what the scripts wrote, and removes the file.
    fn take(self) -> String {
        let text = fs::read_to_string(&self.0).expect("there are notes");
        fs::remove_file(self.0).expect("removed");
        text
    }
}

/// Whether a process runs. One that has ended and was not waited for does not.
fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[test]
fn an_attempt_that_takes_too_long_is_ended_and_retried() {
    let ended = Ended::of(&mut retry("--attempt-timeout 100ms --max-attempts 2", "sleep 30"));
    assert_eq!(ended.status.code(), Some(124));
    assert!(
        ended.lines()[0].starts_with("retry_command: attempt 1 of 2: timed out after 100 ms; retry in "),
        "{}",
        ended.err
    );
    assert!(
        ended.lines()[1]
            .starts_with("retry_command: attempt 2 of 2: timed out after 100 ms; no attempts left")
    );

    for option in ["--fail-on 124", "--retry-on 1"] {
        let ended = Ended::of(&mut retry(&format!("--attempt-timeout 100ms {option}"), "sleep 30"));
        assert_eq!(ended.status.code(), Some(124), "{option}");
        assert!(
            ended.err.starts_with("retry_command: attempt 1 of 3: timed out after 100 ms; not retried"),
            "{option}"
        );
    }
}

#[test]
fn a_time_limit_ends_the_whole_process_group() {
    if fs::metadata("/proc/self/stat").is_err() {
        println!("skipped: needs /proc to look for processes");
        return;
    }
    let notes = Notes::new("group");
    // The background process has no pipe of the test, so that the test does not wait for it.
    let script = "test -s $notes && exit 0; sleep 30 > /dev/null 2>&1 & echo $! > $notes; wait";
    let ended = notes.run("", script);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    let background = notes.take();
    assert!(!is_alive(background.trim()), "{background}");
}

#[test]
fn a_command_gets_sigterm_first() {
    let notes = Notes::new("term");
    let script =
        "test -s $notes && exit 0; trap 'echo cleaned > $notes; exit 1' TERM; while :; do sleep 0.01; done";
    let ended = notes.run("", script);
    assert_eq!((ended.status.code(), notes.take().as_str()), (Some(0), "cleaned\n"), "{}", ended.err);
}

#[test]
fn a_command_that_stays_gets_sigkill() {
    let notes = Notes::new("kill");
    let script = "test -s $notes && exit 0; trap '' TERM; echo $$ > $notes; while :; do sleep 0.01; done";
    let ended = notes.run("--kill-after 10ms", script);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    assert!(!is_alive(notes.take().trim()));
}

#[cfg(target_os = "linux")]
#[test]
fn processes_that_have_ended_are_not_waited_for() {
    // This process is the parent of all orphans from now on, and waits for none, as some first processes of containers.
    nix::sys::prctl::set_child_subreaper(true).expect("this process may be one");
    let notes = Notes::new("zombie");
    let script = "test -s $notes && exit 0; sleep 30 > /dev/null 2>&1 & echo $! > $notes; wait";
    let ended = notes.run("--kill-after 20s --start-within 10s", script);
    let orphan = notes.take();
    assert!(
        fs::read_to_string(format!("/proc/{}/stat", orphan.trim())).is_ok_and(|stat| stat.contains(") Z "))
    );
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
}

#[test]
fn two_attempts_never_run_at_once() {
    let notes = Notes::new("once");
    let script = "test \"$(grep -c ends $notes 2> /dev/null)\" -ge 2 2> /dev/null && exit 0
        trap 'sleep 0.05; test -z \"$began\" || echo ends >> $notes; exit 1' TERM
        began=1; echo begins >> $notes; while :; do sleep 0.01; done";
    let ended = notes.run("--jitter none", script);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.err);
    let notes = notes.take();
    assert!(!notes.contains("begins\nbegins\n"), "{notes}");
}

#[test]
fn a_command_that_needs_several_limits_to_end_uses_up_no_attempt() {
    let notes = Notes::new("slow-end");
    let script = "test -s $notes && exit 0
        trap 'sleep 0.4; echo ended | tee $notes >&2; exit 1' TERM; while :; do sleep 0.01; done";
    let ended = notes.run("-v", script);
    assert_eq!((ended.status.code(), notes.take().as_str()), (Some(0), "ended\n"), "{}", ended.err);
    // The attempt is over after that, and the next one begins.
    // The shell may add a line of its own about its `sleep`.
    let is_ours = |line: &&str| line.starts_with("retry_command: ") || *line == "ended";
    let lines: Vec<_> = ended.err.lines().filter(is_ours).collect();
    let at = lines.iter().position(|line| *line == "ended").expect("the command said so");
    assert!(
        lines[at - 1].starts_with("retry_command: attempt ") && lines[at - 1].ends_with(" starts"),
        "{lines:?}"
    );
    assert!(lines[at + 1].contains(": timed out after 100 ms (Timeout); retry in "), "{lines:?}");
}

#[test]
fn the_time_that_a_cut_command_takes_to_end_does_not_begin_the_run_anew() {
    let notes = Notes::new("anew");
    // If each attempt began anew, the run would go on until the success.
    let script = "echo attempt >> $notes; test $(grep -c . $notes) -gt 4 && exit 0
        trap 'sleep 0.3; exit 1' TERM; while :; do sleep 0.01; done";
    let ended = notes.run("--max-attempts 2 --reset-after 200ms", script);
    assert_eq!(ended.status.code(), Some(124), "{}", ended.err);
    let _ = fs::remove_file(notes.0);
}

#[test]
fn no_attempt_follows_a_signal_that_the_command_ignores_until_it_is_cut() {
    let script = "trap 'echo ignored' INT; echo ready; while :; do sleep 0.01; done";
    let mut running = Running::start(&mut retry("--attempt-timeout 2s", script));
    running.prints("ready");
    running.signal("-INT");
    assert_eq!(running.ends(), (124, "ignored\n".into()));
}

#[test]
fn the_total_timeout_ends_the_run() {
    let ended = Ended::of(&mut retry("--total-timeout 100ms", "sleep 30"));
    assert_eq!((ended.status.code(), ended.lines().len()), (Some(124), 1));
    assert!(ended.err.contains("the total timeout leaves no time for another attempt"), "{}", ended.err);

    // Without time for another attempt, the run ends at once, with the status of the last one.
    let options = "--total-timeout 1h --min-delay 2h --max-delay 3h";
    let ended = Ended::of(&mut retry(options, "exit 9"));
    assert_eq!(ended.status.code(), Some(9), "{}", ended.err);
    let ended = Ended::of(&mut retry("--start-within 1h --min-delay 2h --max-delay 3h", "exit 9"));
    assert_eq!(ended.status.code(), Some(9), "{}", ended.err);
    assert!(ended.err.contains("the next attempt would start too late, see --start-within"), "{}", ended.err);
}

#[test]
fn a_signal_while_a_command_is_being_ended_stops_the_run() {
    let script = "trap 'echo ending' TERM; echo ready; while :; do sleep 0.01; done";
    let options = format!("{CUT} --kill-after 1s");
    let mut running = Running::start(&mut retry(&options, script));
    running.prints("ending");
    running.signal("-INT");
    let (status, rest) = running.ends();
    assert_eq!((status, rest.as_str()), (-2, ""));
}

#[test]
fn a_second_signal_while_a_command_is_being_ended_kills_it() {
    // It would end by itself after some seconds, and say so. Two signals of the same kind may arrive as one.
    let script = "trap 'echo ending' TERM; left=2000
        while test $left -gt 0; do left=$((left - 1)); sleep 0.01; done; echo survived";
    let mut running = Running::start(&mut retry(&format!("{CUT} --kill-after none"), script));
    running.prints("ending");
    running.signal("-INT");
    running.signal("-TERM");
    let (status, rest) = running.ends();
    assert!(matches!(status, -2 | -15) && rest.is_empty(), "{status}: {rest}");
}
