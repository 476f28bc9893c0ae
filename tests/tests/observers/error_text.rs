//! The text of an error in a log: short, on one line, and without the secrets of URLs.

use std::cell::Cell;
use std::fmt::{self, Display, Write};
use std::iter::repeat_n;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use retry_core::observe::ErrorText;

const MAX: usize = ErrorText::MAX_BYTES;

fn shown(error: &dyn Display) -> String {
    ErrorText::new(error).to_string()
}

/// Checks each row, whole and in single characters.
fn check(rows: &[(&str, &str)]) {
    for &(text, expected) in rows {
        assert_eq!(shown(&text), expected, "{text:?}");
        assert_eq!(shown(&Pieces { text, cuts: &[] }), expected, "{text:?}, in single characters");
    }
}

#[test]
fn a_text_without_urls_is_shown_unchanged() {
    check(&[
        ("", ""),
        ("connection refused (os error 111)", "connection refused (os error 111)"),
        ("na\u{ef}ve \u{1f980} \"quoted\"", "na\u{ef}ve \u{1f980} \"quoted\""),
        ("who? me@example.com, #3: a/b//c", "who? me@example.com, #3: a/b//c"),
        ("http:/a?b http//c?d :/ /e?f", "http:/a?b http//c?d :/ /e?f"),
    ]);
}

#[test]
fn characters_that_end_or_reverse_a_line_are_replaced() {
    check(&[
        ("a\nb\r\nc\td", "a\u{fffd}b\u{fffd}\u{fffd}c\u{fffd}d"),
        ("\u{1b}[31mred\0", "\u{fffd}[31mred\u{fffd}"),
        ("\u{202e}txt\u{2066}.\u{61c}\u{200e}", "\u{fffd}txt\u{fffd}.\u{fffd}\u{fffd}"),
        ("a\u{85}b\u{2028}c\u{2029}d", "a\u{fffd}b\u{fffd}c\u{fffd}d"),
        ("https://me:p\u{202e}w@ho\u{202e}st/a\u{7}b?q\nend", "https://ho\u{fffd}st/a\u{fffd}b\u{fffd}end"),
    ]);
}

#[test]
fn user_information_is_left_out() {
    check(&[
        ("https://me:pw@host:8443/a/b?token=1 failed", "https://host:8443/a/b failed"),
        ("postgres://app:secret@db/orders", "postgres://db/orders"),
        ("redis://:secret@127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("https://token@host", "https://host"),
        ("https://@host", "https://host"),
        ("https://me:pw@", "https://"),
        ("https://me:pw@ failed", "https:// failed"),
        ("amqp://me:p%40s%2Fs@h%C3%B6st/%2f", "amqp://h%C3%B6st/%2f"),
        ("http://me:pw@[2001:db8::1]:80/a#b", "http://[2001:db8::1]:80/a"),
        ("http://[::1]/?a", "http://[::1]/"),
        ("mongodb://me:pw@a:27017,b:27017/db", "mongodb://a:27017,b:27017/db"),
        ("jdbc:mysql://me:pw@db:3306/a", "jdbc:mysql://db:3306/a"),
        ("://me:pw@host", "://host"),
        // The last `@` before the path counts. Anything may be before it, because the text may be an invalid URL.
        ("ftp://me@corp:p@ss@host/@a/b@c", "ftp://host/@a/b@c"),
        ("db://me:\"'`<>()[]{},;:!$%^&*\\|\u{e9}@host/a", "db://host/a"),
        ("'db://me:p'w@host'", "'db://host'"),
        ("(db://me:p,w@host)", "(db://host)"),
    ]);
}

#[test]
fn an_authority_without_valid_hosts_and_ports_counts_as_a_password() {
    check(&[
        ("db://me:pw/secret@host/a failed", "db:// failed"),
        ("db://me:pw?secret@host/a failed", "db:// failed"),
        ("db://me:pw/ failed", "db:// failed"),
        ("db://me:1pw#secret@host/a failed", "db:// failed"),
        ("db://me:p@w:x/secret@host/a failed", "db:// failed"),
        ("db://a:1,b:2x/secret@host/a failed", "db:// failed"),
        ("db://[::1]:x/secret@host/a failed", "db:// failed"),
        ("db://host:/a [db://[fe80::a%25eth0]:1/a]", "db://host:/a [db://[fe80::a%25eth0]:1/a]"),
        ("http://host:8080: refused", "http://host:8080: refused"),
        ("docker://alpine:latest", "docker://alpine:latest"),
    ]);
}

#[test]
fn the_query_and_the_fragment_are_left_out() {
    check(&[
        ("https://host?token=1", "https://host"),
        ("https://host#token=1", "https://host"),
        ("https://host/a#b?c d", "https://host/a d"),
        ("file:///a/b?c d", "file:///a/b d"),
        ("https://host/a?to=https://me:pw@host/b d", "https://host/a d"),
        ("https://host/a?email=me@example.com&token=1 d", "https://host/a d"),
        // The end of a URL.
        ("\"https://host/a?b\",\"c?d\"", "\"https://host/a\",\"c?d\""),
        ("<https://host/a?b>c?d", "<https://host/a>c?d"),
        ("<a>https://host/a?b</a>", "<a>https://host/a</a>"),
        ("https://host/a?b\nc?d", "https://host/a\u{fffd}c?d"),
        ("https://host/a\"?b", "https://host/a\"?b"),
        // Punctuation after a URL.
        ("https://host/a?b=1,2, then c", "https://host/a, then c"),
        ("https://host/a?b: refused", "https://host/a: refused"),
        ("for url (https://host/a?b): refused", "for url (https://host/a): refused"),
        ("['https://host/a?b', `https://host/c?d`]", "['https://host/a', `https://host/c`]"),
        ("{https://host/a?b} [https://host/a?b].", "{https://host/a} [https://host/a]."),
        ("\\\"https://host/a?b\\\" c", "\\\"https://host/a\\\" c"),
        // The same characters inside a URL: a path and a query may contain brackets and quotes.
        ("https://host/a(1)?page[size]=1&token=1 c", "https://host/a(1) c"),
        ("(https://host/a('x')?b=f(c,'d')&token=1)", "(https://host/a('x'))"),
    ]);
}

#[test]
fn each_url_of_a_text_is_clean() {
    check(&[
        ("a://u:p@h/?q, b://u:p@h/?q; c://u:p@h", "a://h/, b://h/; c://h"),
        ("a://h,b://u:p@h/?q", "a://h,b://h/"),
        ("a://h/b://u:p@h/?q", "a://h/b://h/"),
        ("a://b://u:p@h/?q", "a://b://h/"),
        ("a://://u:p@h/?q", "a://://h/"),
        ("a://u:p@b://u:p@h/?q", "a://b://h/"),
    ]);
}

#[test]
fn a_long_text_is_cut_at_a_character_boundary() {
    let x = |length: usize| "x".repeat(length);
    let at = "https://";
    let row = |text: String, expected: String| (text, expected);
    let rows = [
        row(x(MAX), x(MAX)),
        row(x(MAX + 1), x(MAX) + ".."),
        row(x(MAX - 2) + "\u{20ac}", x(MAX - 2) + ".."),
        row(x(MAX - 3) + "\u{20ac}", x(MAX - 3) + "\u{20ac}"),
        // A replacement is longer than a control character.
        row(x(MAX - 1) + "\n", x(MAX - 1) + ".."),
        row(x(MAX - 1) + "\nx", x(MAX - 1) + ".."),
        // Parts that are left out do not count.
        row(format!("{at}{}@host/a", x(1_000)), format!("{at}host/a")),
        row(format!("{at}host/a?{} b", x(1_000)), format!("{at}host/a b")),
        row(format!("{at}{}/{}?x", x(100), x(147)), format!("{at}{}/{}", x(100), x(147))),
        // An authority that just fits, and one that does not.
        row(format!("{at}{}", x(248)), format!("{at}{}", x(248))),
        row(format!("{at}{}/", x(248)), format!("{at}{}..", x(248))),
        row(format!("{at}{}", x(249)), format!("{at}..")),
        row(format!("{at}{}/a", x(249)), format!("{at}..")),
        row(format!("{at}{} a", x(249)), format!("{at}..")),
        row(format!("{at}{}@{}@host", x(1_000), x(1_000)), format!("{at}host")),
        row(format!("{at}me:pw@{}", x(249)), format!("{at}..")),
        // Punctuation that is part of the query.
        row(format!("{at}host?{}a b", ".".repeat(100)), format!("{at}host b")),
        row(format!("{at}host?{}", ".".repeat(500)), format!("{at}host..")),
        // The limit of the text that is read.
        row(format!("{at}host?{}", x(4_083)), format!("{at}host")),
        row(format!("{at}host?{}", x(4_084)), format!("{at}host..")),
        row(format!("{at}{}@host", x(4_083)), format!("{at}host")),
        row(format!("{at}{}@host", x(4_084)), format!("{at}..")),
    ];
    for (text, expected) in &rows {
        check(&[(text, expected)]);
    }
}

#[test]
fn a_text_is_read_only_as_far_as_needed() {
    /// A text of more than 1 MiB that counts the characters taken. If it is `deaf`, it ignores errors and goes on.
    struct Long<'a> {
        beginning: &'a str,
        rest: char,
        taken: Cell<usize>,
        deaf: bool,
    }
    impl Display for Long<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for c in self.beginning.chars().chain(repeat_n(self.rest, 1 << 20)) {
                match f.write_char(c) {
                    Ok(()) => self.taken.set(self.taken.get() + 1),
                    Err(_) if self.deaf => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
    }

    let x = |length: usize| "x".repeat(length);
    let rows = [
        (String::new(), 'x', MAX, x(MAX) + ".."),
        (x(MAX - 1) + "\u{20ac}", 'x', MAX - 1, x(MAX - 1) + ".."),
        ("a://h?".to_owned(), 'x', 4_096, "a://h..".to_owned()),
        ("a://h?".to_owned(), '.', MAX + 1, "a://h..".to_owned()),
        ("a://".to_owned(), 'x', 4_096, "a://..".to_owned()),
    ];
    for (beginning, rest, taken, expected) in &rows {
        for deaf in [false, true] {
            let long = Long { beginning, rest: *rest, taken: Cell::new(0), deaf };
            assert_eq!((&shown(&long), long.taken.get()), (expected, *taken), "{beginning:?}, deaf: {deaf}");
        }
    }
}

#[test]
fn if_the_display_of_an_error_fails_what_it_wrote_is_shown() {
    struct Broken<'a>(&'a str);
    impl Display for Broken<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)?;
            Err(fmt::Error)
        }
    }

    let rows = [
        ("", ""),
        ("broken pipe", "broken pipe"),
        ("at https://host/a?b", "at https://host/a"),
        // These may be secrets, so they are left out.
        ("at https://me:pw", "at https://"),
        ("at https://host/a?.", "at https://host/a"),
    ];
    for (text, expected) in rows {
        assert_eq!(shown(&Broken(text)), expected, "{text:?}");
    }
}

#[test]
fn texts_are_compared_and_quoted_as_shown() {
    let secret = "a \"b\": https://me:pw@host?c";
    let other = "a \"b\": https://host#d";
    let [secret, other, third] = [&secret, &other, &"a"].map(|text| ErrorText::new(text));
    assert_eq!(secret, other);
    assert_ne!(secret, third);
    assert_eq!(format!("{secret:?}"), r#""a \"b\": https://host""#);
    assert_eq!(format!("{third:>3}|{third:<3}|"), "  a|a  |");
}

/// Random text with many parts of URLs.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => select(&["://", ":", "/", "@", "?", "#", " ", "\"", ">", "[", "]", ")", ",", ".", "\\"][..])
            .prop_map(str::to_owned),
        2 => select(&["host", "me", "8080", "a", "1", "::1"][..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => (1..99_usize).prop_map(|length| "x".repeat(length)),
        1 => select(&["\n", "\u{2028}", "\u{202e}", "\u{20ac}", "\u{1f980}"][..]).prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

/// Random text without these characters and without whitespace.
fn without(unwanted: &'static [char]) -> impl Strategy<Value = String> {
    text().prop_map(move |text| text.replace(unwanted, "").split_whitespace().collect())
}

const SECRET: &str = "Secret";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn any_text_is_short_and_clean(
        text in text(),
        cuts in prop::collection::vec(any::<Index>(), 1..9),
    ) {
        let whole = shown(&text);
        let kept = if whole.len() > MAX { whole.strip_suffix("..").unwrap() } else { &whole };
        prop_assert!(kept.len() <= MAX, "{:?}", whole);
        let is_unclean = |c: char| {
            c.is_control() || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}".contains(c)
                || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
        };
        prop_assert!(!whole.contains(is_unclean), "{:?}", whole);

        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.sort_unstable();
        prop_assert_eq!(&shown(&Pieces { text: &text, cuts: &cuts }), &whole, "{:?}, at {:?}", &text, cuts);
        prop_assert_eq!(&shown(&Pieces { text: &text, cuts: &[] }), &whole, "{:?}", &text);
    }

    #[test]
    fn a_secret_before_an_at_sign_is_not_shown(
        before in text(),
        apart in any::<bool>(),
        user in without(&['/', '?', '#']),
        rest in without(&['/', '?', '#']),
        after in text(),
    ) {
        let mut user = format!("{user}{SECRET}{rest}");
        if !apart {
            // The text may be in a query, which these characters would end.
            user = user.replace(['"', '<', '>'], "");
        }
        let text = format!("{before}{}://{user}@{after}", if apart { " " } else { "" });
        prop_assert!(!shown(&text).contains(SECRET), "{:?}", text);
    }

    #[test]
    fn a_secret_after_a_question_mark_is_not_shown(
        before in text(),
        path in without(&['"', '<', '>']),
        mark in select(&["?", "#"][..]),
        query in without(&['"', '<', '>']),
        after in text(),
    ) {
        let text = format!("{before}://{path}{mark}{query}{SECRET}{after}");
        prop_assert!(!shown(&text).contains(SECRET), "{:?}", text);
    }
}

/// A text that is written in parts. Without cuts, it is written character by character.
struct Pieces<'a> {
    text: &'a str,
    cuts: &'a [usize],
}

impl Display for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cuts.is_empty() {
            return self.text.chars().try_for_each(|c| f.write_char(c));
        }
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
