//! Finds the codes of services in a text.
//!
//! A code is a number or a name in a place that shows what it is: `os error 111`, `ERROR 1040 (HY000)`,
//! `(SQLSTATE 40001)`, `HTTP status 503`, `status: Unavailable`, `LOADING` at the beginning. Anywhere else, the same
//! digits are only a number.

use super::codes::{aws, grpc, kafka, mongodb, mqtt, mysql, os, redis, resolver, sqlite};
use crate::class::Class;

/// Reads a text byte by byte and keeps the code that comes first in the order of [`Source`].
pub(super) struct Codes {
    /// The token that is being read, and the two before it, the nearest first.
    token: Token,
    before: [Token; 2],
    /// The last byte between tokens, spaces left out. It is 0 if there is none.
    mark: u8,
    last: u8,
    is_first: bool,
    found: Option<(Source, Class, Certainty)>,
    /// The class of an HTTP status, unless the next word makes it a number of things: `got 503 bytes`.
    status: Option<Class>,
}

/// The origin of a code. The most specific comes first: the inner cause comes before the code that a service makes of
/// it, and a service's own code before the code of the protocol that carries it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Source {
    Os,
    Database,
    SqlState,
    Service,
    Curl,
    Grpc,
    Http,
}

/// Whether words may overrule a code.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Certainty {
    Sure,
    /// A number that means different things on different systems.
    Ambiguous,
}

impl Codes {
    pub(super) const fn new() -> Self {
        Self {
            token: Token::NONE,
            before: [Token::NONE; 2],
            mark: 0,
            last: 0,
            is_first: true,
            found: None,
            status: None,
        }
    }

    /// Returns the class of the code found, or `None` if the text has none so far.
    pub(super) fn found(&self) -> Option<(Class, Certainty)> {
        // A status decides after all other codes.
        let found = self.found.map(|(_, class, certainty)| (class, certainty));
        found.or(self.status.map(|class| (class, Certainty::Sure)))
    }

    pub(super) fn read(&mut self, byte: u8) {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            if self.token.len == 0 {
                self.token.mark = self.mark;
                self.token.touches = self.last;
                self.mark = 0;
            }
            self.token.push(byte);
        } else {
            self.token_ends(byte);
            if byte != b' ' {
                self.mark = byte;
            }
        }
        self.last = byte;
    }

    /// Takes the token that ends before this byte, or before the end of the text, which is 0.
    pub(super) fn token_ends(&mut self, next: u8) {
        if self.token.len == 0 {
            return;
        }
        // `503 bytes`, but not `status=503 bytes=404`.
        let is_unit = self.token.mark == 0 && next != b'=' && self.token.is_any(UNITS);
        if let Some(class) = self.status.take().filter(|_| !is_unit) {
            self.take(Source::Http, class, Certainty::Sure);
        }
        match self.code(next) {
            Some((Source::Http, class, _)) => self.status = Some(class),
            // A general code leaves the decision to others, and to the words.
            Some((source, class, certainty)) if class != Class::Unknown => {
                self.take(source, class, certainty)
            }
            _ => {}
        }
        self.before = [self.token, self.before[0]];
        self.token = Token::NONE;
        self.is_first = false;
    }

    /// Keeps a code, unless one that decides before it was found.
    fn take(&mut self, source: Source, class: Class, certainty: Certainty) {
        if self.found.is_none_or(|(found, ..)| source < found) {
            self.found = Some((source, class, certainty));
        }
    }

    fn code(&self, next: u8) -> Option<(Source, Class, Certainty)> {
        let text = self.token.text();
        let sure = |source, class| (source, class, Certainty::Sure);
        if let Some((source, class)) = self.sql(text, next) {
            return Some(sure(source, class));
        }
        match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => self.number(text.parse().ok()?, next),
            false => self.name(text, next).map(|(source, class)| sure(source, class)),
        }
    }

    /// Reads SQLSTATE and the numbers of MySQL, which stand beside each other in either order: `ERROR 1062 (23000)`,
    /// `ERROR 23000 (1062)`.
    fn sql(&self, text: &str, next: u8) -> Option<(Source, Class)> {
        let before = &self.before[0];
        let is_marked = before.is_any(&["sqlstate", "error", "state", "code"]);
        let in_parentheses = self.token.mark == b'(';
        if in_parentheses && is_sqlstate(text) && before.is_number(4) {
            return database(before.text().parse().ok().and_then(Class::of_mysql_error))
                .or_else(|| sql_state(text));
        }
        if text.len() == 4 && self.token.is_number(4) {
            let number = text.parse().ok()?;
            // `ERROR 23000 (1062)`, and `SQLSTATE[HY000] [2002]` of PHP.
            let beside = matches!(self.token.mark, b'(' | b'[') && is_sqlstate(before.text());
            // This is how Python shows a pair: `(1213, 'Deadlock found')`.
            let in_pair = in_parentheses && next == b',';
            if beside || in_pair || before.is_any(&["error", "errno"]) {
                return database(Class::of_mysql_error(number));
            }
        }
        // This is how Rust shows an enum: `SqlState(E40001)`.
        let bare = if before.is_any(&["sqlstate"]) { text.strip_prefix('E').unwrap_or(text) } else { text };
        let is_unmistakable = matches!(bare.as_bytes(), [_, _, b'P' | b'S', ..])
            && !bare.bytes().all(|byte| byte.is_ascii_digit());
        if is_sqlstate(bare) && (is_marked || is_unmistakable) {
            return sql_state(bare);
        }
        None
    }

    fn number(&self, number: i32, next: u8) -> Option<(Source, Class, Certainty)> {
        let [before, second] = &self.before;
        let sure = |source, class: Option<Class>| class.map(|class| (source, class, Certainty::Sure));
        if before.is_any(&["errno", "oserror"]) || before.is_any(&["error"]) && second.is_any(&["os"]) {
            if self.token.touches == b'-' {
                return sure(Source::Os, Class::of_resolver_error(-number));
            }
            return os::of_any_system(number).map(|(class, is_sure)| {
                (Source::Os, class, if is_sure { Certainty::Sure } else { Certainty::Ambiguous })
            });
        }
        let is_windows = before.is_any(&["winerror", "wsaerror", "wsagetlasterror"])
            || before.is_any(&["error", "code"]) && (10_000..12_000).contains(&number);
        if is_windows {
            return sure(Source::Os, Class::of_windows_error(number));
        }
        let is_bracketed = self.token.mark == b'[' && next == b']';
        // Go's client for Kafka shows its codes in the same way, so words may overrule this one.
        if is_bracketed && before.len == 0 {
            let class = Class::of_curl_code(number.unsigned_abs())?;
            return Some((Source::Curl, class, Certainty::Ambiguous));
        }
        if before.is_any(&["curl"]) || second.is_any(&["curl"]) && before.is_any(&["error", "code"]) {
            let class = Class::of_curl_code(number.unsigned_abs())?;
            // The handshake failed, and the words may say that it always will.
            let is_handshake = number == 35;
            let certainty = if is_handshake { Certainty::Ambiguous } else { Certainty::Sure };
            return Some((Source::Curl, class, certainty));
        }
        if second.is_any(&["grpc"]) && before.is_any(&["status", "code"]) || before.is_any(&["grpc_status"]) {
            return sure(Source::Grpc, Class::of_grpc_code(number));
        }
        if let Some(class) = self.http(number, next) {
            return sure(Source::Http, Some(class));
        }
        if self.is_of_mail(next) {
            // The words after a final refusal say why.
            return match before.bytes() {
                b"4" => Some((Source::Service, Class::Transient, Certainty::Sure)),
                _ => Some((Source::Service, Class::Permanent, Certainty::Ambiguous)),
            };
        }
        // This is how sqlx shows SQLite's codes: `(code: 5) database is locked`.
        if before.is_any(&["code"]) && before.mark == b'(' && next == b')' {
            return sure(Source::Database, Class::of_sqlite_code(number));
        }
        None
    }

    /// Returns whether this is the second number of a status code of [RFC 3463], as servers for mail show it after a reply
    /// code: `451 4.7.1`.
    ///
    /// [RFC 3463]: https://www.rfc-editor.org/rfc/rfc3463.html#section-2
    fn is_of_mail(&self, next: u8) -> bool {
        let [class, reply] = &self.before;
        self.token.mark == b'.'
            && next == b'.'
            && matches!(class.bytes(), b"4" | b"5")
            && matches!(class.mark, 0 | b'-' | b':')
            && reply.is_number(3)
            && reply.bytes().starts_with(class.bytes())
    }

    /// Reads an HTTP status after a word about answers. After a general word, it takes only a status that is registered
    /// or well known.
    fn http(&self, number: i32, next: u8) -> Option<Class> {
        let status = u16::try_from(number).ok().filter(|status| (400..600).contains(status))?;
        let [before, second] = &self.before;
        // Part of a name or of an address: `error-503.log`, `http://server/500`.
        if matches!(self.token.touches, b'-' | b'/' | b'.') {
            return None;
        }
        // `HTTP/2 503`, `HTTP/1.1 503`.
        let is_version = self.token.mark == 0
            && before.is_number(1)
            && (second.is_any(&["http"]) || before.mark == b'.' && second.mark == b'/');
        let is_about_answers = is_version
            || before.is_any(&["http", "https", "response", "code"])
            || before.contains("status")
            || before.ends_with("code")
            // `a status code of 503`, `the status is 503`.
            || before.is_any(&["of", "is", "was"]) && second.is_any(&["status", "code", "response", "answer"]);
        let is_well_known = matches!(status, 400..=418 | 420..=431 | 449 | 451 | 499 | 500..=511 | 520..=530);
        let is_after_a_verb = before.is_any(&[
            "error",
            "got",
            "returned",
            "returns",
            "received",
            "with",
            "answered",
            "responded",
            "server",
        ]);
        // `HTTPError: 503 Server Error`, `TransportError(429, 'x')`.
        let is_error_of_http = (before.ends_with("error") || before.ends_with("exception"))
            && ["http", "api", "transport", "response"].iter().any(|word| before.contains(word));
        let is_at_the_start = self.is_first && matches!(next, b' ' | b':' | b',' | 0);
        // `<title>503 Service Temporarily Unavailable</title>`.
        let is_headline = self.token.mark == b'>' && before.is_any(&["title", "h1"]);
        // .NET: `does not indicate success: 503`.
        let is_no_success = second.is_any(&["indicate"]);
        // `(code: 517)` is SQLite's, and `(code: 503)` a status.
        let is_in_parentheses = before.mark == b'(' && before.is_any(&["code"]);
        let is_status = is_about_answers && (!is_in_parentheses || status < 512);
        let is_likely = is_well_known
            && (is_after_a_verb || is_error_of_http || is_at_the_start || is_headline || is_no_success);
        if is_status || is_likely { Class::of_http_status(status) } else { None }
    }

    fn name(&self, text: &str, next: u8) -> Option<(Source, Class)> {
        let [before, second] = &self.before;
        let is_marked = before.is_any(&["status", "code", "statuscode"]);
        if !is_marked && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let is_capital = text.bytes().all(|byte| !byte.is_ascii_lowercase());
        let begins_a_part =
            self.is_first || matches!(self.token.mark, b':' | b'-' | b'"' | b'\'' | b'`' | b'(' | b'\n');
        let has_several_words = text.as_bytes().windows(2).any(|pair| match *pair {
            [a, b] => a == b'_' || a.is_ascii_lowercase() && b.is_ascii_uppercase(),
            _ => false,
        });
        if is_capital {
            if let Some(class) = os::named(text).or_else(|| resolver::named(text)) {
                return Some((Source::Os, class));
            }
            if let Some(class) = sqlite::named(text) {
                return Some((Source::Database, class));
            }
            if begins_a_part
                && matches!(next, b' ' | 0)
                && let Some(class) = redis::named(text)
            {
                return Some((Source::Service, class));
            }
        }
        if (has_several_words || text.starts_with('E'))
            && let Some(class) = mongodb::named(text).or_else(|| mysql::named(text))
        {
            return Some((Source::Database, class));
        }
        if before.is_any(&["code"])
            && second.is_any(&["return", "reason"])
            && let Some(class) = mqtt::named(text)
        {
            return Some((Source::Service, class));
        }
        // gRPC's names are common words, so they need a place.
        let is_grpc = is_marked
            || is_capital && (has_several_words || before.is_number(1) || before.is_number(2))
            || is_capital && begins_a_part && next == b':';
        if is_grpc && let Some(class) = grpc::named(text) {
            return Some((Source::Grpc, class));
        }
        if let Some(class) = aws::named(text) {
            return Some((Source::Service, class));
        }
        if has_several_words {
            let name = text.strip_suffix("Exception").unwrap_or(text);
            return kafka::named(name).map(|class| (Source::Service, class));
        }
        None
    }
}

/// What is counted by a number before it.
const UNITS: &[&str] = &[
    "bytes",
    "byte",
    "b",
    "kb",
    "kib",
    "mb",
    "mib",
    "gb",
    "gib",
    "ms",
    "s",
    "milliseconds",
    "sec",
    "seconds",
    "minutes",
    "rows",
    "items",
    "records",
    "entries",
    "lines",
    "files",
    "messages",
    "events",
    "documents",
    "keys",
    "characters",
    "tokens",
    "times",
    "points",
    "pages",
    "results",
    "users",
    "requests",
    "connections",
    "columns",
    "of",
];

fn database(class: Option<Class>) -> Option<(Source, Class)> {
    class.map(|class| (Source::Database, class))
}

fn sql_state(code: &str) -> Option<(Source, Class)> {
    Class::of_sqlstate(code).map(|class| (Source::SqlState, class))
}

/// Checks for the two characters of a class and the three of a subclass: digits and capitals, with at least one digit.
fn is_sqlstate(text: &str) -> bool {
    text.len() == 5
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// A run of letters, digits and underscores.
#[derive(Clone, Copy)]
struct Token {
    text: [u8; Self::LONGEST],
    len: usize,
    /// The last byte before it outside spaces and tokens. It is 0 if there is none.
    mark: u8,
    /// The byte right before it. It is 0 if there is none.
    touches: u8,
}

impl Token {
    /// The most bytes of a code. The longest name has 40 letters.
    const LONGEST: usize = 48;

    const NONE: Self = Self { text: [0; Self::LONGEST], len: 0, mark: 0, touches: 0 };

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.len) {
            *place = byte;
        }
        self.len = self.len.saturating_add(1);
    }

    /// Returns the token as text, or an empty text if it is too long.
    fn text(&self) -> &str {
        core::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    /// Returns the token as bytes, or an empty slice if it is too long.
    fn bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.bytes().eq_ignore_ascii_case(word.as_bytes()))
    }

    fn is_number(&self, digits: usize) -> bool {
        self.len == digits && self.bytes().iter().all(u8::is_ascii_digit)
    }

    fn contains(&self, word: &str) -> bool {
        let bytes = self.bytes();
        bytes.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    }

    fn ends_with(&self, word: &str) -> bool {
        let bytes = self.bytes();
        let end = bytes.len().checked_sub(word.len()).and_then(|start| bytes.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(word.as_bytes()))
    }
}
