//! Text from outside, made safe for a line: unclean characters are replaced, and a long text is cut.

use core::fmt::{self, Write};

/// Returns whether a character is replaced in a line: control characters, ends of lines and paragraphs, and marks of
/// text direction. Otherwise, a name from a caller could end a line, fake another one, or reverse it. All fit 16 bits.
pub(crate) fn is_unclean(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The most bytes that are shown of a name or a key.
const LONGEST_NAME: usize = 128;
/// The most bytes that are shown of another text, such as that of an error.
const LONGEST_LINE: usize = 1024;
const CUT: &str = "..";

/// Returns the first 128 bytes, or up to 3 fewer at a character boundary, and whether there are more.
pub(crate) fn cut(name: &str) -> (&str, bool) {
    let text = beginning(name, LONGEST_NAME);
    (text, text.len() < name.len())
}

/// Returns the parts between unclean characters. The replacement character goes between them.
pub(crate) fn clean(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_unclean)
}

/// The longest beginning of at most this many bytes. No slice is used: the message of its panic takes kilobytes on a
/// small machine.
fn beginning(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    (0..=most).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// A name as a line shows it: up to 128 bytes of it, clean.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, rest) = cut(self.0);
        if !rest && !text.contains(is_unclean) {
            return f.pad(text); // with the width that was asked for
        }
        Clean { to: f, left: usize::MAX, end: End::Open }.write_str(text)?;
        f.write_str(if rest { CUT } else { "" })
    }
}

/// Shows the name in quotes. The escapes of `str` leave no unclean character.
impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, rest) = cut(self.0);
        fmt::Debug::fmt(text, f)?;
        f.write_str(if rest { CUT } else { "" })
    }
}

/// Pairs of name and value, as [`Shown`] shows them: the first eight.
pub(crate) struct Pairs<'a, S>(pub(crate) &'a [(S, S)]);

impl<S: AsRef<str>> fmt::Debug for Pairs<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 8;
        let shown =
            self.0.iter().take(MOST).map(|(name, value)| (Shown(name.as_ref()), Shown(value.as_ref())));
        let mut list = f.debug_list();
        list.entries(shown);
        if self.0.len() > MOST { list.finish_non_exhaustive() } else { list.finish() }
    }
}

/// Any text as part of a line: up to 1 KiB of it, clean. If it fails to format itself, it ends there.
pub(crate) struct OnOneLine<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for OnOneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternate = f.alternate();
        let mut line = Clean { to: f, left: LONGEST_LINE, end: End::Open };
        let _ = if alternate { write!(line, "{:#}", self.0) } else { write!(line, "{}", self.0) };
        match line.end {
            End::Open => Ok(()),
            End::Cut => f.write_str(CUT),
            End::Failed => Err(fmt::Error),
        }
    }
}

/// Writes the replacement character in place of each unclean character, and stops after some bytes.
struct Clean<'a, 'f> {
    to: &'a mut fmt::Formatter<'f>,
    left: usize,
    end: End,
}

enum End {
    Open,
    /// The text is longer than may be shown.
    Cut,
    /// The formatter failed.
    Failed,
}

impl Clean<'_, '_> {
    fn write(&mut self, text: &str) -> fmt::Result {
        let mut parts = clean(text);
        self.to.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| {
            self.to.write_char(char::REPLACEMENT_CHARACTER)?;
            self.to.write_str(part)
        })
    }
}

impl Write for Clean<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let End::Open = self.end else { return Err(fmt::Error) };
        let shown = beginning(text, self.left);
        self.left -= shown.len();
        if self.write(shown).is_err() {
            self.end = End::Failed;
            return Err(fmt::Error);
        }
        if shown.len() < text.len() {
            self.end = End::Cut;
            return Err(fmt::Error);
        }
        Ok(())
    }
}
