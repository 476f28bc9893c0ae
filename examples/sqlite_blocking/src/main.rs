//! Blocking calls to SQLite, which another process locks: what is retried, and what is not.
//!
//! `stock.rs` and `classify.rs` are what a program of your own would contain. The other files lock the database from a
//! second process, and check what happens.

mod classify;
mod other_process;
mod parts;
mod stock;

use std::error::Error;
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Makes blocking calls to an SQLite database, while a second process locks it. Prints what happens, and checks it.
Takes about 2 seconds.

Usage: sqlite_blocking [--help]
";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let ran = match &arguments[..] {
        [] => parts::play().map(|claims| claims.summary()),
        [only] if *only == "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        // The program starts itself as the second process.
        [role, database] if *role == "--second-process" => {
            return ended(other_process::obey(Path::new(database)).map(|()| true));
        }
        [first, ..] => {
            eprintln!("sqlite_blocking: unexpected argument {}; try --help", first.display());
            return ExitCode::from(2);
        }
    };
    ended(ran)
}

fn ended(ran: Result<bool, Box<dyn Error>>) -> ExitCode {
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sqlite_blocking: {error}");
            ExitCode::FAILURE
        }
    }
}
