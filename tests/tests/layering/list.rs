//! The list in DESIGN.md. Its order is the layering: a file uses only the files above it.
//!
//! 1. The list is the fenced block of `## The tree`. Each line has a path, two or more spaces and a description.
//! 2. The path of a folder ends in `/`. What is inside follows on lines of its own, indented by two more spaces.
//! 3. A line can have several paths in order: `a.rs, b.rs`. A line that is indented deeper continues a description.
//! 4. If a folder has lines inside, each of its files has one; only `mod.rs` and `lib.rs` default to the folder's line.
//! 5. If a folder has no lines inside, its line stands for all its files, and their order is free.

use std::collections::BTreeMap;

use crate::uses::{Uses, list};

pub(crate) struct List(Vec<Entry>);

struct Entry {
    /// From the root of the repository.
    path: String,
    line: usize,
}

impl List {
    pub(crate) fn parse(design: &str) -> Self {
        let lines = design.lines().zip(1..).skip_while(|(text, _)| *text != "## The tree");
        let block = lines.skip_while(|(text, _)| !text.starts_with("```")).skip(1);
        let mut entries = Vec::new();
        let mut folders: Vec<String> = Vec::new();
        for (text, line) in block.take_while(|(text, _)| !text.starts_with("```")) {
            let indent = text.len() - text.trim_start().len();
            if text.is_empty() || indent > 2 * folders.len() {
                continue;
            }
            folders.truncate(indent / 2);
            let parent = folders.concat();
            for path in text.trim_start().split("  ").take(1).flat_map(|paths| paths.split(", ")) {
                folders.truncate(indent / 2);
                folders.extend(path.ends_with('/').then(|| path.into()));
                entries.push(Entry { path: format!("{parent}{path}"), line });
            }
        }
        Self(entries)
    }

    /// Reports how the list differs from the sources, from their uses, and from the paths that exist.
    pub(crate) fn problems(
        &self,
        sources: &BTreeMap<String, String>,
        uses: &Uses,
        exists: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        for (i, Entry { path, line }) in self.0.iter().enumerate() {
            if !exists(path) {
                problems.push(format!("line {line} lists {path}, which does not exist"));
            }
            if let Some(first) = self.0[..i].iter().find(|entry| entry.path == *path) {
                problems.push(format!("line {line} lists {path}, as line {} does", first.line));
            }
        }
        for file in sources.keys().filter(|file| self.place(file).is_none()) {
            problems.push(format!("no line lists {file}"));
        }
        for ((user, used), names) in uses {
            if let (Some(above), Some(below)) = (self.place(user), self.place(used))
                && above < below
            {
                let (above, below) = (self.0[above].line, self.0[below].line);
                let names = list(names);
                problems
                    .push(format!("{user} in line {above} uses {used} in line {below}, below it: {names}"));
            }
        }
        problems
    }

    /// Returns the index of the entry that covers a file: its own, or that of the nearest folder.
    fn place(&self, file: &str) -> Option<usize> {
        self.0.iter().position(|entry| entry.path == file).or_else(|| {
            let folders = self.0.iter().enumerate().filter_map(|(i, Entry { path, .. })| {
                let inside = file.strip_prefix(path).filter(|_| path.ends_with('/'))?;
                Some((i, path, inside))
            });
            let (i, folder, inside) = folders.max_by_key(|(_, path, _)| path.len())?;
            let has_lines =
                self.0.iter().any(|entry| entry.path != *folder && entry.path.starts_with(folder));
            (!has_lines || matches!(inside, "mod.rs" | "lib.rs")).then_some(i)
        })
    }
}
