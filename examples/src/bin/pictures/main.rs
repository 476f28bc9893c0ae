//! Draws the pictures of the documentation.
//!
//! Every delay and every phase comes from the library's own policies and circuits, on a fake clock and with seeded random
//! words. So the same code draws the same bytes. `cargo test -p examples` compares them with the files in the repository.

mod arrivals;
mod axes;
mod backoffs;
mod circuit;
mod jitters;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use examples::outage::on_the_fake_clock;
use examples::plot;

const USAGE: &str = "\
Draws the pictures of the documentation as SVG into docs/pictures, or into DIRECTORY.

Usage: pictures [--help] [DIRECTORY]
";

const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/pictures");

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let directory = match arguments.as_slice() {
        [] => Path::new(PICTURES),
        [only] if only == "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        [directory] if !directory.as_encoded_bytes().starts_with(b"-") => Path::new(directory),
        [first, rest @ ..] => {
            let unexpected = rest.first().unwrap_or(first);
            eprintln!("pictures: unexpected argument {}; try --help", unexpected.display());
            return ExitCode::from(2);
        }
    };
    match write(directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pictures: cannot write to {}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

fn write(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (name, svg) in pictures()? {
        fs::write(directory.join(name), svg)?;
    }
    Ok(())
}

/// Returns each picture, with the name of its file.
fn pictures() -> io::Result<[(&'static str, String); 5]> {
    Ok([
        ("quickstart.svg", plot::outage(&on_the_fake_clock())?),
        ("backoffs.svg", backoffs::picture()?),
        ("jitters.svg", jitters::picture()?),
        ("arrivals.svg", arrivals::picture()?),
        ("circuit.svg", circuit::picture()?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_has_these_pictures() {
        const MAKE: &str = "run `cargo run --release -p examples --bin pictures`";

        let mut expected = Vec::new();
        for (name, svg) in pictures().expect("drawn") {
            assert!(svg.len() < 60_000, "{name}: {} bytes", svg.len());
            let kept = fs::read_to_string(Path::new(PICTURES).join(name));
            assert!(kept.is_ok_and(|kept| kept == svg), "docs/pictures/{name} is out of date: {MAKE}");
            expected.push(OsString::from(name));
        }
        let files = fs::read_dir(PICTURES).expect("docs/pictures");
        let mut files: Vec<OsString> = files.map(|file| file.expect("an entry").file_name()).collect();
        files.sort();
        expected.sort();
        assert_eq!(files, expected, "a file in docs/pictures that the command does not draw");
    }
}
