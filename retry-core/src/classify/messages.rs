//! The class of an error by its text.

use core::fmt;
use core::fmt::Write;

use super::phrases::{AFTER_CODES, BEFORE_CODES, CONNECTING, ENDS, MISSING_FILE, end, phrase};
use super::text_codes::{Certainty, Codes};
use crate::class::Class;
use crate::config_error::{ConfigError, Value, ok_or_panic};

/// A classifier for errors of which only the text is left. It reads codes first, and words last.
///
/// **This classifier is the last resort.** Texts are written for people, and change between versions and languages. A
/// text may quote a file name or user input, and those words can then match a phrase. If an error has a variant, a code
/// or a status, classify by that, and use this for the rest.
///
/// [`DEFAULT`](Self::DEFAULT) decides by the first of these that is in the text:
///
/// 1. The texts of this crate's own errors, and a few phrases that say more than any code beside them.
/// 2. A code: an error number of the system, SQLSTATE, a number of MySQL or SQLite, the first word of a Redis error, a
///    code of AWS, Kafka, MongoDB, MQTT or curl, a gRPC or HTTP status. If there are several, the inner cause decides
///    before the service, and the service before the protocol.
/// 3. The phrases of `DEFAULT`. Specific phrases come before general ones.
/// 4. A single strong word, such as `denied`, `unreachable` or `duplicate`.
///
/// [`new`](Self::new) makes a classifier by a table of your own phrases alone. With [`or_default`](Self::or_default),
/// the codes and phrases of `DEFAULT` follow. The first phrase *of the table* that occurs anywhere in the text decides;
/// if there is none, the class is [`Class::Unknown`].
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
/// It works with a [`Retry`](crate::Retry) for any error with `Display`:
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
    own: &'static [Phrase],
    /// Whether the codes and phrases of `DEFAULT` follow.
    or_default: bool,
}

type Phrase = (&'static str, Class);

impl Messages {
    /// The codes and phrases of common operating systems, protocols, databases and services.
    ///
    /// The codes are those of [`Class::of_os_error`], [`of_sqlstate`](Class::of_sqlstate),
    /// [`of_mysql_error`](Class::of_mysql_error), [`of_sqlite_code`](Class::of_sqlite_code),
    /// [`of_mongodb_code`](Class::of_mongodb_code), [`of_redis_error`](Class::of_redis_error),
    /// [`of_aws_code`](Class::of_aws_code), [`of_kafka_code`](Class::of_kafka_code),
    /// [`of_mqtt_reason`](Class::of_mqtt_reason), [`of_curl_code`](Class::of_curl_code),
    /// [`of_grpc_code`](Class::of_grpc_code) and [`of_http_status`](Class::of_http_status). A general code, such as
    /// `HY000`, leaves the decision to the words. So does an error number that systems read differently, such as 32,
    /// which is a broken pipe on Linux and a locked file on Windows. A number of things is no code: `got 503 bytes`.
    ///
    /// ```
    /// use retry_core::{classify::Messages, Class};
    ///
    /// let class = |text| Messages::DEFAULT.classify(text);
    /// // These are classified by a code, whatever the words around it say.
    /// assert_eq!(class("tcp connect error: Connection refused (os error 111)"), Class::Network);
    /// assert_eq!(class("ERROR 1062 (23000): Duplicate entry 'timeout' for key 'PRIMARY'"), Class::Client);
    /// assert_eq!(class("LOADING Redis is loading the dataset in memory"), Class::Transient);
    /// assert_eq!(class("HTTP status client error (409 Conflict)"), Class::Client);
    /// // These are classified by words.
    /// assert_eq!(class("Connection refused, return code: `NotAuthorized`"), Class::Client);
    /// assert_eq!(class("invalid timeout: -1"), Class::Validation);
    /// assert_eq!(class("no timeout configured"), Class::Unknown);
    /// assert_eq!(class("got 503 bytes"), Class::Unknown);
    /// ```
    pub const DEFAULT: Self = Self { own: &[], or_default: true };

    /// How much of a text is read, in bytes.
    ///
    /// The rest is left out, so that a text of any length takes a bounded time. The text then gets an error of
    /// [`fmt::Write`], and most types stop writing at that error.
    pub const MOST_READ: usize = 4_096;

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
        Ok(Self { own: table, or_default: false })
    }

    /// Sets that [`DEFAULT`](Self::DEFAULT) decides if no phrase of the classifier's own is found.
    #[must_use]
    pub const fn or_default(self) -> Self {
        Self { or_default: true, ..self }
    }

    /// Returns the class of an error by the text that it shows.
    ///
    /// It reads the text as it is written, up to [`MOST_READ`](Self::MOST_READ) bytes, and keeps only its last words,
    /// so it needs no allocator. If the error fails to show itself, the text before the failure counts.
    pub fn classify<E: fmt::Display + ?Sized>(&self, error: &E) -> Class {
        let mut search = Search::new(self);
        // It also fails if the text is too long.
        let _ = write!(search, "{error}");
        search.class()
    }
}

/// A search for phrases in a text that is read in pieces. It keeps the first phrase of the table found so far.
struct Search<'a> {
    messages: &'a Messages,
    /// A ring of the last bytes read. Each separator of words is one space, and so is the part before the text.
    window: [u8; WINDOW],
    /// The number of bytes read, which wraps. The next byte goes to this place in the ring.
    end: usize,
    /// How many bytes are still read.
    left: usize,
    /// Whether the text went on after them.
    is_cut: bool,
    /// How many phrases are still of interest, of all tables: those before the one found.
    open: usize,
    /// The class of the phrase found.
    class: Class,
    codes: Codes,
    /// Whether the text says that it was about to connect.
    is_connecting: bool,
    /// Whether it says that a file is missing.
    is_missing_file: bool,
}

impl<'a> Search<'a> {
    fn new(messages: &'a Messages) -> Self {
        Self {
            messages,
            window: [SPACE; WINDOW],
            end: 0,
            left: Messages::MOST_READ,
            is_cut: false,
            open: usize::MAX,
            class: Class::Unknown,
            codes: Codes::new(),
            is_connecting: false,
            is_missing_file: false,
        }
    }

    /// Returns the class after the text was read. A word that was cut off at the end is ignored.
    fn class(mut self) -> Class {
        if !self.is_cut {
            self.word_ends();
            self.codes.token_ends(0);
        }
        if !self.messages.or_default {
            return self.class;
        }
        let before_codes = self.messages.own.len() + BEFORE_CODES.len();
        let class = match self.codes.found() {
            Some((class, Certainty::Sure)) if self.open >= before_codes => class,
            Some((class, Certainty::Ambiguous)) if self.open >= before_codes + AFTER_CODES.len() => class,
            _ => self.class,
        };
        // The missing file is then the socket of a stopped server.
        let is_own = self.open < self.messages.own.len();
        if class == Class::NotFound && self.is_connecting && self.is_missing_file && !is_own {
            return Class::Network;
        }
        class
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
        let own = self.messages.own;
        if let Some(place) = own.iter().take(self.open).position(|(phrase, _)| self.ends_with(phrase)) {
            (self.open, self.class) = (place, own[place].1);
            return;
        }
        if !self.messages.or_default {
            return;
        }
        // Most phrases are ruled out by their last two letters.
        let end = end(self.back(1), self.back(0));
        let open = ENDS.len().min(self.open.saturating_sub(own.len()));
        for (place, _) in ENDS[..open].iter().enumerate().filter(|(_, ends)| **ends == end) {
            let (phrase, class) = phrase(place);
            if self.ends_with(phrase) {
                (self.open, self.class) = (own.len() + place, class);
                break;
            }
        }
        self.is_connecting = self.is_connecting || CONNECTING.iter().any(|phrase| self.ends_with(phrase));
        self.is_missing_file =
            self.is_missing_file || MISSING_FILE.iter().any(|phrase| self.ends_with(phrase));
    }

    /// Returns whether the text so far ends with this phrase, and the phrase begins at the beginning of a word.
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

    /// Returns the byte before the last `index` bytes.
    fn back(&self, index: usize) -> u8 {
        self.window[self.end.wrapping_sub(1 + index) % WINDOW]
    }
}

impl Write for Search<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        for byte in piece.bytes() {
            self.is_cut = self.left == 0;
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.read(byte);
            if self.messages.or_default {
                self.codes.read(byte);
            }
        }
        Ok(())
    }
}

const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Returns whether a word begins between these two: `yM` of `tooManyRequests`.
const fn is_hump(before: u8, after: u8) -> bool {
    before.is_ascii_lowercase() && after.is_ascii_uppercase()
}

const SPACE: u8 = b' ';

/// The length of the longest phrase and of the byte before it. It is a power of two, so that `Search::end` can wrap.
const WINDOW: usize = 64;
