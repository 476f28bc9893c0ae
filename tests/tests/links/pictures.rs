//! Pictures in rustdoc. It copies no files, so the mount defines each picture's label as the picture itself, in a URL.

/// Makes one definition for each picture, by name and text.
pub(crate) fn definitions<'a>(pictures: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    pictures.map(|(name, svg)| format!("[picture-{name}]: {}\n", data_url(svg))).collect()
}

/// Returns a picture as a `data:` URL (RFC 2397), with runs of white space as one space.
fn data_url(svg: &str) -> String {
    let words: Vec<_> = svg.split_whitespace().collect();
    let mut url = String::from("data:image/svg+xml,");
    for byte in words.join(" ").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'/' | b':' | b'=' | b',' | b';' => {
                url.push(byte.into());
            }
            byte => url += &format!("%{byte:02X}"),
        }
    }
    url
}

#[test]
fn a_url_has_no_character_that_markdown_or_html_gives_a_meaning() {
    let svg = "<svg a=\"1\">\n  <text>5 % (é)</text>\n</svg>\n";
    assert_eq!(
        definitions([("x", svg)].into_iter()),
        "[picture-x]: data:image/svg+xml,%3Csvg%20a=%221%22%3E%20%3Ctext%3E5%20%25%20%28%C3%A9%29%3C/text%3E%20%3C/svg%3E\n"
    );
}
