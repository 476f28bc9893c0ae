//! The links, labels and headings of a Markdown page, read by the parser that rustdoc uses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use pulldown_cmark::{BrokenLink, Event, LinkType, Options, Parser, Tag, TagEnd};

#[derive(Default)]
pub(crate) struct Page {
    pub(crate) links: Vec<Link>,
    /// The definitions at the end of the page: targets by label, in small letters.
    pub(crate) labels: BTreeMap<String, String>,
    /// Labels that are used and not defined, with their lines.
    pub(crate) undefined: Vec<(usize, String)>,
    pub(crate) anchors: BTreeSet<String>,
    /// Lines of links and images that are written as HTML.
    pub(crate) html: Vec<usize>,
}

pub(crate) struct Link {
    pub(crate) line: usize,
    pub(crate) is_image: bool,
    /// In small letters; `None` if the target stands in the text.
    pub(crate) label: Option<String>,
    pub(crate) target: String,
}

impl Page {
    pub(crate) fn read(text: &str) -> Self {
        let line = |offset: usize| text[..offset].matches('\n').count() + 1;
        let undefined = RefCell::new(Vec::new());
        let note = |link: BrokenLink| {
            undefined.borrow_mut().push((line(link.span.start), link.reference.to_string()));
            None
        };
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
        let parser = Parser::new_with_broken_link_callback(text, options, Some(note));

        let definitions = parser.reference_definitions().iter();
        let labels =
            definitions.map(|(text, definition)| (label(text), definition.dest.to_string())).collect();
        let mut page = Self { labels, ..Self::default() };
        let mut heading = None;
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.head(&heading.take().unwrap_or_default()),
                Event::Text(part) | Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                }
                Event::Start(
                    ref tag @ (Tag::Link { link_type, ref dest_url, ref id, .. }
                    | Tag::Image { link_type, ref dest_url, ref id, .. }),
                ) => page.links.push(Link {
                    line: line(range.start),
                    is_image: matches!(tag, Tag::Image { .. }),
                    label: (link_type != LinkType::Inline && link_type != LinkType::Autolink)
                        .then(|| label(id)),
                    target: dest_url.to_string(),
                }),
                Event::Html(html) | Event::InlineHtml(html)
                    if ["<a ", "<img "].iter().any(|tag| html.to_lowercase().contains(tag)) =>
                {
                    page.html.push(line(range.start));
                }
                _ => {}
            }
        }
        page.undefined = undefined.into_inner();
        page
    }

    /// Adds a heading's anchor, which forges and rustdoc make in the same way.
    fn head(&mut self, heading: &str) {
        let slug: String = heading
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let numbered = (1..).map(|i| format!("{slug}-{i}"));
        let anchor = [slug.clone()].into_iter().chain(numbered).find(|anchor| !self.anchors.contains(anchor));
        self.anchors.extend(anchor);
    }
}

/// Labels are the same if they differ only in case and white space.
fn label(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}
