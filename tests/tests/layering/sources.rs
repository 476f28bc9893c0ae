//! The modules of all sources: which names each one defines or imports, and which paths its code mentions.
//!
//! A source is read as tokens. So paths in code, attributes and macros count alike, and comments and literals do not.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The segments of a path. The first one of `::a` is empty; `crate`, `self`, `super` and `*` are segments, too.
pub(crate) type Path = Vec<String>;

#[derive(Default)]
pub(crate) struct Modules {
    /// The modules of all crates by their paths, which begin with the name of the crate.
    pub(crate) tree: BTreeMap<Path, Module>,
    pub(crate) mentions: Vec<Mention>,
}

#[derive(Default)]
pub(crate) struct Module {
    pub(crate) file: String,
    /// The meanings of each name, several if `cfg`s or namespaces tell them apart. A `macro_rules` is called `name!`.
    pub(crate) names: BTreeMap<String, Vec<Binding>>,
    /// The modules of glob imports.
    pub(crate) globs: Vec<Path>,
}

pub(crate) enum Binding {
    Item,
    Import(Path),
}

/// A path in the code of the module `at`.
pub(crate) struct Mention {
    pub(crate) at: Path,
    pub(crate) path: Path,
    pub(crate) is_reexport: bool,
}

impl Modules {
    /// Reads sources by their paths, such as `retry-core/src/time.rs`.
    pub(crate) fn read(sources: &BTreeMap<String, String>) -> Self {
        let mut modules = Self::default();
        for (file, source) in sources {
            let stream = source.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
            modules.enter(&module_path(file), file, &tokens(stream));
        }
        modules
    }

    fn enter(&mut self, at: &[String], file: &str, tokens: &[Token]) {
        self.tree.insert(at.to_vec(), Module { file: file.into(), ..Module::default() });
        self.scan(at, tokens, true);
    }

    /// Reads the tokens of a module, or those of a group in it, which define no names of the module.
    fn scan(&mut self, at: &[String], tokens: &[Token], are_items: bool) {
        let texts = texts(tokens);
        let mut i = 0;
        while i < tokens.len() {
            i += match &texts[i..] {
                ["#", "[", item @ ..] if are_items && is_for_tests(&tokens[i + 1].inner) => {
                    2 + length(item, &["{", ";"])
                }
                ["mod", name, "{", ..] => {
                    let file = self.tree[at].file.clone();
                    self.enter(&join(at, name), &file, &tokens[i + 2].inner);
                    3
                }
                ["use", "<", ..] => 1, // a bound, `impl Sized + use<'a>`
                ["use", ..] => {
                    let length = length(&texts[i..], &[";"]);
                    let is_reexport = matches!(&texts[..i], [.., "pub"] | [.., "pub", "("]);
                    self.import(at, &tokens[i + 1..i + length - 1], &[], is_reexport);
                    length
                }
                ["macro_rules", "!", name, ..] => {
                    self.bind(at, &format!("{name}!"), Binding::Item);
                    3
                }
                [keyword, name, ..] if are_items && is_definition(keyword) && is_word(name) => {
                    self.bind(at, name, Binding::Item);
                    1 // The next word may be the `fn` of a `const fn`.
                }
                [":", ":", name, ..] if is_word(name) => {
                    2 + self.path(at, vec![String::new()], &texts, i + 2)
                }
                [word, ..] if is_word(word) => self.path(at, Path::new(), &texts, i),
                _ => {
                    self.scan(at, &tokens[i].inner, false);
                    1
                }
            };
        }
    }

    /// Reads the branches of a `use` below `prefix`.
    fn import(&mut self, at: &[String], tree: &[Token], prefix: &[String], is_reexport: bool) {
        for branch in tree.split(|token| token.text == ",").filter(|branch| !branch.is_empty()) {
            let texts = texts(branch);
            let (words, alias) = match &texts[..] {
                [words @ .., "as", alias] => (words, Some(*alias)),
                [words @ .., "{"] | words => (words, None),
            };
            let mut path = prefix.to_vec();
            path.extend(words.first().filter(|first| **first == ":").map(|_| String::new()));
            path.extend(words.iter().filter(|word| **word != ":").map(ToString::to_string));
            if let [.., group] = branch
                && group.text == "{"
            {
                self.import(at, &group.inner, &path, is_reexport);
                continue;
            }
            match path.iter().rfind(|word| *word != "self") {
                Some(name) if name == "*" => {
                    self.tree.get_mut(at).expect(ENTERED).globs.push(path[..path.len() - 1].to_vec());
                }
                Some(name) => self.bind(at, alias.unwrap_or(name), Binding::Import(path.clone())),
                None => {}
            }
            self.mention(at, path, is_reexport);
        }
    }

    /// Reads the words of a path from `start` on, and returns the number of their tokens.
    fn path(&mut self, at: &[String], mut path: Path, texts: &[&str], start: usize) -> usize {
        path.push(texts[start].into());
        let mut end = start + 1;
        while let [":", ":", name, ..] = &texts[end..]
            && is_word(name)
        {
            path.push((*name).into());
            end += 3;
        }
        let before = &texts[..start];
        let is_member = matches!(before, [.., "."]) && !matches!(before, [.., ".", "."]);
        let is_defined = matches!(before, [.., keyword] if is_definition(keyword));
        let is_macro = matches!(&texts[end..], ["!", next, ..] if *next != "=");
        let is_call = matches!(&texts[end..], ["(", ..]);
        // A single word in small letters is a variable or a field, unless it is called.
        let is_item = is_macro || is_call || path[0].starts_with(char::is_uppercase);
        if !is_member && (path.len() > 1 || (is_item && !is_defined)) {
            if path.len() == 1 && is_macro {
                self.mention(at, vec![format!("{}!", path[0])], false);
            }
            self.mention(at, path, false);
        }
        end - start
    }

    fn bind(&mut self, at: &[String], name: &str, binding: Binding) {
        self.tree.get_mut(at).expect(ENTERED).names.entry(name.into()).or_default().push(binding);
    }

    fn mention(&mut self, at: &[String], path: Path, is_reexport: bool) {
        self.mentions.push(Mention { at: at.to_vec(), path, is_reexport });
    }
}

/// Appends a segment.
pub(crate) fn join(at: &[String], name: &str) -> Path {
    at.iter().cloned().chain([name.into()]).collect()
}

/// The module of `retry-core/src/circuit/mod.rs` is `retry_core::circuit`.
fn module_path(file: &str) -> Path {
    let (package, module) = file.split_once("/src/").expect("a source is in the folder `src` of its package");
    let mut path = vec![package.replace('-', "_")];
    path.extend(module.trim_end_matches(".rs").split('/').map(String::from));
    path.pop_if(|last| last == "mod" || last == "lib");
    path
}

/// A word, a mark, a literal or a group. The text of a literal is left out, and that of a group is its opening bracket.
struct Token {
    text: String,
    inner: Vec<Token>,
}

/// Reads tokens without lifetimes and without each `$`, so that `$crate` is the `crate` of the macro.
fn tokens(stream: TokenStream) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut trees = stream.into_iter();
    while let Some(tree) = trees.next() {
        let (text, inner) = match tree {
            TokenTree::Punct(mark) if mark.as_char() == '$' => continue,
            TokenTree::Punct(mark) if mark.as_char() == '\'' => {
                trees.next();
                continue;
            }
            TokenTree::Punct(mark) => (mark.to_string(), Vec::new()),
            TokenTree::Ident(word) => (word.to_string(), Vec::new()),
            TokenTree::Literal(_) => (String::new(), Vec::new()),
            TokenTree::Group(group) => {
                let bracket = match group.delimiter() {
                    Delimiter::Parenthesis => "(",
                    Delimiter::Bracket => "[",
                    Delimiter::Brace | Delimiter::None => "{",
                };
                (bracket.into(), self::tokens(group.stream()))
            }
        };
        tokens.push(Token { text, inner });
    }
    tokens
}

fn texts(tokens: &[Token]) -> Vec<&str> {
    tokens.iter().map(|token| token.text.as_str()).collect()
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

fn is_definition(keyword: &str) -> bool {
    matches!(keyword, "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" | "fn")
}

/// Counts the tokens up to and including the first of `ends`.
fn length(texts: &[&str], ends: &[&str]) -> usize {
    texts.iter().position(|text| ends.contains(text)).map_or(texts.len(), |last| last + 1)
}

/// Returns whether an attribute is a `cfg` that holds only in tests.
fn is_for_tests(attribute: &[Token]) -> bool {
    matches!(attribute, [cfg, predicate] if cfg.text == "cfg" && needs_test(&predicate.inner))
}

fn needs_test(predicate: &[Token]) -> bool {
    match &texts(predicate)[..] {
        ["test"] => true,
        ["all", "("] => predicate[1].inner.split(|token| token.text == ",").any(needs_test),
        _ => false,
    }
}

const ENTERED: &str = "a module is entered before it is scanned";
