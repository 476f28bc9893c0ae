//! The class of an error by its text.

use core::fmt;
use core::fmt::Write;

use super::phrases::COMMON;
use crate::class::Class;
use crate::config_error::{ConfigError, Value, ok_or_panic};

/// A classifier by error text: a table of phrases and their classes.
///
/// **Use it only if the error has no variant, code or status.** Texts change between versions and languages. A text
/// that quotes a file name or user input may contain any phrase.
///
/// The class is that of the first phrase *of the table* that occurs anywhere in the text. If none occurs, it is
/// [`Class::Unknown`].
///
/// - A phrase consists of whole words: `timeouts` does not contain the phrase `timeout`.
/// - The case of ASCII letters is ignored.
/// - All characters except ASCII letters and digits separate words, any number of them: `timed-out`, `TIMED_OUT` and
///   `timed\n  out` contain the phrase `timed out`.
/// - A capital letter after a small letter begins a word: `TooManyRequestsException` contains the phrase
///   `too many requests`.
///
/// ```
/// use retry_core::{classify::Messages, Class};
///
/// const MESSAGES: Messages = Messages::new(&[
///     ("ORA-00060", Class::Transient), // deadlock
///     ("upload timeout is", Class::Unknown), // the value of a setting
/// ])
/// .or_default();
///
/// assert_eq!(MESSAGES.classify("ora-00060: see the trace file"), Class::Transient);
/// assert_eq!(MESSAGES.classify("upload timeout is 30 s"), Class::Unknown);
/// assert_eq!(MESSAGES.classify("upstream timeout"), Class::Timeout);
/// assert_eq!(MESSAGES.classify("frobnication failed"), Class::Unknown);
/// ```
///
/// With a [`Retry`](crate::Retry), for any error with `Display`:
///
/// ```
/// use retry_core::{classify::Messages, testing::FakeClock, Class, Policy, Retry};
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock)
///     .classify(|error: &String| Messages::DEFAULT.classify(error));
/// let error = retry.run_blocking(|| Err::<(), _>("access denied".to_string())).unwrap_err();
/// assert_eq!(error.context().class, Some(Class::Client));
/// assert_eq!(error.context().attempt, 1);
/// ```
///
/// The `Display` of most errors leaves out their sources. To include those of an `anyhow::Error`, classify
/// `&format_args!("{error:#}")`.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Messages {
    /// Searched in this order.
    tables: [&'static [Phrase]; 2],
}

type Phrase = (&'static str, Class);

impl Messages {
    /// The phrases of common operating systems, protocols and databases, specific ones before general ones.
    ///
    /// The classes are in this order:
    ///
    /// | class | some of the phrases |
    /// |---|---|
    /// | `Exhausted`, `CircuitOpen` | `gave up after attempt`, `circuit breaker is open` |
    /// | `RateLimit` | `too many requests`, `rate limit`, `throttled`, `slow down`, `resource exhausted` |
    /// | `Transient` | `temporarily unavailable`, `try again`, `deadlock`, `lock wait`, `too many open files` |
    /// | `Timeout` | `timed out`, `deadline exceeded`, `gateway timeout` |
    /// | `Network` | `connection refused`, `broken pipe`, `no route to host`, `no such host`, `dns error` |
    /// | `Server` | `internal server error`, `bad gateway`, `service unavailable`, `overloaded` |
    /// | `Permanent` | `no space left`, `not supported`, `not implemented`, `certificate` |
    /// | `Client` | `permission denied`, `unauthorized`, `forbidden` |
    /// | `NotFound` | `not found`, `no such`, `does not exist` |
    /// | `Serialization` | `parse`, `decode`, `deserialize`, `invalid utf 8` |
    /// | `Validation` | `invalid`, `malformed`, `bad request`, `out of range` |
    /// | `Unknown` | `no timeout` |
    /// | `Timeout`, `Server` | `timeout`, `unavailable` |
    ///
    /// ```
    /// use retry_core::{classify::Messages, Class};
    ///
    /// let class = |text| Messages::DEFAULT.classify(text);
    /// assert_eq!(class("tcp connect error: Connection refused (os error 111)"), Class::Network);
    /// assert_eq!(class("invalid timeout: -1"), Class::Validation);
    /// assert_eq!(class("no timeout configured"), Class::Unknown);
    /// ```
    pub const DEFAULT: Self = Self::new(COMMON);

    /// The length of the longest phrase that is allowed, in bytes.
    pub const LONGEST_PHRASE: usize = WINDOW - 1;

    /// Makes a classifier with this table. The phrases of [`DEFAULT`](Self::DEFAULT) are left out, unless
    /// [`or_default`](Self::or_default) adds them.
    ///
    /// # Panics
    /// Panics if a phrase is empty, is longer than [`LONGEST_PHRASE`](Self::LONGEST_PHRASE), or begins or ends with
    /// anything but an ASCII letter or digit.
    #[track_caller]
    pub const fn new(table: &'static [(&'static str, Class)]) -> Self {
        ok_or_panic!(Self::try_new(table))
    }

    /// Does the same as [`new`](Self::new), for a table known only at run time.
    ///
    /// # Errors
    /// Returns an error if a phrase is empty, is longer than [`LONGEST_PHRASE`](Self::LONGEST_PHRASE), or begins or
    /// ends with anything but an ASCII letter or digit. The error has the place of the phrase in the table, counted
    /// from 1.
    pub const fn try_new(table: &'static [(&'static str, Class)]) -> Result<Self, ConfigError> {
        let mut i = 0;
        while i < table.len() {
            let phrase = table[i].0.as_bytes();
            let place = Value::Count(i as u64 + 1);
            if phrase.len() > Self::LONGEST_PHRASE {
                let limit = Value::Count(Self::LONGEST_PHRASE as u64);
                let error = ConfigError::new("phrase", place, "must have at most");
                return Err(error.limit(limit, "the longest, in bytes"));
            }
            match (phrase.first(), phrase.last()) {
                (Some(first), Some(last)) if is_of_word(*first) && is_of_word(*last) => i += 1,
                _ => {
                    let rule = "must begin and end with an ASCII letter or digit";
                    return Err(ConfigError::new("phrase", place, rule));
                }
            }
        }
        Ok(Self { tables: [table, &[]] })
    }

    /// Adds the phrases of [`DEFAULT`](Self::DEFAULT), after those of this table.
    #[must_use]
    pub const fn or_default(self) -> Self {
        Self { tables: [self.tables[0], COMMON] }
    }

    /// Returns the class of an error by its `Display` text.
    ///
    /// The whole text is read while it is written, and only its last 64 bytes are kept, so this needs no allocator. The
    /// time grows with the number of words times the number of phrases. If the error's `Display` fails, the text up to
    /// the failure counts.
    pub fn classify<E: fmt::Display + ?Sized>(&self, error: &E) -> Class {
        let mut search = Search::new(self);
        // Only the error's `Display` can fail here. The search itself always succeeds.
        let _ = write!(search, "{error}");
        search.word_ends();
        search.class
    }
}

/// A search for phrases in a text that is read in pieces. It keeps the first phrase of the table found so far.
struct Search<'a> {
    messages: &'a Messages,
    /// A ring of the last bytes read. Each separator of words is one space, and so is the part before the text.
    window: [u8; WINDOW],
    /// The number of bytes read, which wraps. The next byte goes to this place in the ring.
    end: usize,
    /// The number of phrases in the table before the one found. Only these are still searched for.
    open: usize,
    /// The class of the phrase found.
    class: Class,
}

impl<'a> Search<'a> {
    fn new(messages: &'a Messages) -> Self {
        Self { messages, window: [SPACE; WINDOW], end: 0, open: usize::MAX, class: Class::Unknown }
    }

    fn read(&mut self, byte: u8) {
        let byte = if is_of_word(byte) { byte } else { SPACE };
        let last = self.back(0);
        if byte == SPACE && last == SPACE {
            return;
        }
        if byte == SPACE || is_hump(last, byte) {
            self.word_ends();
        }
        self.window[self.end % WINDOW] = byte;
        self.end = self.end.wrapping_add(1);
    }

    /// Searches for the first phrase that ends here.
    fn word_ends(&mut self) {
        let last = self.back(0).to_ascii_lowercase();
        let mut place = 0;
        for table in self.messages.tables {
            for (phrase, class) in table {
                if place == self.open {
                    return;
                }
                // The last letter rules out most phrases.
                let ends_so = phrase.as_bytes().last().map(u8::to_ascii_lowercase) == Some(last);
                if ends_so && self.ends_with(phrase) {
                    self.open = place;
                    self.class = *class;
                    return;
                }
                place += 1;
            }
        }
    }

    /// Whether the text so far ends with this phrase, and the phrase begins at the beginning of a word.
    ///
    /// The last byte of a phrase is a letter or digit, so `back` is at least 1 when `back - 1` is used.
    fn ends_with(&self, phrase: &str) -> bool {
        let mut back = 0;
        let mut bytes = phrase.bytes().rev().peekable();
        while let Some(byte) = bytes.next() {
            if is_of_word(byte) {
                if !self.back(back).eq_ignore_ascii_case(&byte) {
                    return false;
                }
                back += 1;
                continue;
            }
            while bytes.next_if(|byte| !is_of_word(*byte)).is_some() {}
            match self.back(back) {
                SPACE => back += 1,
                byte if is_hump(byte, self.back(back - 1)) => {}
                _ => return false,
            }
        }
        let before = self.back(back);
        before == SPACE || is_hump(before, self.back(back - 1))
    }

    /// The byte before the last `index` bytes.
    fn back(&self, index: usize) -> u8 {
        self.window[self.end.wrapping_sub(1 + index) % WINDOW]
    }
}

impl Write for Search<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        piece.bytes().for_each(|byte| self.read(byte));
        Ok(())
    }
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Whether a word begins between these two: `yM` of `tooManyRequests`.
const fn is_hump(before: u8, after: u8) -> bool {
    before.is_ascii_lowercase() && after.is_ascii_uppercase()
}

const SPACE: u8 = b' ';

/// The length of the longest phrase and of the byte before it. It is a power of two, so that `Search::end` can wrap.
const WINDOW: usize = 64;
