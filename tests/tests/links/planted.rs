//! A small repository without a mistake, and mistakes that the checks must report.

use crate::check::{ABSENT, LINKS, MOUNT, PICTURES, Repository};
use crate::pictures;

const SVG: &str = "<svg/>";

/// Files of the repository without a mistake.
fn files() -> Vec<(&'static str, String)> {
    let page = "# One\n\n## How it opens\n\nSee [`Gate`], [two], [opens](#how-it-opens), [`watch`] and ![A plot][picture-plot].\n\n\
        [`Gate`]: ../retry-core/src/gate.rs\n[two]: two.md#a-b\n[`watch`]: ../examples/watch\n[picture-plot]: pictures/plot.svg\n";
    let links = "[`Gate`]: crate::Gate\n[two]: crate::_guides::two#a-b\n[`watch`]: crate::_guides#files-in-the-repository\n";
    let mount = "//! - `examples/watch`: a program.\n    one = \"docs/one.md\";\n    two = \"docs/two.md\";\n    \
        changelog = \"CHANGELOG.md\";\n    design = \"DESIGN.md\";\n";
    let samples = "include_str!(\"../../docs/one.md\")\ninclude_str!(\"../../docs/two.md\")\n";
    vec![
        ("README.md", "[one](docs/one.md#one), [docs](docs), [far](https://example.com/x.md)\n".into()),
        ("DESIGN.md", "# Design\n".into()),
        ("CHANGELOG.md", "# Changelog\n".into()),
        ("docs/one.md", page.into()),
        ("docs/two.md", "# `A` b?\n".into()),
        ("docs/pictures/plot.svg", SVG.into()),
        ("examples/watch/main.rs", String::new()),
        ("retry-core/src/gate.rs", "pub struct Gate;\n".into()),
        ("tests/src/lib.rs", samples.into()),
        (MOUNT, mount.into()),
        (LINKS, links.into()),
        (ABSENT, "[`Gate`]: crate#features\n".into()),
        (PICTURES, pictures::definitions([("plot", SVG)].into_iter())),
    ]
}

fn problems(files: Vec<(&str, String)>) -> Vec<String> {
    let mut repository = Repository::default();
    for folder in ["docs", "examples/watch"] {
        repository.folder(folder.into());
    }
    for (path, text) in files {
        repository.file(path.into(), text.into_bytes());
    }
    let mut problems = repository.broken_links();
    problems.extend(repository.missing_pages());
    problems.extend(repository.mount_problems());
    problems.extend(repository.picture_problems());
    problems
}

#[test]
fn a_repository_without_a_mistake_has_no_problems() {
    assert_eq!(problems(files()), [""; 0]);
}

#[test]
fn each_mistake_is_reported() {
    // In which file, which text becomes which, and a part of the report.
    let mistakes = [
        // Links that lead to nothing.
        ("README.md", "docs/one.md", "docs/on.md", "README.md:1: docs/on.md has no heading #one"),
        ("README.md", "(docs)", "(doc)", "README.md:1: doc does not exist"),
        ("README.md", "(docs)", "(../docs)", "README.md:1: ../docs does not exist"),
        ("README.md", "#one", "#two", "docs/one.md has no heading #two"),
        (
            "docs/one.md",
            "(#how-it-opens)",
            "(#it-opens)",
            "docs/one.md:5: docs/one.md has no heading #it-opens",
        ),
        ("docs/one.md", "two.md#a-b", "two.md#a", "docs/two.md has no heading #a"),
        ("docs/one.md", "src/gate.rs", "src/gates.rs", "retry-core/src/gates.rs does not exist"),
        ("docs/one.md", "pictures/plot", "pictures/plots", "docs/pictures/plots.svg does not exist"),
        // Labels.
        ("docs/one.md", "See [`Gate`]", "See [`Gates`]", "docs/one.md:5: no definition of [`Gates`]"),
        ("docs/one.md", "See [`Gate`]", "See", "docs/one.md: no use of [`gate`]"),
        ("docs/one.md", "See", "<img src=\"x\">", "docs/one.md:5: a link or an image as HTML"),
        // Pages.
        (MOUNT, "    two = \"docs/two.md\";\n", "", "does not show docs/two.md"),
        (MOUNT, "    design = \"DESIGN.md\";\n", "", "does not show DESIGN.md"),
        (MOUNT, "docs/two.md", "docs/three.md", "shows docs/three.md, which does not exist"),
        ("tests/src/lib.rs", "docs/two.md", "docs/too.md", "runs docs/two.md"),
        // Links in rustdoc.
        ("docs/one.md", "[two],", "[two](two.md), [two],", "docs/one.md:5: a link without a label"),
        (
            "DESIGN.md",
            "# Design\n",
            "[two]\n\n[two]: docs/one.md",
            "[two] leads to docs/two.md#a-b, in DESIGN.md to",
        ),
        (LINKS, "[`Gate`]: crate::Gate\n", "", "does not define [`gate`]"),
        (LINKS, "crate::Gate", "crate::Key", "retry-core/src/gate.rs has no Key"),
        (LINKS, "_guides::two#a-b", "_guides::one", "instead of crate::_guides::two#a-b"),
        (LINKS, "#files-in-the-repository", "", "instead of crate::_guides#files-in-the-repository"),
        (LINKS, "[two]", "[three]: crate::Key\n[two]", "[three], which no page uses"),
        (MOUNT, "- `examples/watch`", "- ", "does not list examples/watch"),
        (ABSENT, "`Gate`", "`Key`", "[`key`] is not in"),
        (ABSENT, "crate#features", "crate", "does not lead to crate#features"),
        // Pictures.
        (
            "docs/one.md",
            "![A plot][picture-plot]",
            "![A plot](pictures/plot.svg) [picture-plot]",
            "an image that is not",
        ),
        ("docs/one.md", "picture-plot", "plot", "an image that is not"),
        ("docs/one.md", "![A plot]", "[A plot]", "no page shows docs/pictures/plot.svg"),
        ("docs/pictures/plot.svg", "<svg/>", "<svg></svg>", "is not up to date"),
        ("docs/pictures/plot.svg", "<svg/>", &"<svg/>".repeat(11_000), "plot.svg has 66000 bytes of 65536"),
    ];
    for (file, text, mistake, expected) in mistakes {
        let mut files = files();
        let (_, content) = files.iter_mut().find(|(path, _)| *path == file).expect("the file exists");
        assert!(content.contains(text), "{file} has no {text}");
        *content = content.replace(text, mistake);
        let problems = problems(files);
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{file} with {mistake}: {problems:#?}"
        );
    }
}
