//! The jitter of delays or of open times: a name, and a deviation if it has one.

use std::format;

use super::names::{JitterName, Name};
use super::read::{Problem, unused};
use super::value::Part;
use crate::config_error::ConfigError;
use crate::delay::{Deviation, Jitter};

/// Reads the jitter from these two keys, if it is set. A deviation alone changes that of `from`.
pub(super) fn read(
    [key, deviation_key]: [&'static str; 2],
    name: Option<Name<JitterName>>,
    deviation: Option<Part>,
    from: Jitter,
) -> Result<Option<Jitter>, Problem> {
    let name = match (name, from) {
        (Some(Name(name)), _) => name,
        (None, Jitter::Proportional(_)) if deviation.is_some() => JitterName::Proportional,
        (None, Jitter::Additive(_)) if deviation.is_some() => JitterName::Additive,
        (None, _) => {
            let needs = format!("needs {key} = \"proportional\" or \"additive\"");
            unused(deviation_key, deviation.is_some(), &needs)?;
            return Ok(None);
        }
    };
    let with_deviation = |make: fn(f64) -> Result<Jitter, ConfigError>| match deviation {
        Some(Part(deviation)) => Ok(Some(make(deviation).map_err(|error| error.named(deviation_key))?)),
        None => Err(Problem(format!("{deviation_key}: this jitter needs one"))),
    };
    let plain = match name {
        JitterName::None => Jitter::None,
        JitterName::Full => Jitter::Full,
        JitterName::Equal => Jitter::Equal,
        JitterName::Decorrelated => Jitter::Decorrelated,
        JitterName::Proportional => return with_deviation(Jitter::try_proportional),
        JitterName::Additive => return with_deviation(Jitter::try_additive),
    };
    unused(deviation_key, deviation.is_some(), "only proportional and additive jitter have one")?;
    Ok(Some(plain))
}

/// Whether this jitter only lengthens what it spreads, so that it needs room below a limit.
pub(super) fn lengthens(jitter: Jitter) -> bool {
    matches!(jitter, Jitter::Additive(_) | Jitter::Decorrelated)
}

/// Returns the values of the two keys for this jitter.
pub(super) fn written(jitter: Jitter) -> (Name<JitterName>, Option<Part>) {
    let number = |deviation: Deviation| Some(Part(deviation.as_f64()));
    let (name, deviation) = match jitter {
        Jitter::None => (JitterName::None, None),
        Jitter::Full => (JitterName::Full, None),
        Jitter::Equal => (JitterName::Equal, None),
        Jitter::Decorrelated => (JitterName::Decorrelated, None),
        Jitter::Proportional(deviation) => (JitterName::Proportional, number(deviation)),
        Jitter::Additive(deviation) => (JitterName::Additive, number(deviation)),
    };
    (Name(name), deviation)
}
