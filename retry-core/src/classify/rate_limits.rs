//! The headers in which services show their rate limits: what remains of each, and when it is reset.

use core::time::Duration;

use http::header::{HeaderMap, HeaderValue};

use super::hints::{has_zero, longest, longest_in_millis};

/// What the rate limits of a failed response say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RateLimits {
    /// Whether nothing remains of at least one limit.
    pub(super) exhausted: bool,
    /// The longest time until a limit is reset of which nothing remains.
    pub(super) reset: Option<Duration>,
    /// Whether such a limit has a reset, readable or not.
    pub(super) has_reset: bool,
}

impl RateLimits {
    /// Reads all headers of limits. `is_refusal` is whether the response is a refusal for its rate by its status, so
    /// that a limit counts that shows its reset and leaves out what remains.
    ///
    /// The headers have `ratelimit` or `rate-limit` in their names, and differ in the word that says what they hold:
    ///
    /// | names | sent by |
    /// |---|---|
    /// | `ratelimit-remaining`, `ratelimit-reset` | drafts [00 to 06], [GitLab], [Twitch], [Docker Hub] |
    /// | `x-ratelimit-remaining`, `x-ratelimit-reset`, `x-ratelimit-reset-after` | [GitHub], [Discord], Reddit |
    /// | `x-rate-limit-remaining`, `x-rate-limit-reset` | [Okta], X |
    /// | `x-ratelimit-remaining-tokens`, `x-ratelimit-reset-tokens` | [OpenAI] |
    /// | `anthropic-ratelimit-tokens-remaining`, `anthropic-ratelimit-tokens-reset` | [Anthropic] |
    /// | `x-ratelimit-retry-after` | [Symfony] |
    /// | `ratelimit: limit=100, remaining=0, reset=5` | draft [07] |
    /// | `ratelimit: "default";r=0;t=5` | drafts from [08] on |
    ///
    /// [00 to 06]: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-06
    /// [07]: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-07
    /// [08]: https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-08
    /// [GitLab]: https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers
    /// [Twitch]: https://dev.twitch.tv/docs/api/guide/#twitch-rate-limits
    /// [Docker Hub]: https://docs.docker.com/docker-hub/usage/pulls/
    /// [GitHub]: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    /// [Discord]: https://discord.com/developers/docs/topics/rate-limits#header-format
    /// [Okta]: https://developer.okta.com/docs/reference/rl-best-practices/
    /// [OpenAI]: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
    /// [Anthropic]: https://docs.anthropic.com/en/api/rate-limits#response-headers
    /// [Symfony]: https://symfony.com/doc/current/rate_limiter.html
    pub(super) fn read(headers: &HeaderMap, is_refusal: bool, now: impl Fn() -> u64) -> Self {
        let mut limits = Self::default();
        for name in headers.keys().map(http::HeaderName::as_str) {
            if matches!(name, "ratelimit" | "x-ratelimit") {
                limits.read_combined(headers, name, is_refusal, &now);
            } else if name.contains("ratelimit") || name.contains("rate-limit") {
                limits.read_header(headers, name, is_refusal, &now);
            }
        }
        limits
    }

    /// Reads a header that holds one value of a limit.
    fn read_header(&mut self, headers: &HeaderMap, name: &str, is_refusal: bool, now: &impl Fn() -> u64) {
        if name.contains(REMAINING) {
            self.exhausted |= remains(headers, name) == Some(false);
            return;
        }
        let Some(reset) = Reset::of(name) else { return };
        let counts = match Name::join([reset.before, REMAINING, reset.after])
            .and_then(|it| remains(headers, it.text()))
        {
            Some(remains) => !remains,
            None => is_refusal,
        };
        // A limit that shows both a time and a wait means the same by them, and the wait needs no clock.
        let is_doubled = reset.word == RESET
            && Name::join([reset.before, RESET_AFTER, reset.after])
                .is_some_and(|wait| texts(headers, wait.text()).any(|wait| longest(wait, now).is_some()));
        if counts && !is_doubled {
            let wait = |text| if reset.is_in_millis { longest_in_millis(text) } else { longest(text, now) };
            self.resets(texts(headers, name).filter_map(wait).max());
        }
    }

    /// Reads a header that holds whole limits, in the form of draft 07 or of those from 08 on.
    ///
    /// The first is one limit in a dictionary, and the others are a list of limits with parameters. In both, a part
    /// with a key is about the limit under way, and any other one is the name of the next.
    fn read_combined(&mut self, headers: &HeaderMap, name: &str, is_refusal: bool, now: &impl Fn() -> u64) {
        let (mut remains, mut reset) = (None, None);
        for part in texts(headers, name).flat_map(Parts) {
            let part = part.trim();
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let is_key = |names: [&str; 2]| names.iter().any(|name| key.trim().eq_ignore_ascii_case(name));
            if part.starts_with('"') || !part.is_empty() && !part.contains('=') {
                self.limit(remains, reset, is_refusal);
                (remains, reset) = (None, None);
            } else if is_key(["remaining", "r"]) {
                remains = has_zero(value).map(|zero| !zero);
            } else if is_key(["reset", "t"]) {
                reset = Some(longest(value, now));
            }
        }
        self.limit(remains, reset, is_refusal);
    }

    /// Takes one limit: whether something remains of it, and its reset, if it says so.
    fn limit(&mut self, remains: Option<bool>, reset: Option<Option<Duration>>, is_refusal: bool) {
        self.exhausted |= remains == Some(false);
        if let Some(wait) = reset.filter(|_| remains.map_or(is_refusal, |remains| !remains)) {
            self.resets(wait);
        }
    }

    fn resets(&mut self, wait: Option<Duration>) {
        self.has_reset = true;
        self.reset = self.reset.max(wait);
    }
}

/// Returns whether something remains of a limit, by the header of this name; `None` if it does not say. One value of
/// zero in a list is enough.
fn remains(headers: &HeaderMap, name: &str) -> Option<bool> {
    texts(headers, name).filter_map(has_zero).reduce(|a, b| a || b).map(|zero| !zero)
}

/// The readable values of the header of this name.
fn texts<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).into_iter().filter_map(|value: &HeaderValue| value.to_str().ok())
}

/// The name of a header that says when a limit is reset.
struct Reset<'a> {
    before: &'a str,
    word: &'static str,
    after: &'a str,
    is_in_millis: bool,
}

impl<'a> Reset<'a> {
    fn of(name: &'a str) -> Option<Self> {
        // The longer word comes first.
        let found = |word| name.split_once(word).map(|(before, after)| (before, word, after));
        let (before, word, after) = [RESET_AFTER, RETRY_AFTER, RESET].into_iter().find_map(found)?;
        let in_millis = after.strip_suffix("-ms").or_else(|| after.strip_suffix("-milliseconds"));
        let after = in_millis.or_else(|| after.strip_suffix("-seconds")).unwrap_or(after);
        Some(Self { before, word, after, is_in_millis: in_millis.is_some() })
    }
}

/// The name of a header, made of parts without an allocator.
struct Name {
    text: [u8; Self::LONGEST],
    len: usize,
}

impl Name {
    const LONGEST: usize = 96;

    /// Joins parts; `None` if they are too long.
    fn join(parts: [&str; 3]) -> Option<Self> {
        let mut name = Self { text: [0; Self::LONGEST], len: 0 };
        for part in parts {
            let end = name.len + part.len();
            name.text.get_mut(name.len..end)?.copy_from_slice(part.as_bytes());
            name.len = end;
        }
        Some(name)
    }

    fn text(&self) -> &str {
        core::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

/// The parts of a value between commas and semicolons. Those in quotes separate nothing.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let mut quoted = false;
        let separates = |byte| {
            quoted ^= byte == b'"';
            !quoted && matches!(byte, b',' | b';')
        };
        let end = self.0.bytes().position(separates).unwrap_or(self.0.len());
        let part = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        Some(part)
    }
}

const REMAINING: &str = "remaining";
const RESET: &str = "reset";
const RESET_AFTER: &str = "reset-after";
const RETRY_AFTER: &str = "retry-after";
