//! Policy files.

use std::fs;
use std::path::PathBuf;

use super::{Ended, retry};

/// A file that is removed at the end of its test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("retry_command-{}-{name}", std::process::id()));
        fs::write(&path, text).expect("a file");
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_policy_comes_from_a_file_and_options_win() {
    let toml = Temporary::new(
        "good.toml",
        "max_attempts = 4\nbase_delay = \"1ms\"\n\n[[rules]]\nclasses = [\"server\"]\nrecovery = \"fail\"\n\n\
         [[rules]]\nclasses = [\"validation\"]\nrecovery = \"ignore\"\n",
    );
    let json = Temporary::new("good.json", r#"{"max_attempts": 4, "retry_on": ["transient"]}"#);
    let rows = [
        // file, options, script, exit status, attempts
        (&toml, "", "exit 1", 1, 4),
        (&toml, "--max-attempts 2", "exit 1", 1, 2),
        (&toml, "", "exit 70", 70, 1), // EX_SOFTWARE has the class `server`
        (&toml, "", "exit 64", 0, 1),  // EX_USAGE has the class `validation`, which is ignored
        (&json, "", "exit 75", 75, 4), // EX_TEMPFAIL has the class `transient`
        (&json, "", "exit 1", 1, 1),
        (&json, "--retry-on 1", "exit 1", 1, 4),
    ];
    for (file, options, script, status, attempts) in rows {
        let options = format!("{options} --policy {}", file.0.display());
        let ended = Ended::of(&mut retry(&options, &format!("echo attempt; {script}")));
        assert_eq!(
            (ended.status.code(), ended.out.lines().count()),
            (Some(status), attempts),
            "{options}, {script}"
        );
    }
}

#[test]
fn an_error_in_a_file_is_one_line_with_its_place() {
    let rows = [
        ("a.toml", "base_delay = \"1s\"\nmax_attempts = 0\n", "line 2: max_attempts = 0: must be at least 1"),
        ("b.toml", "\nretries = 3\n", "line 2: retries: unknown key, did you mean `max_attempts`"),
        (
            "d.toml",
            "# how to retry\n[retry]\nmax_attempts = 3\n",
            "line 2: retry: is a table, but the settings of a policy stand at the top level of its file\n",
        ),
        (
            "d.json",
            r#"{"retry": {"max_attempts": 3}}"#,
            "retry: is a table, but the settings of a policy stand at the top level of its file\n",
        ),
        ("c.toml", "max_attempts = \n", "line 1: "),
        ("a.json", "{\"max_attempts\": 0}", "max_attempts = 0: must be at least 1 at line 1 column 19"),
        ("b.json", "max_attempts = 3", "expected value at line 1 column 1"),
    ];
    for (name, text, line) in rows {
        let file = Temporary::new(name, text);
        let path = file.0.display();
        let ended = Ended::of(&mut retry(&format!("--policy {path}"), "true"));
        assert!(ended.err.starts_with(&format!("retry_command: {path}: {line}")), "{}", ended.err);
        assert_eq!((ended.status.code(), ended.lines().len()), (Some(125), 1), "{}", ended.err);
    }
}

const PAGE: &str = include_str!("../../../docs/shell.md");

#[test]
fn the_file_of_the_page_is_a_policy() {
    let (_, rest) = PAGE.split_once("```toml\n").expect("the page has a policy");
    let (toml, _) = rest.split_once("```").expect("the policy ends");
    let file = Temporary::new("page.toml", toml);
    let ended = Ended::of(&mut retry(&format!("--policy {}", file.0.display()), "echo attempt; exit 124"));
    assert_eq!((ended.status.code(), ended.out.lines().count()), (Some(124), 2), "{}", ended.err);
}

#[test]
fn the_table_of_the_page_says_which_statuses_are_retried() {
    let mut rows = 0;
    for line in PAGE.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, statuses, class, retried @ ("yes" | "no"), _, _] = cells[..] else { continue };
        rows += 1;
        for status in statuses.split(", ") {
            let script = match (status.strip_prefix("SIG"), status) {
                (Some(signal), _) => format!("kill -{signal} $$"),
                (None, "any other") => "exit 1".into(),
                (None, status) => format!("exit {status}"),
            };
            let ended = Ended::of(&mut retry("--verbose", &format!("echo attempt; {script}")));
            let attempts = if retried == "yes" { 3 } else { 1 };
            assert_eq!(ended.out.lines().count(), attempts, "{line}: {script}");
            let class = format!("({})", class.trim_matches('`'));
            assert_eq!(ended.err.matches(&class).count(), attempts, "{line}: {script}: {}", ended.err);
        }
    }
    assert_eq!(rows, 12);
}
