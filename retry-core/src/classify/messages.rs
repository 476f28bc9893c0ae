//! The class of an error that is only text.

use core::fmt;
use core::fmt::Write;

use super::phrases::COMMON;
use crate::class::Class;
use crate::config_error::{ConfigError, Value, ok_or_panic};

/// A classifier for errors that say what they are only in words: a table of phrases and their classes.
///
/// **The last resort.** Texts are written for people: they change between versions and languages, and one that
/// quotes a file name or a user's input says whatever that says. Where an error has a variant, a code or a status,
/// classify by that, and use this for the rest.
///
/// The first phrase *of the table* that occurs anywhere in the text decides; none is [`Class::Unknown`].
///
/// - A phrase is one or more whole words: `timeout` is not in `timeouts`.
/// - Letters are compared without regard to case, in ASCII.
/// - Whatever is no ASCII letter or digit separates words, as much of it as there is: `timed out` is in
///   `timed-out`, `TIMED_OUT` and `timed\n  out`.
/// - So does a capital after a small letter: `too many requests` is in `TooManyRequestsException`.
///
/// ```
/// use retry_core::{classify::Messages, Class};
///
/// const MESSAGES: Messages = Messages::new(&[
///     ("ORA-00060", Class::Transient), // deadlock
///     ("upload timeout is", Class::Unknown), // only quotes a setting
/// ])
/// .or_default();
///
/// assert_eq!(MESSAGES.classify("ora-00060: see the trace file"), Class::Transient);
/// assert_eq!(MESSAGES.classify("upload timeout is 30 s"), Class::Unknown);
/// assert_eq!(MESSAGES.classify("upstream timeout"), Class::Timeout);
/// assert_eq!(MESSAGES.classify("frobnication failed"), Class::Unknown);
/// ```
///
/// In a retry, of any error that can be shown:
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
/// An error shows no more than itself; its sources can be written after it: `&format_args!("{error:#}")` for one
/// of `anyhow`'s.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Messages {
    /// Asked in this order.
    tables: [&'static [Phrase]; 2],
}

type Phrase = (&'static str, Class);

impl Messages {
    /// The phrases of common operating systems, protocols and databases.
    ///
    /// In this order, so that what says how it failed comes before what may be about anything:
    ///
    /// | class | among others |
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
    /// | `Timeout`, `Server` | `timeout`, `unavailable`, where nothing else was said |
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

    /// The longest phrase, in bytes.
    pub const LONGEST_PHRASE: usize = WINDOW - 1;

    /// The classifier by this table alone.
    ///
    /// # Panics
    /// On a phrase that is empty or longer than [`LONGEST_PHRASE`](Self::LONGEST_PHRASE), or that does not begin
    /// and end with an ASCII letter or digit.
    #[track_caller]
    pub const fn new(table: &'static [(&'static str, Class)]) -> Self {
        ok_or_panic!(Self::try_new(table))
    }

    /// [`new`](Self::new) for a table known only at run time. The error names a phrase by its place, from 1.
    ///
    /// # Errors
    /// A phrase that is empty or longer than [`LONGEST_PHRASE`](Self::LONGEST_PHRASE), or that does not begin and
    /// end with an ASCII letter or digit.
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

    /// The same, and where no phrase of its own is found, those of [`DEFAULT`](Self::DEFAULT).
    #[must_use]
    pub const fn or_default(self) -> Self {
        Self { tables: [self.tables[0], COMMON] }
    }

    /// The class of an error by the text it shows.
    ///
    /// The text is read as it is written, all of it, however long, and only its last 64 bytes are kept: this takes
    /// no allocator. Each word is compared with the whole table, up to the phrase found. Of an error that fails to
    /// show itself, what came before the failure counts.
    pub fn classify<E: fmt::Display + ?Sized>(&self, error: &E) -> Class {
        let mut search = Search::new(self);
        // Only what shows itself can fail here: the search never does.
        let _ = write!(search, "{error}");
        search.word_ends();
        search.class
    }
}

/// Reads a text in pieces and knows the first phrase of the table that it has met.
struct Search<'a> {
    messages: &'a Messages,
    /// The last bytes read, in a ring: what separates words is one space, and so is what comes before the text.
    window: [u8; WINDOW],
    /// Where the next byte goes; wraps.
    end: usize,
    /// How many phrases of the table are still of interest: those before the one found.
    open: usize,
    /// By the phrase found.
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

    /// Looks for the first phrase that ends here.
    fn word_ends(&mut self) {
        let last = self.back(0).to_ascii_lowercase();
        let mut place = 0;
        for table in self.messages.tables {
            for (phrase, class) in table {
                if place == self.open {
                    return;
                }
                // Most phrases are ruled out by their last letter.
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

    /// Whether the text so far ends with this phrase, and a word begins where it does.
    ///
    /// A phrase ends with a letter or digit: wherever two bytes are compared here, one has been read before them.
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

    /// The byte before the last `index` ones.
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

/// A phrase and the byte before it. A power of two, which `Search::end` needs to wrap.
const WINDOW: usize = 64;
