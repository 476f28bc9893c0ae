//! The log of decisions, as text and as a hash.

use core::fmt;

use retry_core::Instant;

/// Takes the log of a scenario, line by line.
pub trait Log {
    /// Adds a line.
    fn line(&mut self, line: &Line<'_>);
}

/// One line: the time, words that say what happened, and numbers.
///
/// ```
/// use retry_core::Instant;
/// use tests::Line;
///
/// let line = Line { at: Instant::from_millis(7), words: &["failed", "Server", "retry"], numbers: &[2, 1_000] };
/// assert_eq!(line.to_string(), "7000000 failed Server retry 2 1000");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Line<'l> {
    /// The time since the scenario began.
    pub at: Instant,
    /// From the general to the specific.
    pub words: &'l [&'static str],
    /// The numbers. Times are in nanoseconds.
    pub numbers: &'l [u64],
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at.as_nanos())?;
        self.words.iter().try_for_each(|word| write!(f, " {word}"))?;
        self.numbers.iter().try_for_each(|number| write!(f, " {number}"))
    }
}

/// Writes lines of text.
#[derive(Debug, Default)]
pub struct Text<W>(pub W);

impl<W: fmt::Write> Log for Text<W> {
    /// # Panics
    /// Panics if the writer is full, so that an incomplete log is noticed.
    fn line(&mut self, line: &Line<'_>) {
        writeln!(self.0, "{line}").expect("the writer holds the whole log");
    }
}

/// Hashes lines by [FNV-1a](https://datatracker.ietf.org/doc/html/draft-eastlake-fnv) in 64 bits. It does not format
/// them as text, which would take a small processor much longer than the decisions.
///
/// For each line, it hashes each word followed by a zero, then each number, then 0xff. A number is hashed in groups of
/// seven bits, lowest first. The eighth bit of a byte is set if another group follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fnv(u64);

impl Fnv {
    /// The hash of an empty log.
    pub const EMPTY: Self = Self::of(0xcbf2_9ce4_8422_2325);

    /// Makes a log with this hash.
    pub const fn of(hash: u64) -> Self {
        Self(hash)
    }

    /// Returns the hash of the log so far.
    pub const fn hash(&self) -> u64 {
        self.0
    }

    fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }

    #[allow(clippy::cast_possible_truncation)] // only the low bits are used
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }
}

impl Default for Fnv {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Log for Fnv {
    fn line(&mut self, line: &Line<'_>) {
        self.number(line.at.as_nanos());
        for word in line.words {
            word.bytes().for_each(|byte| self.byte(byte));
            self.byte(0);
        }
        line.numbers.iter().for_each(|number| self.number(*number));
        self.byte(0xff);
    }
}

/// Hashes bytes as they are, such as text.
impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.byte(byte));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Write;

    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // Test vectors from the draft.
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            let mut fnv = Fnv::EMPTY;
            fnv.write_str(text).unwrap();
            assert_eq!(fnv.hash(), hash, "{text}");
        }
    }
}
