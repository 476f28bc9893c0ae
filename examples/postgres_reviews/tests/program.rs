//! The program on a machine that has no PostgreSQL.

use std::process::{Command, Output};

#[test]
fn without_a_server_it_says_how_to_get_one_and_fails_only_if_it_is_required() {
    for (required, status) in [("0", 0), ("1", 1)] {
        let Output { status: ended, stdout, .. } = Command::new(env!("CARGO_BIN_EXE_postgres_reviews"))
            .env("REQUIRE_SERVERS", required)
            .env("POSTGRES_PROGRAMS", "/nonexistent")
            .output()
            .unwrap();
        assert_eq!(ended.code(), Some(status));
        assert!(String::from_utf8_lossy(&stdout).contains("apt-get install postgresql"));
    }
}
