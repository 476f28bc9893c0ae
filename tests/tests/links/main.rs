//! Checks the links of the Markdown pages, offline: `cargo test -p tests --test links`.
//!
//! `page` reads a page's links, labels and headings. `check` holds them against the repository and against the mount, the
//! module `retry_core::_guides` that shows pages in rustdoc. `pictures` makes the mount's copies of the pictures. `planted`
//! shows that each check fails on a mistake.
//!
//! After a picture was made or changed, `UPDATE=1 cargo test -p tests --test links` writes the mount's copies again.

mod check;
mod page;
mod pictures;
mod planted;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::check::Repository;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in the workspace").into()
}

/// Reads all files and folders but hidden ones and build products.
fn repository() -> Repository {
    let mut repository = Repository::default();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder can be read") {
            let entry = entry.expect("a folder can be read");
            let name = entry.file_name().into_string().expect("a name is text");
            if name.starts_with('.') || name == "target" {
                continue;
            }
            let path = format!("{folder}{name}");
            if entry.path().is_dir() {
                folders.push(format!("{path}/"));
                repository.folder(path);
            } else {
                repository.file(path, fs::read(entry.path()).expect("a file can be read"));
            }
        }
    }
    repository
}

#[test]
fn every_link_leads_to_a_file_or_heading_of_the_repository() {
    let problems = repository().broken_links();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_page_of_the_docs_is_in_rustdoc_and_its_code_is_run() {
    let problems = repository().missing_pages();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_link_of_a_mounted_page_leads_to_the_same_place_in_rustdoc() {
    let problems = repository().mount_problems();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_picture_is_in_rustdoc() {
    let mut repository = repository();
    if env::var_os("UPDATE").is_some() {
        let made = repository.mounted_pictures();
        fs::write(root().join(check::PICTURES), &made).expect("the mount can be written");
        repository.file(check::PICTURES.into(), made.into_bytes());
    }
    let problems = repository.picture_problems();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
