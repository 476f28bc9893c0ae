//! What a user sees.

use std::io::Write;
use std::process::{Command, Stdio};
use std::{fs, iter};

use super::{Ended, Running, program, retry};

fn run(arguments: &str) -> Ended {
    Ended::of(program().args(arguments.split_whitespace()))
}

#[test]
fn help_names_every_option() {
    let ended = run("--help");
    assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.lines().all(|line| line.len() <= 120));
    let options = "max-attempts attempt-timeout total-timeout start-within kill-after base-delay max-delay min-delay \
                   backoff increment degree multiplier jitter deviation preset policy retry-on fail-on no-stdin \
                   foreground quiet verbose dry-run plot help version reset-after";
    for option in options.split_whitespace() {
        assert!(ended.out.contains(&format!("--{option}")), "--{option}");
    }
    assert_eq!(run("-h").out, ended.out);
    assert_eq!(run("--version").out, run("-V").out);
}

#[test]
fn the_lines_of_a_run() {
    let ended = Ended::of(&mut retry("--jitter none --max-attempts 3 --total-timeout 1h", "exit 3"));
    let lines = ended.lines();
    assert_eq!(lines[0], "retry_command: attempt 1 of 3: exit status 3; retry in 1 ms");
    assert_eq!(lines[1], "retry_command: attempt 2 of 3: exit status 3; retry in 2 ms");
    assert!(lines[2].starts_with("retry_command: attempt 3 of 3: exit status 3; no attempts left, after "));
    assert_eq!(lines.len(), 3);

    let ended = Ended::of(&mut retry("-v --jitter none", "exit $((RETRY_ATTEMPT < 2))"));
    let lines = ended.lines();
    assert!(
        lines[0].starts_with(
            "retry_command: policy: 3 attempts, exponential from 1 ms x2, at most 30 s, no jitter"
        )
    );
    assert_eq!(
        lines[1..],
        [
            "retry_command: attempt 1 starts",
            "retry_command: attempt 1 of 3: exit status 1 (Unknown); retry in 1 ms",
            "retry_command: attempt 2 starts",
            "retry_command: attempt 2 succeeded",
        ]
    );
    assert_eq!(Ended::of(&mut retry("", "exit 0")).err, "");

    let ended = Ended::of(&mut retry("-v --max-attempts 1 --total-timeout 100ms", "sleep 30"));
    assert!(ended.err.contains("attempt 1 of 1: timed out after 100 ms (Timeout); "), "{}", ended.err);
}

#[test]
fn a_run_goes_on_if_its_messages_cannot_be_written() {
    let closed = || {
        let (_, writer) = std::io::pipe().expect("a pipe"); // its reader is closed here
        Stdio::from(writer)
    };
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").map_or_else(|_| closed(), Stdio::from);
    for make in [&closed as &dyn Fn() -> Stdio, &full] {
        let ended = Ended::of(retry("-v", "echo attempt; exit 3").stderr(make()));
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(3), "attempt\nattempt\nattempt\n"));
        let ended = Ended::of(retry("--max-attempts 0", "echo attempt").stderr(make()));
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(125), ""));
    }
}

#[test]
fn a_dry_run_prints_the_delays_and_runs_nothing() {
    let options = "--max-attempts 5 --base-delay 100ms --total-timeout 2s --jitter additive --deviation 0.1";
    let ended = run(&format!("{options} --dry-run -- touch /nosuch/folder"));
    assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
    let columns = |line: &str| {
        line.split("  ")
            .map(|cell| cell.trim().to_owned())
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
    };
    let rows: Vec<_> = ended.out.lines().filter(|line| line.starts_with("  ")).map(columns).collect();
    let least: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    let most: Vec<&str> = rows.iter().map(|row| row[2].as_str()).collect();
    assert_eq!(least, ["100 ms", "200 ms", "400 ms", "800 ms", "1.5 s"]);
    assert_eq!(most, ["110 ms", "220 ms", "440 ms", "880 ms", "1.6 s"]);
    assert!(ended.out.ends_with("then: give up: no attempts left\n"), "{}", ended.out);

    // The total timeout ends the run before the last delay.
    let ended = run("--max-attempts 9 --base-delay 1s --total-timeout 2s --jitter none --dry-run");
    assert!(
        ended.out.contains("then: give up: the total timeout leaves no time for another attempt\n"),
        "{}",
        ended.out
    );
    assert!(ended.out.ends_with("\n--total-timeout ends the run after the first delay.\n"), "{}", ended.out);
    assert_eq!(ended.out.lines().filter(|line| line.starts_with("  ")).count(), 2); // a delay, and the sum
    assert!(run("--max-attempts none --start-within none --dry-run").out.contains("goes on"));
}

#[test]
fn a_limit_of_time_leaves_the_longest_delays_in_the_table() {
    let rows = [
        // A run with the longest delays has one, and others have up to eight.
        (
            "--base-delay 400ms --max-attempts 9 --total-timeout 1s",
            "400 ms, 800 ms, 1.0 s, 1.0 s, 1.0 s, 1.0 s, 1.0 s, 1.0 s, sum 1.0 s",
            "If the delays are long, --total-timeout ends the run after the first one.\n",
        ),
        (
            "--base-delay 1h --max-delay 2h --start-within 5m",
            "5 min 0 s, 5 min 0 s, sum 5 min 0 s",
            "If the first delay is long, --start-within ends the run after the first attempt.\n",
        ),
        (
            "--base-delay 1h --max-delay 2h --start-within 5m --jitter none",
            "sum 0 ms",
            "--start-within ends the run after the first attempt.\n",
        ),
        // The default of --start-within ends no run that has a total timeout, unless it is given as well.
        (
            "--base-delay 10m --max-delay 10m --backoff fixed --jitter none --total-timeout 25m",
            "10 min 0 s, 10 min 0 s, sum 20 min 0 s",
            "no attempts left\n",
        ),
        (
            "--base-delay 10m --max-delay 10m --backoff fixed --jitter none --total-timeout 25m --start-within 5m",
            "sum 0 ms",
            "--start-within ends the run after the first attempt.\n",
        ),
        (
            "--base-delay 10m --max-delay 10m --backoff fixed --jitter none --total-timeout none",
            "sum 0 ms",
            "--start-within ends the run after the first attempt.\n",
        ),
        ("--start-within 5m", "100 ms, 200 ms, sum 300 ms", "no attempts left\n"),
    ];
    for (options, longest, end) in rows {
        let ended = run(&format!("{options} --dry-run"));
        let column = |line: &str| {
            let sum = if line.trim().starts_with("sum") { "sum " } else { "" };
            let mut cells = line.split("  ").filter(|cell| !cell.trim().is_empty());
            format!("{sum}{}", cells.nth(2).unwrap_or_default().trim())
        };
        let column: Vec<_> = ended.out.lines().filter(|line| line.starts_with("  ")).map(column).collect();
        assert_eq!(column.join(", "), longest, "{options}: {}", ended.out);
        assert!(ended.out.ends_with(end), "{options}: {}", ended.out);
    }
}

#[test]
fn a_plot_shows_the_delays_that_a_limit_of_time_leaves() {
    let path = std::env::temp_dir().join(format!("retry_command-{}-limit.svg", std::process::id()));
    let plot = |options: &str| {
        let ended = run(&format!("{options} --plot {}", path.display()));
        assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
        fs::read_to_string(&path).expect("the plot")
    };
    let bands = |svg: &str| svg.matches("<rect ").count() - 1; // the background is one, too
    let svg = plot("--base-delay 400ms --max-attempts 9 --total-timeout 1s");
    assert_eq!(bands(&svg), 8);
    assert!(
        svg.contains("If the delays are long, --total-timeout ends the run after the first one."),
        "{svg}"
    );
    // The numbers at the axis are short, and reach to the limit: 5 minutes.
    let svg = plot("--base-delay 1h --max-delay 2h --start-within 5m");
    assert_eq!(bands(&svg), 2);
    assert!(svg.contains("delay (min)") && svg.contains("\n5\n") && !svg.contains("\n6\n"), "{svg}");
    fs::remove_file(path).expect("removed");
}

#[test]
fn a_plot_is_written_and_nothing_runs() {
    let path = std::env::temp_dir().join(format!("retry_command-{}.svg", std::process::id()));
    let ended = run(&format!("--plot {} --max-attempts 6 nosuch", path.display()));
    assert_eq!((ended.status.code(), ended.err.as_str()), (Some(0), ""));
    let svg = fs::read_to_string(&path).expect("the plot");
    assert!(svg.starts_with("<svg") && svg.contains("failed attempts"));
    assert_eq!(svg.matches("<circle").count(), 14 * 5); // a dot for each delay of 14 runs
    fs::remove_file(path).expect("removed");

    let ended = run("--plot /nosuch/folder.svg");
    assert_eq!(
        ended.err,
        "retry_command: cannot write /nosuch/folder.svg: No such file or directory (os error 2)\n"
    );
    assert_eq!(ended.status.code(), Some(125));
}

/// The program on a terminal of its own, which `script` of util-linux makes.
fn on_a_terminal(arguments: &str) -> Option<Command> {
    let known = Command::new("script").arg("--version").output();
    if !known.is_ok_and(|known| String::from_utf8_lossy(&known.stdout).contains("util-linux")) {
        println!("skipped: needs `script` of util-linux for a terminal");
        return None;
    }
    let mut script = Command::new("script");
    let program = program();
    let words = iter::once(program.get_program()).chain(program.get_args());
    let program = words.map(|word| word.display().to_string()).collect::<Vec<_>>().join(" ");
    // Some shells stay in between without `exec`, get the signals of the terminal too, and end with a status of
    // their own.
    let command = format!("exec {program} {arguments}");
    script
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .envs([("SHELL", "/bin/sh"), ("TERM", "xterm")]);
    Some(script)
}

#[test]
fn a_terminal_shows_a_progress_line_during_a_delay_and_a_pipe_none() {
    let options = "--base-delay 300ms --jitter none --max-attempts 2 -- sh -c 'exit 3'";
    let Some(mut script) = on_a_terminal(options) else { return };
    let ended = Ended::of(script.stdin(Stdio::null()));
    assert!(ended.out.contains("attempt 2 of 2 in 2"), "{:?}", ended.out); // such as 299 ms
    assert!(ended.out.contains("\x1b[2K"), "the line is removed: {:?}", ended.out);
    assert_eq!(ended.status.code(), Some(3));

    let ended = Ended::of(&mut retry("--base-delay 300ms --jitter none --max-attempts 2", "exit 3"));
    assert!(!ended.err.contains(" in 2") && !ended.err.contains('\x1b'), "{:?}", ended.err);
}

#[test]
fn a_command_can_ask_the_terminal() {
    let rows = [
        // The default without time limits, and the option with one.
        ("", "yes"),
        ("--foreground --total-timeout 1h", "yes"),
    ];
    for (options, answer) in rows {
        let command = "sh -c 'echo question; read answer < /dev/tty; echo got $answer; exit 5'";
        let Some(mut script) = on_a_terminal(&format!("{options} --max-attempts 1 -- {command}")) else {
            return;
        };
        let mut running = Running::start(script.stdin(Stdio::piped()));
        running.prints("question");
        running
            .process
            .stdin
            .as_mut()
            .expect("piped")
            .write_all(format!("{answer}\n").as_bytes())
            .expect("written");
        running.prints("got yes");
        assert_eq!(running.ends().0, 5, "{options}");
    }
}

#[test]
fn ctrl_c_on_a_terminal_reaches_the_command_once() {
    // After the signal, the command goes on for a while, so that a second one would be seen.
    let command = "sh -c 'trap \"echo trapped; left=20\" INT; left=100000; echo ready
        while test $left -gt 0; do left=$((left - 1)); sleep 0.01; done; exit 6'";
    let Some(mut script) = on_a_terminal(&format!("-- {command}")) else { return };
    let mut running = Running::start(script.stdin(Stdio::piped()));
    running.prints("ready");
    running.process.stdin.as_mut().expect("piped").write_all(b"\x03").expect("written");
    let (status, rest) = running.ends();
    assert_eq!((status, rest.matches("trapped").count()), (6, 1), "{rest}");
}
