//! A wrong option is one line that names it, and exit status 125.

use super::{Ended, program};

#[test]
fn a_wrong_option_is_one_clear_line() {
    let rows = [
        ("--max-attempts 0 true", "--max-attempts 0: must be at least 1"),
        (
            "--max-attempts many true",
            "--max-attempts \"many\": must be a whole number of at least 1, or none",
        ),
        ("--max-attempts", "--max-attempts: needs a value, see --help"),
        ("--base-delay 250 true", "--base-delay 250: has no unit, write \"250ms\" or \"250s\""),
        ("--base-delay soon true", "--base-delay \"soon\": must be a duration such as \"250ms\""),
        ("--max-delay 10ms true", "--max-delay 10 ms: must be at least 100 ms, the base delay"),
        (
            "--base-delay 30s true",
            "--base-delay: delays from 30 s cannot grow, because --max-delay is 30 s; set --max-delay, or --backoff \"fixed\"",
        ),
        (
            "--base-delay 30s --backoff fixed --jitter additive --deviation 0.1 true",
            "--jitter: this jitter cannot lengthen delays of 30 s, because --max-delay is 30 s; set --max-delay",
        ),
        ("--min-delay 1h true", "--min-delay 3600 s: must be at most 30 s, --max-delay"),
        (
            "--jitter max_delay true",
            "--jitter \"max_delay\": must be one of none, full, equal, decorrelated, proportional, additive",
        ),
        ("--increment 1s true", "--increment: needs --backoff \"linear\""),
        (
            "--jitter ful true",
            "--jitter \"ful\": did you mean \"full\"? It must be one of none, full, equal, decorrelated, proportional, additive",
        ),
        ("--jitter additive true", "--jitter additive: needs --deviation, such as 0.1"),
        ("--jitter proportional true", "--jitter proportional: needs --deviation, such as 0.1"),
        ("--backoff polynomial true", "--backoff polynomial: needs --degree, such as 2"),
        ("--backoff linear true", "--backoff linear: needs --increment, such as 1s"),
        ("--max-attempts inf true", "--max-attempts inf: must be a whole number of at least 1, or none"),
        ("--kill-after 5 true", "--kill-after 5: has no unit, write \"5ms\" or \"5s\""),
        ("--retry-on 0 true", "--retry-on 0: 0 is success, which is not retried"),
        ("--retry-on 9-5 true", "--retry-on 9-5: 9-5 is an empty range, did you mean 5-9?"),
        (
            "--fail-on 1,256 true",
            "--fail-on 1,256: `256` must be an exit status from 1 to 255, or a signal such as SIGKILL",
        ),
        ("--retry_on=0 true", "--retry-on 0: 0 is success, which is not retried"),
        ("--quiet=1 true", "--quiet: takes no value, but has 1"),
        ("--dryrun true", "--dryrun: unknown option, did you mean --dry-run?"),
        ("--delay 1s true", "--delay: unknown option, did you mean --base-delay?"),
        ("--max-atempts 3 true", "--max-atempts: unknown option, did you mean --max-attempts?"),
        (
            "--retries 3 true",
            "--retries: unknown option, did you mean --max-attempts, which counts the first attempt, too, so it is one more?",
        ),
        (
            "--timeout 3s true",
            "--timeout: unknown option, did you mean --total-timeout for the whole call, or --attempt-timeout for one attempt?",
        ),
        // What is meant is no option, but a key of a file, or of a file for something else.
        ("--name x true", "--name: unknown option, see --help"),
        ("--failure-rate 1 true", "--failure-rate: unknown option, see --help"),
        ("--retry-after 1s true", "--retry-after: unknown option, see --help"),
        (
            "--retry-if 1 true",
            "--retry-if: unknown option, did you mean --retry-on, whose values are exit statuses such as 75?",
        ),
        ("--plot -", "--plot -: must be the name of an SVG file, such as delays.svg"),
        ("--plot delays.png", "--plot delays.png: must be the name of an SVG file, such as delays.svg"),
        ("--colour true", "--colour: unknown option, see --help"),
        ("--rules x true", "--rules: unknown option, see --help"),
        ("-x true", "-x: unknown option, see --help"),
        ("--policy nosuch.toml true", "nosuch.toml: No such file or directory (os error 2)"),
        ("--max-attempts 3", "there is no command to run, see --help"),
        ("--", "there is no command to run, see --help"),
    ];
    for (arguments, line) in rows {
        let mut program = program();
        let ended = Ended::of(program.args(arguments.split(' ')));
        assert_eq!(ended.err, format!("retry_command: {line}\n"), "{arguments}");
        assert_eq!((ended.status.code(), ended.out.as_str()), (Some(125), ""), "{arguments}");
    }
}

#[test]
fn short_options_can_share_a_dash_and_long_ones_can_have_underscores() {
    let rows = [
        ("-vq", 0),
        ("-qv --max_attempts 1", 3), // the policy, the start and the end of the attempt
        ("--retry_on 1 --no_stdin --kill_after=1s", 1),
    ];
    for (options, lines) in rows {
        let mut program = program();
        let ended = Ended::of(program.args(options.split(' ')).args(["--", "sh", "-c", "exit 3"]));
        assert_eq!((ended.status.code(), ended.lines().len()), (Some(3), lines), "{options}: {}", ended.err);
    }
}
