//! What a sink counts.

use std::string::String;

use super::line::LetterLine;
use super::opening::TornLine;
use crate::dead_letter::rejected_limit::Limiter;
use crate::lock::Initial;
use crate::verdict::Reason;

pub(super) struct Counts {
    pub(super) kept: u64,
    pub(super) failed: u64,
    pub(super) syncs: u64,
    pub(super) last_error: Option<String>,
    pub(super) torn: Option<TornLine>,
    pub(super) limiter: Limiter,
}

impl Counts {
    pub(super) const fn new(torn: Option<TornLine>) -> Self {
        Self { kept: 0, failed: 0, syncs: 0, last_error: None, torn, limiter: Limiter::INITIAL }
    }

    pub(super) fn keep(&mut self, line: &LetterLine) {
        self.kept += 1;
        if line.reason() == Reason::Rejected {
            self.limiter.wrote(line.with_end().len() as u64);
        }
    }

    pub(super) fn fail(&mut self, why: String) {
        self.failed += 1;
        self.last_error = Some(why);
    }
}
