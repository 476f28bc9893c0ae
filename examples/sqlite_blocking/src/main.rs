//! Blocking calls to SQLite, which another process locks: what is retried, and what is not.
//!
//! `stock.rs` and `classify.rs` are what a program of your own would contain. The other files lock the database from a
//! second process, and check what happens.

mod claims;
mod classify;
mod other_process;
mod parts;
mod stock;

use std::error::Error;
use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use crate::claims::Claims;

const USAGE: &str = "\
Makes blocking calls to an SQLite database, while a second process locks it. Prints what happens, and checks it.
Takes about 2 seconds.

Usage: sqlite_blocking [--help]
";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let ran = match &arguments[..] {
        [] => parts::play(),
        [only] if *only == "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        // The program starts itself as the second process.
        [role, database] if *role == "--second-process" => second_process(Path::new(database)),
        [first, ..] => {
            eprintln!("sqlite_blocking: unexpected argument {}; try --help", first.display());
            return ExitCode::from(2);
        }
    };
    match ran {
        Ok(claims) if claims.all_hold() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("sqlite_blocking: {error}");
            ExitCode::FAILURE
        }
    }
}

fn second_process(database: &Path) -> Result<Claims, Box<dyn Error>> {
    other_process::obey(database)?;
    Ok(Claims::default())
}
