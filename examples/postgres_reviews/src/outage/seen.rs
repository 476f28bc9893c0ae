//! An observer that counts failed attempts by SQLSTATE, or by class if the server sent none.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use retry_core::observe::{Event, EventKind, Observer};

/// What was seen of a repository's calls.
#[derive(Default)]
pub struct Seen {
    counts: Mutex<BTreeMap<String, u32>>,
}

impl Seen {
    /// The number of failures with this SQLSTATE, or of this class without one.
    pub fn count(&self, cause: &str) -> u32 {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(cause).unwrap_or(&0)
    }
}

impl Observer for Seen {
    fn observe(&self, event: &Event<'_>) {
        let EventKind::Failed { failure, .. } = event.kind else { return };
        let text = event.text.map(|text| text.to_string()).unwrap_or_default();
        let cause = match text.strip_prefix("SQLSTATE ").and_then(|rest| rest.get(..5)) {
            Some(code) => code.to_owned(),
            None => failure.class.to_string(),
        };
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(cause).or_default() += 1;
    }
}

impl fmt::Display for Seen {
    /// Writes `2 x 40001, 1 x Network`, or `none`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.is_empty() {
            return f.write_str("none");
        }
        for (i, (cause, count)) in counts.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{count} x {cause}")?;
        }
        Ok(())
    }
}
