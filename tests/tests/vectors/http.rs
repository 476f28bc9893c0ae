//! `http_retry_after`: what others make of HTTP dates and of the headers that say when to come back.

use std::time::Duration;

use retry_core::classify::{
    parse_delay_millis, parse_delay_seconds, parse_http_date, parse_reset_time, parse_retry_after,
};
use serde_json::{Map, Value};

use crate::json::{self, Fields, Replayed};
use crate::outcome::Outcome;

const LEAP_SECOND: &str =
    "an HTTP date may be the leap second 23:59:60 (RFC 9110, 5.6.7), which the peers refuse";

/// Now, where a row does not say.
///
/// Such rows come from parsers that read no clock and take a year of two digits for one from 1969 to 2068. In the
/// last second of 2018 the 50 years of RFC 9110 end where theirs do.
const NOW_OF_PEERS: u64 = 1_546_300_799;

/// `saturate` is at least this, 292 years: of the peers' longest durations the shortest, that of Go. What a
/// multiplication has wrapped is shorter.
const SATURATED: Duration = Duration::from_nanos(i64::MAX as u64);

pub(crate) fn replay(_meta: &Value, case: &Value) -> Outcome {
    json::replay(case, |case| {
        let given = case.fields("given")?;
        let now = given.find("now_unix_s")?.unwrap_or(NOW_OF_PEERS);
        let expect = case.fields("expect")?;
        let disputed = case.find::<&Value>("disputed")?;
        let (text, key, answer) = match given.find::<&str>("http_date")? {
            Some(date) => {
                let answer = parse_http_date(date, now).map(i128::from);
                (date, "unix_s", answer)
            }
            None => {
                let value = given.get("value")?;
                // The longest `Duration` has 75 bits of milliseconds.
                let answer = delay(value, now, &given)?.map(|delay| delay.as_millis().cast_signed());
                (value, "delay_ms", answer)
            }
        };

        let mut wanted = match disputed.map(Value::as_object) {
            None => Vec::new(),
            Some(Some(peers)) => answers_of(peers)?,
            Some(None) => return json::fail("disputed: not an object"),
        };
        if expect.has(key) {
            wanted.push(Wanted::new(expect.find(key)?.unwrap_or(&Value::Null))?);
        }
        let refused_by_peers = !wanted.is_empty() && wanted.iter().all(|wanted| *wanted == Wanted::Nothing);
        if answer.is_some() && refused_by_peers && text.contains(" 23:59:60 ") {
            return Ok(Outcome::Declared(LEAP_SECOND));
        }
        // Where nothing is expected, any answer is right.
        let right = answer.is_some() && wanted.is_empty() || wanted.iter().any(|wanted| wanted.is(answer));
        Ok(Outcome::check(right, || format!("{text:?}: {answer:?}, not {wanted:?}")))
    })
}

/// The delay by the header's format, or where there is none, by what its name says.
fn delay(value: &str, now: u64, given: &Fields<'_>) -> Replayed<Option<Duration>> {
    let format = given.find::<&Value>("format")?;
    let header = given.find::<&Value>("header")?;
    let name = header.and_then(Value::as_str).map(str::to_ascii_lowercase);
    match (format, name.as_deref()) {
        (Some(format), _) => match format.as_str() {
            Some("SECONDS") => Ok(parse_delay_seconds(value)),
            Some("UNIX_TIMESTAMP") => Ok(parse_reset_time(value, now)),
            _ => Err(Outcome::unknown("format", format)),
        },
        (None, Some("x-amz-retry-after" | "x-ms-retry-after-ms" | "retry-after-ms")) => {
            Ok(parse_delay_millis(value))
        }
        (None, Some("retry-after")) => Ok(parse_retry_after(value, now)),
        (None, _) => match header {
            None => Ok(parse_retry_after(value, now)),
            Some(header) => Err(Outcome::unknown("header", header)),
        },
    }
}

/// What a peer says: seconds since 1970, or milliseconds to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    Nothing,
    Number(i128),
    /// A number that went through a float on its way here.
    Rounded(f64),
    Saturated,
}

impl Wanted {
    fn new(value: &Value) -> Replayed<Self> {
        let number = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
        match (value, number) {
            (_, Some(number)) => Some(Self::Number(number)),
            (Value::Null, _) => Some(Self::Nothing),
            (Value::Number(number), _) => number.as_f64().map(Self::Rounded),
            (Value::String(text), _) if text == "saturate" => Some(Self::Saturated),
            _ => None,
        }
        .ok_or_else(|| Outcome::unknown("expect", value))
    }

    fn is(self, answer: Option<i128>) -> bool {
        match (self, answer) {
            (Self::Nothing, None) => true,
            (Self::Number(wanted), Some(answer)) => answer == wanted,
            (Self::Rounded(wanted), Some(answer)) => answer as f64 == wanted,
            (Self::Saturated, Some(millis)) => millis >= SATURATED.as_millis().cast_signed(),
            _ => false,
        }
    }
}

/// The answers of peers that disagree, in text: a number, or `ERR`.
fn answers_of(peers: &Map<String, Value>) -> Replayed<Vec<Wanted>> {
    let answer = |value: &Value| match value.as_str().map(|text| (text, text.parse())) {
        Some(("ERR", _)) => Ok(Wanted::Nothing),
        Some((_, Ok(number))) => Ok(Wanted::Number(number)),
        _ => Wanted::new(value),
    };
    peers.values().map(answer).collect()
}
