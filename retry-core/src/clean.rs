//! Which characters are replaced in a log line.

/// Returns whether a character is replaced in log lines: control characters, ends of lines and paragraphs, and marks of
/// text direction. Otherwise, a name from a caller could end a line, fake another one, or reverse it. All fit 16 bits.
pub(crate) fn is_unclean(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
