//! Which file uses which names of which other file, and which files use each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{Binding, Mention, Modules, Path, join};

/// The names by the file that uses them and the file that defines them.
pub(crate) type Uses = BTreeMap<(String, String), BTreeSet<String>>;

/// Finds what the sources use of each other.
///
/// A use counts for the file that defines the name, also through re-exports. A re-export counts as a use, except
/// one by a module of what is inside that module.
pub(crate) fn uses(sources: &BTreeMap<String, String>) -> Uses {
    let modules = Modules::read(sources);
    let mut uses = Uses::new();
    for Mention { at, path, is_reexport } in &modules.mentions {
        let user = &modules.tree[at].file;
        for target in modules.resolve(at, path, &mut Vec::new()) {
            let Target::Item { module, name } = target else { continue };
            let used = &modules.tree[&module].file;
            if used != user && !(*is_reexport && module.starts_with(at)) {
                uses.entry((user.clone(), used.clone())).or_default().insert(name);
            }
        }
    }
    uses
}

/// Reports each group of files that use each other, directly or through others, with all uses inside the group.
pub(crate) fn cycles(uses: &Uses) -> Vec<String> {
    let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (user, _) in uses.keys() {
        let found = reached.entry(user).or_default();
        let mut next = vec![user.as_str()];
        while let Some(file) = next.pop() {
            let used = uses.keys().filter(|(user, _)| user == file).map(|(_, used)| used.as_str());
            next.extend(used.filter(|used| found.insert(used)));
        }
    }
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|found| found.contains(to));
    let groups: BTreeSet<Vec<&str>> = reached
        .keys()
        .filter(|file| reaches(file, file))
        .map(|file| reached[file].iter().copied().filter(|other| reaches(other, file)).collect())
        .collect();
    let report = |group: &Vec<&str>| {
        let inside = |file: &String| group.contains(&file.as_str());
        let uses = uses.iter().filter(|((user, used), _)| inside(user) && inside(used));
        let lines: String =
            uses.map(|((user, used), names)| format!("\n    {user} uses {used}: {}", list(names))).collect();
        format!("{} files use each other:{lines}", group.len())
    };
    groups.iter().map(report).collect()
}

/// Joins names for a message.
pub(crate) fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// What a path leads to.
enum Target {
    Module(Path),
    Item { module: Path, name: String },
}

impl Modules {
    /// Finds what a path in the module `at` leads to; a path into another crate than these leads to nothing.
    ///
    /// `asked` has the names that are being looked up, because imports can refer to each other.
    fn resolve(&self, at: &[String], path: &[String], asked: &mut Vec<Path>) -> Vec<Target> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        let mut found = self.look_up(at, first, asked);
        if found.is_empty() {
            found = self.look_up(&[], first, asked);
        }
        for name in rest {
            if found.iter().all(|target| matches!(target, Target::Item { .. })) {
                break; // The rest is a variant or an associated item.
            }
            found = modules(found).flat_map(|module| self.member(module, name, asked)).collect();
        }
        found
    }

    /// Finds a name in a module. An unknown name is made by a macro there, or re-exported there from another crate.
    fn member(&self, module: Path, name: &str, asked: &mut Vec<Path>) -> Vec<Target> {
        let found = self.look_up(&module, name, asked);
        if found.is_empty() && self.tree.contains_key(&module) {
            return vec![Target::Item { module, name: name.into() }];
        }
        found
    }

    fn look_up(&self, at: &[String], name: &str, asked: &mut Vec<Path>) -> Vec<Target> {
        let parent = &at[..at.len().saturating_sub(1)];
        match name {
            "" => return vec![Target::Module(Path::new())],
            "crate" => return vec![Target::Module(at[..1].to_vec())],
            "self" => return vec![Target::Module(at.to_vec())],
            "super" => return vec![Target::Module(parent.to_vec())],
            _ => {}
        }
        let path = join(at, name);
        if asked.contains(&path) {
            return Vec::new();
        }
        asked.push(path.clone());
        let module = self.tree.get(at);
        let mut found = Vec::new();
        for binding in module.and_then(|module| module.names.get(name)).into_iter().flatten() {
            match binding {
                Binding::Item => found.push(Target::Item { module: at.to_vec(), name: name.into() }),
                Binding::Import(path) => found.extend(self.resolve(at, path, asked)),
            }
        }
        if found.is_empty() {
            for glob in module.into_iter().flat_map(|module| &module.globs) {
                for from in modules(self.resolve(at, glob, asked)) {
                    found.extend(self.look_up(&from, name, asked));
                }
            }
        }
        asked.pop();
        if self.tree.contains_key(&path) {
            found.push(Target::Module(path));
        } else if found.is_empty() && name.ends_with('!') && !parent.is_empty() {
            // A module also sees each `macro_rules` that its parent defines before it.
            return self.look_up(parent, name, asked);
        }
        found
    }
}

fn modules(targets: Vec<Target>) -> impl Iterator<Item = Path> {
    targets.into_iter().filter_map(|target| match target {
        Target::Module(path) => Some(path),
        Target::Item { .. } => None,
    })
}
