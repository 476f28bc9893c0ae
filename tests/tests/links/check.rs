//! What is wrong with the links of a repository.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::{Link, Page};
use crate::pictures;

pub(crate) const MOUNT: &str = "retry-core/src/_guides/mod.rs";
pub(crate) const LINKS: &str = "retry-core/src/_guides/links.md";
pub(crate) const ABSENT: &str = "retry-core/src/_guides/absent.md";
pub(crate) const PICTURES: &str = "retry-core/src/_guides/pictures.md";
/// The rustdoc target of files that have no documentation.
const FILES: &str = "crate::_guides#files-in-the-repository";
/// The rustdoc target of items that need a feature, if the documentation was built with fewer.
const FEATURES: &str = "crate#features";
/// The most bytes of a picture, because the mount holds it once more.
const PICTURE_BYTES: usize = 64 << 10;
const PACKAGES: [&str; 4] = ["retry-core/", "retry-tokio/", "retry-async-std/", "retry-embassy/"];
/// Packages that run the code of pages.
const SAMPLES: [&str; 7] = [
    "tests/src/lib.rs",
    "tests/migrating/src/lib.rs",
    "examples/grpc_client/src/lib.rs",
    "examples/mqtt_uplink/src/lib.rs",
    "examples/postgres_reviews/src/lib.rs",
    "examples/s3_upload/src/lib.rs",
    "examples/sqlite_blocking/src/lib.rs",
];

/// Paths are relative to the root, with `/`.
#[derive(Default)]
pub(crate) struct Repository {
    /// The text of each file; empty for a file that is not text.
    files: BTreeMap<String, String>,
    folders: BTreeSet<String>,
    pages: BTreeMap<String, Page>,
}

impl Repository {
    pub(crate) fn folder(&mut self, path: String) {
        self.folders.insert(path);
    }

    pub(crate) fn file(&mut self, path: String, bytes: Vec<u8>) {
        let text = String::from_utf8(bytes).unwrap_or_default();
        if path.ends_with(".md") {
            self.pages.insert(path.clone(), Page::read(&text));
        }
        self.files.insert(path, text);
    }

    /// Reports links that lead to nothing, and labels without a definition or without a use.
    pub(crate) fn broken_links(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (path, page) in self.pages.iter().filter(|(path, _)| !path.starts_with("retry-core/src/_guides/"))
        {
            for Link { line, target, .. } in &page.links {
                if let Some(target) = resolve(path, target)
                    && let Err(problem) = self.find(&target)
                {
                    problems.push(format!("{path}:{line}: {problem}"));
                }
            }
            for (line, label) in &page.undefined {
                problems.push(format!("{path}:{line}: no definition of [{label}]"));
            }
            let used: BTreeSet<_> = page.links.iter().filter_map(|link| link.label.as_ref()).collect();
            for label in page.labels.keys().filter(|label| !used.contains(label)) {
                problems.push(format!("{path}: no use of [{label}]"));
            }
            for line in &page.html {
                problems.push(format!("{path}:{line}: a link or an image as HTML, instead of Markdown"));
            }
        }
        problems
    }

    fn find(&self, target: &Target) -> Result<(), String> {
        let Target { path, anchor } = target;
        match (self.pages.get(path), anchor) {
            (Some(page), Some(anchor)) if page.anchors.contains(anchor) => Ok(()),
            (_, Some(anchor)) => Err(format!("{path} has no heading #{anchor}")),
            (_, None) if self.exists(path) => Ok(()),
            (_, None) => Err(format!("{path} does not exist")),
        }
    }

    fn exists(&self, path: &str) -> bool {
        path.is_empty() || self.files.contains_key(path) || self.folders.contains(path)
    }

    /// Reports pages in `docs/` that the mount does not show, or whose code is not run.
    pub(crate) fn missing_pages(&self) -> Vec<String> {
        let mounted = self.mounted();
        let mut problems = Vec::new();
        for path in self.pages.keys().filter(|path| path.starts_with("docs/")) {
            if !mounted.contains_key(path) {
                problems.push(format!("{MOUNT} does not show {path}"));
            }
            let include = format!("../{path}\")");
            let run = |package: &&str| self.files.get(*package).is_some_and(|text| text.contains(&include));
            if !SAMPLES.iter().any(run) {
                problems.push(format!("none of {} runs {path}", SAMPLES.join(", ")));
            }
        }
        for path in ["DESIGN.md", "CHANGELOG.md"].iter().filter(|path| !mounted.contains_key(**path)) {
            problems.push(format!("{MOUNT} does not show {path}"));
        }
        problems
    }

    /// Reads the lines of the mount such as `circuits = "docs/circuits.md";`: names of modules by page.
    fn mounted(&self) -> BTreeMap<String, String> {
        let lines = self.files.get(MOUNT).map_or("", String::as_str).lines();
        lines
            .filter_map(|line| {
                let (name, page) = line.trim().strip_suffix(".md\";")?.split_once(" = \"")?;
                Some((format!("{page}.md"), name.to_owned()))
            })
            .collect()
    }

    /// Reports labels of mounted pages that the mount does not define, or whose definition leads somewhere else.
    pub(crate) fn mount_problems(&self) -> Vec<String> {
        let (links, absent) = (self.labels(LINKS), self.labels(ABSENT));
        let mut problems = Vec::new();
        let mut meanings: BTreeMap<&str, (Target, &str)> = BTreeMap::new();
        let mounted = self.mounted();
        for path in mounted.keys() {
            let Some(page) = self.pages.get(path) else {
                problems.push(format!("{MOUNT} shows {path}, which does not exist"));
                continue;
            };
            for Link { line, label, target, is_image } in &page.links {
                let in_page = target.starts_with('#');
                let Some(target) = resolve(path, target).filter(|_| !in_page && !is_image) else { continue };
                let Some(label) = label else {
                    problems
                        .push(format!("{path}:{line}: a link without a label, which rustdoc cannot follow"));
                    continue;
                };
                let (meaning, first) = meanings.entry(label).or_insert_with(|| (target.clone(), path));
                if *meaning != target {
                    problems.push(format!("{path}: [{label}] leads to {target}, in {first} to {meaning}"));
                }
            }
        }
        for (label, (target, path)) in &meanings {
            match links.get(*label) {
                None => problems
                    .push(format!("{LINKS} does not define [{label}], which {path} uses for {target}")),
                Some(mounted) => problems.extend(self.difference(label, mounted, target)),
            }
        }
        for label in links.keys().filter(|label| !meanings.contains_key(label.as_str())) {
            problems.push(format!("{LINKS} defines [{label}], which no page uses"));
        }
        for (label, target) in absent {
            if !links.contains_key(&label) || target != FEATURES {
                problems
                    .push(format!("{ABSENT}: [{label}] is not in {LINKS}, or does not lead to {FEATURES}"));
            }
        }
        problems
    }

    /// Compares where a label leads in rustdoc with where it leads on a forge.
    fn difference(&self, label: &str, mounted: &str, target: &Target) -> Option<String> {
        let Target { path, anchor } = target;
        if let Some(module) = self.mounted().get(path) {
            let anchor = anchor.as_ref().map_or(String::new(), |anchor| format!("#{anchor}"));
            let expected = format!("crate::_guides::{module}{anchor}");
            return (mounted != expected)
                .then(|| format!("{LINKS}: [{label}] leads to {mounted} instead of {expected}"));
        }
        let is_source = PACKAGES.iter().any(|package| path.starts_with(&format!("{package}src/")));
        if is_source && mounted != FILES {
            let name = item_name(mounted);
            let text = self.files.get(path).map_or("", String::as_str);
            let has_name = text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
            return (!has_name && !path.contains(&name))
                .then(|| format!("{LINKS}: [{label}] leads to {mounted}, and {path} has no {name}"));
        }
        if mounted != FILES {
            return Some(format!("{LINKS}: [{label}] leads to {mounted} instead of {FILES}"));
        }
        let listed = self.files.get(MOUNT).is_some_and(|text| {
            let is_listed = |part: &str| {
                text.contains(&format!("//! - `{part}`")) || text.contains(&format!("(`{part}`)"))
            };
            let end = path.rsplit('/').next().unwrap_or(path);
            is_listed(path) || is_listed(end)
        });
        (!listed).then(|| format!("{MOUNT} does not list {path}, which [{label}] leads to"))
    }

    fn labels(&self, page: &str) -> BTreeMap<String, String> {
        self.pages.get(page).map(|page| page.labels.clone()).unwrap_or_default()
    }

    /// The pictures by name, with their texts.
    fn pictures(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| {
            Some((path.strip_prefix("docs/pictures/")?.strip_suffix(".svg")?, text.as_str()))
        })
    }

    /// Makes the text of [`PICTURES`]: the pictures that a mounted page shows.
    pub(crate) fn mounted_pictures(&self) -> String {
        let mounted = self.mounted();
        let pages = mounted.keys().filter_map(|path| self.pages.get(path));
        let labels: BTreeSet<_> = pages.flat_map(|page| page.labels.keys()).collect();
        pictures::definitions(self.pictures().filter(|(name, _)| labels.contains(&format!("picture-{name}"))))
    }

    /// Reports images that rustdoc does not show, and pictures that are large or that no page shows.
    pub(crate) fn picture_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut shown = BTreeSet::new();
        for (path, page) in &self.pages {
            for Link { line, label, target, .. } in page.links.iter().filter(|link| link.is_image) {
                let Some(Target { path: picture, .. }) = resolve(path, target) else { continue };
                let name = picture.strip_prefix("docs/pictures/").and_then(|file| file.strip_suffix(".svg"));
                if name.is_none() || label.as_deref() != name.map(|name| format!("picture-{name}")).as_deref()
                {
                    problems.push(format!(
                        "{path}:{line}: an image that is not ![..][picture-NAME] for docs/pictures/NAME.svg"
                    ));
                }
                shown.insert(picture);
            }
        }
        for (name, svg) in self.pictures() {
            if svg.len() > PICTURE_BYTES {
                problems.push(format!("docs/pictures/{name}.svg has {} bytes of {PICTURE_BYTES}", svg.len()));
            }
            if !shown.contains(&format!("docs/pictures/{name}.svg")) {
                problems.push(format!("no page shows docs/pictures/{name}.svg"));
            }
        }
        if self.files.get(PICTURES) != Some(&self.mounted_pictures()) {
            problems.push(format!("{PICTURES} is not up to date: UPDATE=1 cargo test -p tests --test links"));
        }
        problems
    }
}

/// A place in the repository.
#[derive(Clone, PartialEq)]
pub(crate) struct Target {
    path: String,
    anchor: Option<String>,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path)?;
        self.anchor.as_ref().map_or(Ok(()), |anchor| write!(f, "#{anchor}"))
    }
}

/// Finds what a link on a page leads to in the repository; `None` for a link to elsewhere.
fn resolve(page: &str, target: &str) -> Option<Target> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (to, anchor) = match target.split_once('#') {
        Some((to, anchor)) => (to, Some(anchor.to_owned())),
        None => (target, None),
    };
    if to.is_empty() {
        return Some(Target { path: page.into(), anchor });
    }
    let mut segments: Vec<_> = page.split('/').collect();
    segments.pop();
    for segment in to.trim_end_matches('/').split('/') {
        match segment {
            "." => {}
            ".." if segments.last().is_some_and(|last| *last != "..") => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    Some(Target { path: segments.join("/"), anchor })
}

/// The name of the item that a rustdoc target leads to.
///
/// `crate::Policy::max_attempts`, `fn@crate::retry`, `../../../retry_tokio/struct.RetryLayer.html#method.new`
fn item_name(target: &str) -> String {
    let end = target
        .rsplit(['/', '#', ':', '@'])
        .next()
        .unwrap_or(target)
        .trim_end_matches("()")
        .trim_end_matches('!');
    let end = end.strip_suffix(".html").unwrap_or(end);
    if end == "index" {
        return target.rsplit('/').nth(1).unwrap_or_default().replace('_', "-");
    }
    end.rsplit('.').next().unwrap_or(end).to_owned()
}
