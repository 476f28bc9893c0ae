//! The page's tables.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) const PAGE: &str = include_str!("../../../docs/settings.md");

/// One row of a table: what stands under each heading of the table.
pub(crate) type Row = BTreeMap<&'static str, &'static str>;

/// The rows of the page's tables by the heading they stand under, such as `Policy`.
pub(crate) fn sections() -> BTreeMap<&'static str, Vec<Row>> {
    let mut sections = BTreeMap::new();
    for section in PAGE.split("\n## ").skip(1).flat_map(|section| section.split("\n### ")) {
        let (title, text) = section.split_once('\n').expect("a heading has a line");
        let rows: &mut Vec<Row> = sections.entry(title).or_default();
        let mut heads: Vec<&str> = Vec::new();
        for line in text.lines() {
            let Some(cells) = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')) else {
                heads.clear();
                continue;
            };
            let cells: Vec<_> = cells.split('|').map(str::trim).collect();
            if heads.is_empty() {
                heads = cells;
            } else if !cells[0].starts_with("---") {
                assert_eq!(cells.len(), heads.len(), "{line}");
                rows.push(heads.iter().copied().zip(cells).collect());
            }
        }
    }
    sections
}

/// What stands between backquotes.
pub(crate) fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names in the first cells of a section: of `Backoff::custom`, both.
pub(crate) fn names(rows: &[Row]) -> BTreeSet<&'static str> {
    rows.iter()
        .filter_map(|row| row.get("in code"))
        .flat_map(|cell| quoted(cell))
        .flat_map(|name| name.split("::"))
        .collect()
}

pub(crate) fn keys(rows: &[Row]) -> BTreeSet<&'static str> {
    rows.iter().filter_map(|row| row.get("key")).flat_map(|cell| quoted(cell)).collect()
}

pub(crate) fn is_row(row: &Row, name: &str, key: &str) -> bool {
    let has_key = row.get("key").is_some_and(|cell| *cell == key || quoted(cell) == [key]);
    quoted(row["in code"]).first() == Some(&name) && has_key
}
