//! Pictures in rustdoc. It copies no files, so the mount defines each picture's label as the picture itself, in a URL.

/// Makes one definition for each picture, by name and text.
pub(crate) fn definitions<'a>(pictures: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    pictures.map(|(name, svg)| format!("[picture-{name}]: {}\n", data_url(svg))).collect()
}

/// Returns a picture as a `data:` URL (RFC 2397), with runs of white space as one space.
///
/// It escapes what ends a URL in Markdown, or has a meaning there or in a URL.
fn data_url(svg: &str) -> String {
    let words: Vec<_> = svg.split_whitespace().collect();
    let mut url = String::from("data:image/svg+xml,");
    for c in words.join(" ").chars() {
        match c {
            ' ' | '#' | '%' | '&' | '(' | ')' | '\\' => url += &format!("%{:02X}", u32::from(c)),
            c => url.push(c),
        }
    }
    url
}

#[test]
fn a_url_has_no_character_that_markdown_or_a_url_gives_a_meaning() {
    let svg = "<svg a=\"#1\">\n  <text>5 % (é)</text>\n</svg>\n";
    assert_eq!(
        definitions([("x", svg)].into_iter()),
        "[picture-x]: data:image/svg+xml,<svg%20a=\"%231\">%20<text>5%20%25%20%28é%29</text>%20</svg>\n"
    );
}
