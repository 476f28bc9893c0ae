//! Checks the layering of the sources: `cargo test -p tests --test layering`.
//!
//! Two files must not use each other, directly or through others. A file uses only the files above it in DESIGN.md's
//! list. `list` describes its format, `sources` reads the modules, `uses` finds which file uses which names of which
//! other file, and `planted` shows that each check fails on a violation.
//!
//! Only paths count as uses: a method call on a value has none. Unit tests inside a source do not count.

mod list;
mod planted;
mod sources;
mod uses;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const PACKAGES: [&str; 4] = ["retry-core", "retry-tokio", "retry-async-std", "retry-embassy"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace").into()
}

/// The sources of all packages by their paths from the root.
fn sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    let mut folders = PACKAGES.map(|package| format!("{package}/src")).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a package has sources") {
            let entry = entry.expect("a folder can be read");
            let path = format!("{folder}/{}", entry.file_name().display());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                sources.insert(path, fs::read_to_string(entry.path()).expect("a source is text"));
            }
        }
    }
    sources
}

#[test]
fn the_sources_have_no_cycles() {
    let cycles = uses::cycles(&uses::uses(&sources()));
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

#[test]
fn the_sources_keep_to_the_list_in_the_design() {
    let sources = sources();
    let design = fs::read_to_string(root().join("DESIGN.md")).expect("there is a design");
    let problems = list::List::parse(&design)
        .problems(&sources, &uses::uses(&sources), |path| root().join(path).exists());
    assert!(problems.is_empty(), "the tree in DESIGN.md and the sources differ:\n{}", problems.join("\n"));
}
