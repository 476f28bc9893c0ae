//! Small sources with known uses, and with violations that the checks must report.

use std::collections::BTreeMap;

use crate::list::List;
use crate::uses::{Uses, cycles, list, uses};

/// Paths and texts of sources.
type Files<'a> = &'a [(&'a str, &'a str)];

fn sources(files: Files) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect()
}

fn lines(uses: &Uses) -> Vec<String> {
    uses.iter().map(|((user, used), names)| format!("{user} uses {used}: {}", list(names))).collect()
}

/// Returns what `source` uses of sources beside it, which use nothing.
fn used_by(source: &str) -> Vec<String> {
    let uses = uses(&sources(&[
        ("one/src/lib.rs", "mod a; mod b; mod c; pub use b::*; pub use c::C; pub(crate) use c::d::{D as E};"),
        ("one/src/b.rs", "pub enum B { Left, Right }"),
        (
            "one/src/c/mod.rs",
            "mod d; pub use d::{D, Made}; pub(crate) use d::made; pub struct C; pub const fn call() {}",
        ),
        ("one/src/c/d.rs", "pub struct D; macro_rules! made { () => {} } pub(crate) use made; made!(Made);"),
        ("one/src/a.rs", source),
    ]));
    let of_source = |line: String| line.strip_prefix("one/src/a.rs uses one/src/").map(String::from);
    lines(&uses).into_iter().map(|line| of_source(line.clone()).unwrap_or(line)).collect()
}

#[test]
fn a_use_is_found_wherever_it_stands_and_belongs_to_the_file_that_defines_the_name() {
    let cases: [(&str, &[&str]); 28] = [
        ("use super::B;", &["b.rs: B"]),
        ("mod one {} fn f(_: ::one::C) {} use ::one::B;", &["b.rs: B", "c/mod.rs: C"]),
        ("use crate::{c::{self, D,\n call as _}, B::*};", &["b.rs: B", "c/d.rs: D", "c/mod.rs: call"]),
        ("use crate::c::D as Other;", &["c/d.rs: D"]),
        ("use crate::E;", &["c/d.rs: D"]),
        ("use crate::c::Made;", &["c/d.rs: Made"]),
        ("use crate::c::made;", &["c/d.rs: made"]),
        ("use crate::c; fn f() { c::call() }", &["c/mod.rs: call"]),
        ("use crate::c as d; fn f() { d::call() }", &["c/mod.rs: call"]),
        ("use crate::c::{self}; fn f() { c::call() }", &["c/mod.rs: call"]),
        ("use crate::c::*; fn f(_: D) { call() }", &["c/d.rs: D", "c/mod.rs: *, call"]),
        ("pub(crate) use crate::c::D;", &["c/d.rs: D"]),
        ("fn f() { use crate::B::Left; }", &["b.rs: B"]),
        ("fn f() -> super::B { loop {} }", &["b.rs: B"]),
        ("fn f<'a>() -> impl Sized + use<'a> { crate::C }", &["c/mod.rs: C"]),
        ("fn f() { crate::c::call::<u8>() }", &["c/mod.rs: call"]),
        ("const A: A = A { ..super::c::D::NEW };", &["c/d.rs: D"]),
        ("type A = [crate::B<{ self::super::c::call() }>; 2];", &["b.rs: B", "c/mod.rs: call"]),
        ("impl<T> A for <T as crate::C>::B where T: super::c::D {}", &["c/d.rs: D", "c/mod.rs: C"]),
        ("#[derive(crate::c::made)] struct A;", &["c/d.rs: made"]),
        ("macro_rules! a { ($b:ty) => { use $crate::c::{D}; }; }", &["c/d.rs: D"]),
        ("macro_rules! a { () => { $crate::C::new($crate::B::Left) }; }", &["b.rs: B", "c/mod.rs: C"]),
        ("a! { b: crate::c::D }", &["c/d.rs: D"]),
        (
            "mod a { use super::super::C; mod a { type B = super::super::super::B; } }",
            &["b.rs: B", "c/mod.rs: C"],
        ),
        ("#[cfg(not(test))] use crate::C;", &["c/mod.rs: C"]),
        ("#[cfg(any(test, loom))] use crate::C;", &["c/mod.rs: C"]),
        ("#[cfg(test)] mod tests { use super::*; } use crate::C;", &["c/mod.rs: C"]),
        ("#[cfg(test)] use crate::B; use crate::C;", &["c/mod.rs: C"]),
    ];
    for (source, expected) in cases {
        assert_eq!(used_by(source), expected, "{source}");
    }
}

#[test]
fn comments_literals_tests_and_names_of_other_crates_are_not_counted() {
    for source in [
        "// use crate::C;\n/* crate::C */ /* /* */ crate::C */",
        "//! [`C`](crate::C)\n/// ```\n/// use crate::C;\n/// ```\n#[doc = \"crate::C\"] fn f() {}",
        r####"const A: (&str, &str, char) = ("crate::C", r#"" crate::C"#, '"'); // crate::C"####,
        "#[cfg(test)] mod tests { use super::*; use crate::C; fn f() { crate::c::call() } }",
        "#[cfg(all(test, feature = \"std\"))] mod tests { use crate::C; }",
        "pub(in crate::c) fn f() {}",
        "use crate::c; use std::fmt; use serde::B; struct C; fn f(a: C) { a.call(); call == C::B }",
        "mod a { pub struct C; } use a::C; use self::a::C as D; use super::a::a::C as E;",
    ] {
        assert_eq!(used_by(source), [""; 0], "{source}");
    }
}

#[test]
fn the_module_of_a_folder_uses_what_its_own_code_names_and_its_files_use_it_for_what_it_defines() {
    let uses = uses(&sources(&[
        (
            "top/src/lib.rs",
            "mod a; pub use a::Two; use the_one::B as Other; static TWO: &'static Two = &Two;",
        ),
        (
            "top/src/a/mod.rs",
            "macro_rules! m { () => {} } mod b; mod c; pub use {b::Two, c::call}; trait A { type Two; }",
        ),
        ("top/src/a/b.rs", "pub struct Two; pub use crate::a::c::call as again; m!();"),
        ("top/src/a/c.rs", "use super::super::Two; pub fn call() { m!() }"),
        ("top/src/d.rs", "use crate::a::b::again; pub use the_one::B;"),
        (
            "the-one/src/lib.rs",
            "mod b; pub use b::{B, C, call}; fn f(call: u8) { C.call(call != 0, call) } trait A { fn call(); }",
        ),
        ("the-one/src/b.rs", "pub struct B; pub struct C; pub fn call() { call(crate::f) }"),
    ]));
    assert_eq!(
        lines(&uses),
        [
            "the-one/src/b.rs uses the-one/src/lib.rs: f",
            "the-one/src/lib.rs uses the-one/src/b.rs: C",
            "top/src/a/b.rs uses top/src/a/c.rs: call",
            "top/src/a/b.rs uses top/src/a/mod.rs: m!",
            "top/src/a/c.rs uses top/src/a/b.rs: Two",
            "top/src/a/c.rs uses top/src/a/mod.rs: m!",
            "top/src/d.rs uses the-one/src/b.rs: B",
            "top/src/d.rs uses top/src/a/c.rs: call",
            "top/src/lib.rs uses the-one/src/b.rs: B",
            "top/src/lib.rs uses top/src/a/b.rs: Two",
        ]
    );
}

#[test]
fn files_that_use_each_other_are_reported() {
    let cases: [(Files, &str); 6] = [
        (
            &[("o/src/a.rs", "use super::b::B; struct A;"), ("o/src/b.rs", "use super::a::A; struct B;")],
            "2 files use each other:\n    o/src/a.rs uses o/src/b.rs: B\n    o/src/b.rs uses o/src/a.rs: A",
        ),
        (
            &[("o/src/a.rs", "fn a() { super::b::b() }"), ("o/src/b.rs", "fn b() { let a = crate::a::a; }")],
            "2 files use each other:\n    o/src/a.rs uses o/src/b.rs: b\n    o/src/b.rs uses o/src/a.rs: a",
        ),
        (
            &[
                ("o/src/p/mod.rs", "mod a; mod b; pub use a::A; pub(super) use b::B;"),
                ("o/src/p/a.rs", "use super::B; pub struct A;"),
                ("o/src/p/b.rs", "use crate::p::A; pub struct B;"),
            ],
            "2 files use each other:\n    o/src/p/a.rs uses o/src/p/b.rs: B\n    o/src/p/b.rs uses o/src/p/a.rs: A",
        ),
        (
            &[
                ("o/src/p/mod.rs", "mod a; pub use a::A; pub struct P(A);"),
                ("o/src/p/a.rs", "use super::P; pub struct A;"),
            ],
            "2 files use each other:\n    o/src/p/a.rs uses o/src/p/mod.rs: P\n    o/src/p/mod.rs uses o/src/p/a.rs: A",
        ),
        (
            &[
                ("o/src/a.rs", "use crate::b::B; pub struct A;"),
                ("o/src/b.rs", "use crate::c::C; pub struct B;"),
                ("o/src/c.rs", "use crate::{a::A, low::Low}; pub struct C;"),
                ("o/src/low.rs", "pub struct Low;"),
                ("o/src/top.rs", "use crate::a::A;"),
            ],
            "3 files use each other:\n    o/src/a.rs uses o/src/b.rs: B\n    o/src/b.rs uses o/src/c.rs: C\n    \
             o/src/c.rs uses o/src/a.rs: A",
        ),
        (&[("o/src/a.rs", "use super::b::B; struct A;"), ("o/src/b.rs", "struct B;")], ""),
    ];
    for (files, expected) in cases {
        assert_eq!(cycles(&uses(&sources(files))).join("\n"), expected);
    }
}

#[test]
fn a_list_that_differs_from_the_sources_is_reported() {
    const FILES: Files = &[
        ("o/src/lib.rs", "mod low; mod mid; mod top;"),
        ("o/src/low.rs", "pub struct Low; pub fn low() {}"),
        ("o/src/mid/mod.rs", "pub struct Mid; use crate::low::{Low, low};"),
        ("o/src/mid/a.rs", "use super::Mid; use crate::low::Low;"),
        ("o/src/top/mod.rs", "use self::b::B; use crate::mid::Mid;"),
        ("o/src/top/b.rs", "pub struct B;"),
    ];
    let cases: [(&str, &[&str]); 8] = [
        (
            "o/src/      all\n  low.rs    the lowest\n            mid/a.rs  is no line\n\n  mid/\n    a.rs\n  top/  any order",
            &[],
        ),
        ("o/src/\n  low.rs, mid/, top/", &[]),
        ("o/", &[]),
        (
            "o/src/\n  mid/    too early\n    a.rs\n  low.rs\n  top/",
            &[
                "o/src/mid/a.rs in line 9 uses o/src/low.rs in line 10, below it: Low",
                "o/src/mid/mod.rs in line 8 uses o/src/low.rs in line 10, below it: Low, low",
            ],
        ),
        (
            "o/src/\n  top/\n    mod.rs, b.rs\n  low.rs, mid/",
            &[
                "o/src/top/mod.rs in line 9 uses o/src/mid/mod.rs in line 10, below it: Mid",
                "o/src/top/mod.rs in line 9 uses o/src/top/b.rs in line 9, below it: B",
            ],
        ),
        ("o/src/\n  low.rs\n  mid/\n    mod.rs\n  top/", &["no line lists o/src/mid/a.rs"]),
        (
            "o/src/\n  low.rs\n  mid\n  top/",
            &[
                "line 9 lists o/src/mid, which does not exist",
                "no line lists o/src/mid/a.rs",
                "no line lists o/src/mid/mod.rs",
            ],
        ),
        (
            "o/src/\n  low.rs, lower.rs\n  mid/  a\n    b.rs  stale\n    a.rs\n  top/\n  low.rs",
            &[
                "line 8 lists o/src/lower.rs, which does not exist",
                "line 10 lists o/src/mid/b.rs, which does not exist",
                "line 13 lists o/src/low.rs, as line 8 does",
            ],
        ),
    ];
    let sources = sources(FILES);
    for (tree, expected) in cases {
        let design = format!(
            "# Design\n```\nno line/\n```\n## The tree\n```\n{tree}\n```\nno line/\n```\nno list either/\n```\n"
        );
        let problems = List::parse(&design).problems(&sources, &uses(&sources), |path| {
            sources.keys().any(|file| file == path || (path.ends_with('/') && file.starts_with(path)))
        });
        assert_eq!(problems, expected, "{tree}");
    }
}
