//! `std::io::Error`, and errors that consist only of text.

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind};

use proptest::prelude::*;
use proptest::sample::select;
use retry_core::{
    Class, Classify, Error, Failure, Policy, Rejected, Retry, classify::Messages, testing::FakeClock,
};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    /// Compares the classifier with a search for phrases in the whole text.
    #[test]
    fn phrases_are_found_like_by_a_search_in_the_whole_text(
        words in prop::collection::vec(select(&["a", "b", "ab", "a1", "abc", "c"][..]), 0..12),
        separators in prop::collection::vec(select(&[" ", "-", "_ ", ": \u{2019}", "\n", ""][..]), 13),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        shout in any::<bool>(),
    ) {
        const TABLE: &[(&str, Class)] = &[
            ("abc-A", Class::Timeout),
            ("b  ab", Class::Network),
            ("ab", Class::Server),
            ("a1 a1", Class::Client),
            ("B", Class::NotFound),
        ];
        let mut text = separators[12].to_owned();
        for (word, separator) in words.iter().zip(&separators) {
            text.extend([*word, *separator]);
        }
        let spaced = |text: &str| {
            let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
            let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
            format!(" {} ", words.join(" ").to_ascii_lowercase())
        };
        let expected = TABLE.iter().find(|(phrase, _)| spaced(&text).contains(&spaced(phrase)));
        let expected = expected.map_or(Class::Unknown, |(_, class)| *class);
        if shout {
            text.make_ascii_uppercase();
        }
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        let pieces = Pieces { text: &text, cuts: &cuts };
        prop_assert_eq!(Messages::new(TABLE).classify(&pieces), expected, "{:?}", text);
    }
}

/// A text that is written in parts.
struct Pieces<'a> {
    text: &'a str,
    cuts: &'a [usize],
}

impl fmt::Display for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut from = 0;
        for &cut in self.cuts {
            if self.text.is_char_boundary(cut) {
                f.write_str(&self.text[from..cut])?;
                from = cut;
            }
        }
        f.write_str(&self.text[from..])
    }
}

/// The kind, its class, and the class of its text if that differs.
const KINDS: &[(ErrorKind, Class, Option<Class>)] = &[
    (ErrorKind::ConnectionRefused, Class::Network, None),
    (ErrorKind::ConnectionReset, Class::Network, None),
    (ErrorKind::ConnectionAborted, Class::Network, None),
    (ErrorKind::NotConnected, Class::Network, None),
    (ErrorKind::BrokenPipe, Class::Network, None),
    (ErrorKind::HostUnreachable, Class::Network, None),
    (ErrorKind::NetworkUnreachable, Class::Network, None),
    (ErrorKind::NetworkDown, Class::Network, None),
    (ErrorKind::AddrNotAvailable, Class::Network, None),
    (ErrorKind::UnexpectedEof, Class::Network, None),
    (ErrorKind::TimedOut, Class::Timeout, None),
    (ErrorKind::Interrupted, Class::Transient, None),
    (ErrorKind::WouldBlock, Class::Transient, None),
    (ErrorKind::ResourceBusy, Class::Transient, None),
    (ErrorKind::ExecutableFileBusy, Class::Transient, None),
    (ErrorKind::AddrInUse, Class::Transient, None),
    (ErrorKind::Deadlock, Class::Transient, None),
    (ErrorKind::StaleNetworkFileHandle, Class::Transient, None),
    (ErrorKind::OutOfMemory, Class::Transient, None),
    (ErrorKind::NotFound, Class::NotFound, None),
    (ErrorKind::PermissionDenied, Class::Client, None),
    (ErrorKind::AlreadyExists, Class::Client, None),
    (ErrorKind::NotADirectory, Class::Client, None),
    (ErrorKind::IsADirectory, Class::Client, None),
    (ErrorKind::DirectoryNotEmpty, Class::Client, None),
    (ErrorKind::InvalidInput, Class::Validation, None),
    (ErrorKind::InvalidFilename, Class::Validation, None),
    (ErrorKind::ArgumentListTooLong, Class::Validation, None),
    (ErrorKind::InvalidData, Class::Serialization, Some(Class::Validation)),
    (ErrorKind::Unsupported, Class::Permanent, None),
    (ErrorKind::StorageFull, Class::Permanent, None),
    // A service uses the same words for a rate limit.
    (ErrorKind::QuotaExceeded, Class::Permanent, Some(Class::RateLimit)),
    (ErrorKind::ReadOnlyFilesystem, Class::Permanent, None),
    (ErrorKind::FileTooLarge, Class::Permanent, None),
    (ErrorKind::NotSeekable, Class::Permanent, None),
    (ErrorKind::CrossesDevices, Class::Permanent, None),
    (ErrorKind::TooManyLinks, Class::Permanent, None),
    (ErrorKind::WriteZero, Class::Permanent, None),
    (ErrorKind::Other, Class::Unknown, None),
];

#[test]
fn the_class_of_an_io_error_and_of_its_text() {
    for &(kind, class, of_text) in KINDS {
        let error = io::Error::from(kind);
        assert_eq!(error.classify(), class.into(), "{kind:?}");
        assert_eq!(Messages::DEFAULT.classify(&error), of_text.unwrap_or(class), "{error}");
    }
}

#[test]
fn an_io_error_around_another() {
    let refused = || io::Error::from(ErrorKind::ConnectionRefused);
    let clock = FakeClock::new();
    let ours = || -> Error<io::Error> {
        let retry = Retry::new(&Policy::DEFAULT, &clock);
        retry.run_blocking(|| Err::<(), _>(refused())).unwrap_err()
    };
    let rejected = Rejected::new(retry_core::circuit::Phase::Open, std::time::Duration::from_secs(1));
    let rows: Vec<(io::Error, Class)> = vec![
        (io::Error::other("text"), Class::Unknown),
        (io::Error::other(refused()), Class::Network),
        (io::Error::other(io::Error::other(refused())), Class::Network),
        // The kind of the outer error takes precedence, unless it is `Other`.
        (io::Error::new(ErrorKind::TimedOut, refused()), Class::Timeout),
        (io::Error::other(ours()), Class::Exhausted),
        (io::Error::new(ErrorKind::ConnectionReset, ours()), Class::Exhausted),
        (io::Error::new(ErrorKind::TimedOut, io::Error::other(ours())), Class::Exhausted),
        (io::Error::other(rejected), Class::CircuitOpen),
    ];
    for (error, class) in rows {
        let expected = Failure::new(class);
        let expected = if class == Class::CircuitOpen { expected.neutral() } else { expected };
        assert_eq!(error.classify(), expected, "{error:?}");
    }

    let mut attempts = 0;
    let outer = Retry::new(&Policy::DEFAULT, &clock);
    let error = outer.run_blocking(|| {
        attempts += 1;
        Err::<(), _>(io::Error::other(ours()))
    });
    assert_eq!(attempts, 1, "{error:?}");
}

#[test]
fn the_class_of_a_text() {
    let rows: &[(&str, Class)] = &[
        ("operation timed out", Class::Timeout),
        ("Request Time-out", Class::Timeout),
        ("status: DEADLINE_EXCEEDED", Class::Timeout),
        ("deadline has elapsed", Class::Timeout),
        ("canceling statement due to statement timeout", Class::Timeout),
        ("failed to connect to 10.0.0.1: Connection timed out (os error 110)", Class::Timeout),
        ("failed to connect to 10.0.0.1: Connection refused (os error 111)", Class::Network),
        ("No such host is known. (os error 11001)", Class::Network),
        ("failed to lookup address information: Name or service not known", Class::Network),
        ("Temporary failure in name resolution", Class::Network),
        ("MySQL server has gone away", Class::Network),
        ("Resource temporarily unavailable (os error 11)", Class::Transient),
        ("ERROR 1205: Lock wait timeout exceeded; try restarting transaction", Class::Transient),
        ("Deadlock found when trying to get lock", Class::Transient),
        ("could not serialize access due to concurrent update", Class::Transient),
        ("ThrottlingException: Rate exceeded", Class::RateLimit),
        ("TooManyRequestsException", Class::RateLimit),
        ("Rate limit reached, please try again in 20s", Class::RateLimit),
        ("SlowDown", Class::RateLimit),
        ("readTimeout, socketTimeout", Class::Timeout),
        ("socketTimeout", Class::Timeout),
        ("Disk quota exceeded (os error 122)", Class::Permanent),
        ("invalid peer certificate: Expired", Class::Permanent),
        ("AccessDenied", Class::Client),
        ("NoSuchKey: the specified key is not there", Class::NotFound),
        ("expected `,` while parsing a list", Class::Serialization),
        ("invalid utf-8 sequence of 1 bytes from index 3", Class::Serialization),
        // The cause decides before the answer that was made of it, in any order.
        ("Connection refused (os error 111), answered with HTTP status 503", Class::Network),
        ("HTTP status 503: Connection refused (os error 111)", Class::Network),
        // HTTP/2 and MongoDB have an error of this name.
        ("[92] the stream was not closed cleanly: INTERNAL_ERROR (err 2)", Class::Network),
        ("upstream \u{201c}timeout\u{201d}", Class::Timeout),
        // An error of this library, of which only the text is left.
        ("gave up after attempt 3 of 3, 300 ms (Timeout): no attempts left", Class::Exhausted),
        ("rejected before the first attempt: the circuit is open for another 30.0 s", Class::CircuitOpen),
        // Texts that only look similar.
        ("no timeout configured", Class::Unknown),
        ("invalid timeout: -1", Class::Validation),
        ("timeouted", Class::Unknown),
        ("xtimeout", Class::Unknown),
        ("timeout1", Class::Unknown),
        ("internal error: entered unreachable code", Class::Unknown),
        ("invalidated", Class::Unknown),
        ("the pathfinder is not foundry", Class::Unknown),
        ("", Class::Unknown),
        ("\u{1f980}", Class::Unknown),
    ];
    for &(text, class) in rows {
        assert_eq!(Messages::DEFAULT.classify(text), class, "{text}");
    }
}

#[test]
fn the_longest_phrase_is_found_at_the_end_of_a_long_text() {
    const PHRASE: &str = "phrase of as many bytes as the classifier will take, which is 63";
    const { assert!(PHRASE.len() == Messages::LONGEST_PHRASE + 1) };
    const LONGEST: &str = PHRASE.split_at(Messages::LONGEST_PHRASE).0;
    const MESSAGES: Messages = Messages::new(&[(LONGEST, Class::Server)]);
    for before in [0, 1, 62, 63, 64, 65, Messages::MOST_READ - PHRASE.len()] {
        let text = format!("{} {LONGEST}", "x".repeat(before));
        assert_eq!(MESSAGES.classify(&text), Class::Server, "{before} bytes before");
        let text = format!("{}y{LONGEST}", "x".repeat(before));
        assert_eq!(MESSAGES.classify(&text), Class::Unknown, "{before} letters before");
    }
}

/// A text that counts how much of it is written.
struct Long {
    written: Cell<usize>,
    text: &'static str,
}

impl fmt::Display for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..1 << 20 {
            f.write_str(self.text)?;
            self.written.set(self.written.get() + self.text.len());
        }
        Ok(())
    }
}

#[test]
fn a_text_of_any_length_is_read_up_to_a_bound() {
    for text in ["x", " ", "timeou ", "1 ", "ECONN_", "(1213) ", "\u{1f980}"] {
        let long = Long { written: Cell::new(0), text };
        assert_eq!(Messages::DEFAULT.classify(&long), Class::Unknown, "{text}");
        assert!(long.written.get() <= Messages::MOST_READ, "{text}: {}", long.written.get());
    }

    // What stands before the bound counts, and what it cuts or leaves out does not.
    let text = |before: usize, end: &str| format!("{}{end}", " ".repeat(before));
    let end = Messages::MOST_READ;
    let rows = [
        (text(end - 11, "broken pipe"), Class::Network),
        (text(end - 12, "broken pipe, and more"), Class::Network),
        (text(end - 7, "timeouts"), Class::Unknown),
        (text(end - 6, "timeout"), Class::Unknown),
        (text(end, "timeout"), Class::Unknown),
        (text(end - 11, "os error 11"), Class::Transient),
        (text(end - 11, "os error 111"), Class::Unknown),
    ];
    for (text, class) in rows {
        assert_eq!(Messages::DEFAULT.classify(&text), class, "{}", text.trim_start());
    }
}

#[test]
fn the_first_phrase_of_the_table_decides_at_any_position() {
    const OWN: Messages = Messages::new(&[("gamma", Class::Permanent), ("timeout", Class::Unknown)]);
    const BOTH: Messages = OWN.or_default();
    let rows: &[(&str, Class, Class)] = &[
        ("timeout, gamma", Class::Permanent, Class::Permanent),
        ("gamma, timeout", Class::Permanent, Class::Permanent),
        ("broken pipe, gamma", Class::Permanent, Class::Permanent),
        ("broken pipe after timeout", Class::Unknown, Class::Unknown),
        ("broken pipe", Class::Unknown, Class::Network),
    ];
    for &(text, own, both) in rows {
        assert_eq!(OWN.classify(text), own, "{text}");
        assert_eq!(BOTH.classify(text), both, "{text}, or by default");
    }
}

#[test]
fn if_the_display_of_an_error_fails_what_it_wrote_is_classified() {
    struct Broken;
    impl fmt::Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("broken pipe")?;
            Err(fmt::Error)
        }
    }
    assert_eq!(Messages::DEFAULT.classify(&Broken), Class::Network);
}

#[test]
fn a_table_that_would_match_anything_or_nothing_is_an_error() {
    const EDGE: &str = "must begin and end with an ASCII letter or digit";
    let rows: &[(&'static [(&'static str, Class)], String)] = &[
        (&[("", Class::Server)], format!("phrase = 1: {EDGE}")),
        (&[("a", Class::Server), (" b", Class::Server)], format!("phrase = 2: {EDGE}")),
        (&[("a", Class::Server), ("b:", Class::Server)], format!("phrase = 2: {EDGE}")),
        (&[("d\u{e9}pass\u{e9}", Class::Server)], format!("phrase = 1: {EDGE}")),
        (
            &[("0123456789012345678901234567890123456789012345678901234567890123", Class::Server)],
            "phrase = 1: must have at most 63, the longest, in bytes".into(),
        ),
    ];
    for (table, line) in rows {
        let error = Messages::try_new(table).expect_err(line);
        assert_eq!((error.field(), error.to_string()), ("phrase", line.clone()));
    }
    assert!(Messages::try_new(&[("x", Class::Server), ("d\u{e9}j\u{e0} vu", Class::Server)]).is_ok());
}
