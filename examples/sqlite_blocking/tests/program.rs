//! Runs the program, with its two processes.

use std::process::Command;

fn program(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sqlite_blocking")).args(arguments).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_claim_holds() {
    let (status, out, err) = program(&[]);
    assert_eq!((status, err.as_str()), (Some(0), ""), "{out}");
    let claims = out.lines().filter(|line| line.starts_with("  ok ")).count();
    assert_eq!((claims, out.matches("FAILED").count()), (14, 0), "{out}");
    let parts = (1..=9).filter(|part| out.contains(&format!("\n{part}. "))).count();
    assert_eq!(parts, 5, "{out}");
    assert!(out.ends_with("\n14 claims held, 0 failed\n"), "{out}");
    assert!(out.contains("  attempt 1: database is locked (Transient); retry in "), "{out}");
}

#[test]
fn a_wrong_argument_is_one_line() {
    let (status, out, err) = program(&["--fast"]);
    assert_eq!((status, out.as_str()), (Some(2), ""));
    assert_eq!(err, "sqlite_blocking: unexpected argument --fast; try --help\n");
    assert_eq!(program(&["--help"]).0, Some(0));
}
