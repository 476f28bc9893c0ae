//! Every file under `tests/` is part of a test. rustc says nothing of a file without a `mod` line, so its tests would be
//! left out in silence.

use std::fs;
use std::path::Path;

fn undeclared(folder: &Path, found: &mut Vec<String>) {
    let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let roots = [folder.join("main.rs"), folder.join("mod.rs"), folder.with_extension("rs")];
    let declared = roots.map(|root| text(&root)).concat();
    for entry in fs::read_dir(folder).expect("a folder of tests can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name is text");
        if path.is_dir() {
            undeclared(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !["main", "mod"].contains(&name)
            && !declared.lines().any(|line| line.trim().ends_with(&format!("mod {name};")))
        {
            found.push(path.display().to_string());
        }
    }
}

#[test]
fn every_file_of_a_test_is_declared() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut found = Vec::new();
    for entry in fs::read_dir(&tests).expect("the tests can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            undeclared(&path, &mut found);
        }
    }
    assert_eq!(found, Vec::<String>::new(), "no `mod` line names these files");
}
