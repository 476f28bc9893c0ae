//! The text of an error, made safe for a log line.

use core::error::Error as StdError;
use core::fmt::{self, Write};

use heapless::String;

use crate::clean::is_unclean;

/// The text of an error for a log line: bounded, on one line, and without the secrets of URLs.
///
/// It borrows the error and formats it anew each time it is shown. This needs a few hundred bytes of stack, and no
/// allocator. Two texts are equal if they show the same.
///
/// - **With its causes**: [`chain`](Self::chain) shows an error and its causes, separated by `: `. A text is formatted by
///   `{:#}`, with which an `anyhow::Error` shows its causes, too.
/// - **Bounded**: a text of more than [`MAX_BYTES`](Self::MAX_BYTES) is cut at a character boundary and ends in `..`.
///   The error's `Display` is stopped there, and always after 4 KiB. If it fails by itself, the text ends there.
/// - **On one line**: U+FFFD replaces control characters, line separators and marks of text direction.
/// - **Without the secrets of URLs**: in each `scheme://authority/path?query#fragment`, the query, the fragment and the
///   user information, up to the last `@` of the authority, are left out. Other secrets are shown.
///
/// A URL ends at whitespace, `"`, `<` or `>`. Closing punctuation at its end, such as `)` or `,`, is shown. The user
/// information may contain any character except whitespace, `/`, `?` and `#`. A password with one of these three
/// usually looks like a port that is not a number; the rest of such a URL is left out. If an authority is longer than
/// the room left, the text is cut before it.
///
/// ```
/// use retry_core::observe::ErrorText;
///
/// let error = "https://me:pw@host:8443/a/b?token=1 failed:\ntimed out";
/// let text = ErrorText::new(&error);
/// assert_eq!(text.to_string(), "https://host:8443/a/b failed:\u{fffd}timed out");
/// ```
#[derive(Clone, Copy)]
pub struct ErrorText<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Text(&'a dyn fmt::Display),
    Chain(&'a (dyn StdError + 'static)),
}

impl<'a> ErrorText<'a> {
    /// The most bytes that are shown of a text: 256. The `..` at the end of a longer one adds 2.
    pub const MAX_BYTES: usize = 256;

    /// Makes the text of an error from its `Display`.
    pub const fn new(error: &'a dyn fmt::Display) -> Self {
        Self(Source::Text(error))
    }

    /// Makes the text of an error and its causes, separated by `: `.
    ///
    /// The causes are the [`source`](StdError::source) of the error, the source of that, and so on. A cause is left out
    /// if the text before it ends with the same words, because many errors show their cause themselves.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use std::{error::Error, fmt, io};
    /// use retry_core::observe::ErrorText;
    ///
    /// #[derive(Debug)]
    /// struct NotSent(io::Error);
    ///
    /// impl fmt::Display for NotSent {
    ///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    ///         f.write_str("the request was not sent")
    ///     }
    /// }
    ///
    /// impl Error for NotSent {
    ///     fn source(&self) -> Option<&(dyn Error + 'static)> {
    ///         Some(&self.0)
    ///     }
    /// }
    ///
    /// let error = NotSent(io::ErrorKind::ConnectionRefused.into());
    /// assert_eq!(ErrorText::chain(&error).to_string(), "the request was not sent: connection refused");
    /// # }
    /// ```
    pub const fn chain(error: &'a (dyn StdError + 'static)) -> Self {
        Self(Source::Chain(error))
    }

    fn shown(self) -> String<CAPACITY> {
        let mut filter = Filter::new();
        let result = match self.0 {
            Source::Text(text) => write!(filter, "{text:#}"),
            Source::Chain(error) => filter.chain(error),
        };
        filter.finish(result.is_err())
    }
}

impl fmt::Display for ErrorText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.shown().as_str(), f)
    }
}

/// Shows the text in quotes.
impl fmt::Debug for ErrorText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.shown().as_str(), f)
    }
}

impl PartialEq for ErrorText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.shown() == other.shown()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ErrorText<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.shown().as_str());
    }
}

/// Reads a text in pieces, and keeps what may be shown.
struct Filter {
    shown: String<CAPACITY>,
    /// The number of bytes read so far.
    read: usize,
    place: Place,
    /// Whether the text is longer than may be shown or read.
    is_cut: bool,
}

/// The place of the text relative to a URL.
#[derive(Clone, Copy)]
enum Place {
    /// Outside of URLs.
    Text,
    /// Before the path. What was shown from `start` on is taken back if it is user information, or if it does not fit.
    Authority { start: usize, fits: bool },
    /// Before the query and the fragment.
    Path,
    /// In the query or the fragment. The punctuation from `start` on is taken back if the URL goes on.
    Query { start: usize },
}

impl Filter {
    const fn new() -> Self {
        Self { shown: String::new(), read: 0, place: Place::Text, is_cut: false }
    }

    /// Reads an error and its causes.
    fn chain(&mut self, error: &(dyn StdError + 'static)) -> fmt::Result {
        write!(self, "{error}")?;
        let mut next = error.source();
        // An error may name itself as its source.
        for _ in 0..MOST_CAUSES {
            let Some(cause) = next else { break };
            let mut text = Self::new();
            let is_cut = write!(text, "{cause}").is_err();
            if !self.shown.ends_with(text.finish(is_cut).as_str()) {
                write!(self, ": {cause}")?;
            }
            next = cause.source();
        }
        Ok(())
    }

    /// Takes the next character. Returns an error if the text is cut before it.
    fn step(&mut self, c: char) -> fmt::Result {
        match self.place {
            Place::Authority { start, fits } => match c {
                '@' => {
                    self.shown.truncate(start);
                    self.place = Place::Authority { start, fits: true };
                }
                '/' | '?' | '#' if !are_hosts(self.shown.get(start..).unwrap_or_default()) => {
                    self.shown.truncate(start);
                    self.place = Place::Query { start };
                }
                _ if matches!(c, '/' | '?' | '#') || c.is_whitespace() => {
                    if !fits {
                        return Err(fmt::Error);
                    }
                    self.place = Place::Path;
                    return self.step(c);
                }
                _ if fits && self.show(c).is_err() => {
                    self.shown.truncate(start);
                    self.place = Place::Authority { start, fits: false };
                }
                _ => {}
            },
            Place::Path if matches!(c, '?' | '#') => self.place = Place::Query { start: self.shown.len() },
            Place::Query { .. } if is_closing(c) => self.show(c)?,
            Place::Query { start } if !ends_url(c) => self.shown.truncate(start),
            Place::Text | Place::Path | Place::Query { .. } => {
                self.show(c)?;
                if ends_url(c) {
                    self.place = Place::Text;
                } else if self.shown.ends_with("://") {
                    self.place = Place::Authority { start: self.shown.len(), fits: true };
                }
            }
        }
        Ok(())
    }

    fn show(&mut self, c: char) -> fmt::Result {
        let c = if is_unclean(c) { char::REPLACEMENT_CHARACTER } else { c };
        if self.shown.len() + c.len_utf8() > ErrorText::MAX_BYTES {
            return Err(fmt::Error);
        }
        self.shown.push(c).map_err(|_| fmt::Error)
    }

    /// Returns what is shown of a text that ends or fails here.
    fn finish(mut self, fails: bool) -> String<CAPACITY> {
        match self.place {
            Place::Authority { fits: false, .. } => self.is_cut = true,
            // The rest of the text might have shown that this is part of a secret.
            Place::Authority { start, .. } | Place::Query { start } if fails || self.is_cut => {
                self.shown.truncate(start);
            }
            _ => {}
        }
        if self.is_cut {
            let _ = self.shown.push_str(CUT); // `CAPACITY` has room for it
        }
        self.shown
    }
}

impl Write for Filter {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        piece.chars().try_for_each(|c| {
            self.read = self.read.saturating_add(c.len_utf8());
            self.is_cut = self.is_cut || self.read > MAX_READ || self.step(c).is_err();
            if self.is_cut { Err(fmt::Error) } else { Ok(()) }
        })
    }
}

/// Returns whether each port in a list of hosts is a number. Otherwise it may be the beginning of a password.
fn are_hosts(authority: &str) -> bool {
    authority.split(',').all(|host| {
        let ipv6 = host.strip_prefix('[').and_then(|host| host.split_once(']'));
        let port = ipv6.map_or(host, |(_, port)| port);
        port.split(':').skip(1).all(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '<' | '>')
}

/// Returns whether this may follow a URL. A query may contain it, too.
const fn is_closing(c: char) -> bool {
    matches!(c, '\'' | '`' | ')' | ']' | '}' | ',' | ':' | ';' | '.' | '\\')
}

/// The most bytes that are read of a text. It is more than is shown, because a secret that is left out may be long.
const MAX_READ: usize = 4_096;
/// The most causes that are looked at.
const MOST_CAUSES: usize = 32;
const CUT: &str = "..";
const CAPACITY: usize = ErrorText::MAX_BYTES + CUT.len();
