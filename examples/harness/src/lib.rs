//! What the programs with drivers share: their claims, and the tools that make faults.

use core::fmt::Display;

pub mod claims;
pub mod command;
#[cfg(feature = "proxy")]
pub mod proxy;
pub mod server;
#[cfg(feature = "proxy")]
pub mod wait;
pub mod watchdog;

/// Returns a number with its noun: `1 retry`, `2 retries`.
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    match noun.strip_suffix('y') {
        _ if count == "1" => format!("1 {noun}"),
        Some(noun) => format!("{count} {noun}ies"),
        None => format!("{count} {noun}s"),
    }
}

/// Returns the error of a result, if it is one, in one line.
pub fn said<T, E: Display>(result: &Result<T, E>) -> String {
    result.as_ref().err().map_or("succeeded".into(), E::to_string)
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_is_singular() {
        let rows = [
            (0, "retry", "0 retries"),
            (1, "retry", "1 retry"),
            (11, "call", "11 calls"),
            (1, "call", "1 call"),
        ];
        for (count, noun, text) in rows {
            assert_eq!(super::counted(count, noun), text);
        }
    }
}
