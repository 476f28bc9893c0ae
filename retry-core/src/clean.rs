//! Which characters a log must not hold.

/// Control characters, and those of Unicode that end a line or a paragraph, or change the direction of what follows:
/// what names a caller gave must not end a line of a log, begin another one, or turn it around. All fit 16 bits.
pub(crate) fn is_unclean(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
