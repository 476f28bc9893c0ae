//! What is done on a machine without the server that a program needs.

use std::env;
use std::process::ExitCode;

/// Whether a missing server is an error: the variable `REQUIRE_SERVERS` is 1.
pub fn is_required() -> bool {
    env::var_os("REQUIRE_SERVERS").is_some_and(|value| value == "1")
}

/// Says in one line that a server is missing, and how to get it. Returns how the program ends.
pub fn skipped(server: &str, package: &str) -> ExitCode {
    println!("skipped: {server} is not installed; `apt-get install {package}`, then run this again");
    if is_required() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Returns the server of a test, or `None` if it is missing and no test requires it.
///
/// # Panics
/// Panics if it is missing and required.
pub fn or_skipped<S>(server: Option<S>, name: &str) -> Option<S> {
    assert!(server.is_some() || !is_required(), "{name} is not installed");
    server
}
