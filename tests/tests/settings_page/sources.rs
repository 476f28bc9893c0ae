//! What the sources define: setters, names, variants and fields. They are read as tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What the sources define: the setters of each type, and all names of functions, types, constants and fields.
#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) setters: BTreeMap<String, BTreeSet<String>>,
    pub(crate) names: BTreeSet<String>,
    pub(crate) variants: BTreeMap<String, Vec<String>>,
    pub(crate) public_fields: BTreeMap<String, BTreeSet<String>>,
    /// The keys of each table of a file.
    pub(crate) keys: BTreeMap<String, BTreeSet<String>>,
    /// All text in the code, such as names of metrics.
    pub(crate) texts: BTreeSet<String>,
}

const CRATES: [&str; 4] = ["retry-core", "retry-tokio", "retry-async-std", "retry-embassy"];
/// What a setter returns: the type itself, or a builder with another part in it.
const BUILDERS: [&str; 7] = ["Self", "Retry", "Call", "OneCall", "DeadLetterCall", "RetryLayer", "Replay"];

pub(crate) static SOURCES: LazyLock<Sources> = LazyLock::new(Sources::read);

impl Sources {
    fn read() -> Self {
        let mut sources = Self::default();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut folders: Vec<_> = CRATES.map(|name| root.join(name).join("src")).into();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let tokens: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
                    sources.collect_texts(tokens.clone());
                    sources.items(&tokens.into_iter().collect::<Vec<_>>());
                }
            }
        }
        sources
    }

    fn collect_texts(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.collect_texts(group.stream()),
                TokenTree::Literal(text) => {
                    self.texts.insert(text.to_string().trim_matches('"').into());
                }
                _ => {}
            }
        }
    }

    fn items(&mut self, tokens: &[TokenTree]) {
        for (place, token) in tokens.iter().enumerate() {
            let rest = &tokens[place + 1..];
            match (token.to_string().as_str(), rest) {
                ("impl", _) => {
                    if let Some((name, body)) = inherent_impl(rest) {
                        let body: Vec<_> = body.into_iter().collect();
                        self.methods(&name, &body);
                    }
                }
                // `tag_setters` makes the same methods for each type that calls it.
                ("macro_rules", [_, name, TokenTree::Group(rules), ..])
                    if name.to_string() == "tag_setters" =>
                {
                    let rules: Vec<_> = rules.stream().into_iter().collect();
                    if let Some(TokenTree::Group(body)) = rules.get(3) {
                        let body: Vec<_> = body.stream().into_iter().collect();
                        for name in ["OperationMetrics", "Metrics", "MetricsFacade"] {
                            self.methods(name, &body);
                        }
                    }
                }
                // `table! { struct PolicyFile in Table::Policy => { key: Type => check, .. } }`
                ("table", [not, TokenTree::Group(body), ..]) if not.to_string() == "!" => {
                    let body: Vec<_> = body.stream().into_iter().collect();
                    let name = body.windows(2).find(|pair| pair[0].to_string() == "struct");
                    if let (Some(name), Some(keys)) = (name, body.iter().find_map(braces)) {
                        let keys: Vec<_> = keys.into_iter().collect();
                        let begins = |place: usize| place == 0 || keys[place - 1].to_string() == ",";
                        let is_key = |place: &usize| {
                            begins(*place) && keys.get(place + 1).is_some_and(|it| it.to_string() == ":")
                        };
                        let keys = (0..keys.len()).filter(is_key).map(|place| keys[place].to_string());
                        self.keys.insert(name[1].to_string(), keys.collect());
                    }
                }
                ("mod", [_, TokenTree::Group(body), ..]) => {
                    self.items(&body.stream().into_iter().collect::<Vec<_>>());
                }
                ("struct" | "enum" | "const" | "fn" | "trait", [TokenTree::Ident(name), ..]) => {
                    let name = name.to_string();
                    let body = rest.iter().take_while(|token| token.to_string() != ";").find_map(braces);
                    if token.to_string() == "enum" {
                        let variants = body.map(variants).unwrap_or_default();
                        self.variants.insert(name.clone(), variants);
                    } else if token.to_string() == "struct" {
                        self.public_fields.insert(name.clone(), body.map(public_fields).unwrap_or_default());
                    }
                    self.names.insert(name);
                }
                _ => {}
            }
        }
    }

    /// The methods of an `impl` block of this type.
    fn methods(&mut self, name: &str, tokens: &[TokenTree]) {
        for (place, token) in tokens.iter().enumerate() {
            let rest = &tokens[place + 1..];
            match (token.to_string().as_str(), rest) {
                ("fn", [TokenTree::Ident(method), signature @ ..]) => {
                    // `pub(crate)` ends with a group.
                    let mut before = tokens[..place].iter().rev().map(ToString::to_string);
                    let is_public = before
                        .find(|token| token != "const" && token != "async")
                        .is_some_and(|it| it == "pub");
                    self.method(name, &method.to_string(), is_public, signature);
                }
                ("const", [TokenTree::Ident(constant), ..]) => {
                    self.names.insert(constant.to_string());
                }
                // `multiplier, try_multiplier(self, multiplier: f64) { .. }` makes two public methods.
                ("checked_setters", [_, TokenTree::Group(body), ..]) => {
                    let body: Vec<_> = body.stream().into_iter().collect();
                    for window in body.windows(4) {
                        if let [plain, comma, checked, TokenTree::Group(parameters)] = window
                            && comma.to_string() == ","
                            && checked.to_string() == format!("try_{plain}")
                        {
                            self.names.insert(plain.to_string());
                            self.setters.entry(name.into()).or_default().insert(plain.to_string());
                            assert!(!parameters.stream().is_empty(), "{plain}");
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn method(&mut self, of: &str, name: &str, is_public: bool, signature: &[TokenTree]) {
        self.names.insert(name.into());
        let places = top_level(signature);
        let parameters = places.iter().find_map(|place| match &signature[*place] {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some((place, group)),
            _ => None,
        });
        let Some((place, parameters)) = parameters else { return };
        let first: Vec<_> = parameters
            .stream()
            .into_iter()
            .map(|token| token.to_string())
            .take_while(|it| it != ",")
            .collect();
        let returns = match &signature[place + 1..] {
            [minus, greater, returns, ..] if format!("{minus}{greater}") == "->" => returns.to_string(),
            _ => return,
        };
        let takes_self = first.last().is_some_and(|last| last == "self");
        let try_form = name.starts_with("try_");
        if is_public && takes_self && !try_form && BUILDERS.contains(&returns.as_str()) {
            self.setters.entry(of.into()).or_default().insert(name.into());
        }
    }
}

fn braces(token: &TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    }
}

/// The places of the tokens outside of `<..>`. An arrow is not a bracket.
fn top_level(tokens: &[TokenTree]) -> Vec<usize> {
    let (mut depth, mut before, mut places) = (0_i32, String::new(), Vec::new());
    for (place, token) in tokens.iter().enumerate() {
        let text = token.to_string();
        match text.as_str() {
            "<" => depth += 1,
            ">" if before != "-" => depth -= 1,
            _ if depth == 0 => places.push(place),
            _ => {}
        }
        before = text;
    }
    places
}

/// The type and the body of an `impl` block, unless it is one of a trait.
fn inherent_impl(tokens: &[TokenTree]) -> Option<(String, TokenStream)> {
    let places = top_level(tokens);
    let mut name = None;
    for place in places {
        let token = &tokens[place];
        if let Some(body) = braces(token) {
            return Some((name?, body));
        }
        match token.to_string().as_str() {
            "for" => return None,
            "where" => {}
            text => name = name.or(Some(text.into())),
        }
    }
    None
}

/// The names of an `enum`'s variants: those after a comma, an attribute or nothing.
fn variants(body: TokenStream) -> Vec<String> {
    let (mut variants, mut may_begin) = (Vec::new(), true);
    for token in body {
        if let (TokenTree::Ident(name), true) = (&token, may_begin) {
            variants.push(name.to_string());
        }
        may_begin = match &token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Bracket,
            token => token.to_string() == ",",
        };
    }
    variants
}

fn public_fields(body: TokenStream) -> BTreeSet<String> {
    let tokens: Vec<_> = body.into_iter().map(|token| token.to_string()).collect();
    let fields = tokens.windows(3).filter(|window| window[0] == "pub" && window[2] == ":");
    fields.map(|window| window[1].clone()).collect()
}
