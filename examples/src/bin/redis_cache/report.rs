//! What the program prints: headings, claims, and what was skipped.

use core::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

/// Counts claims that hold and claims that do not.
#[derive(Default)]
pub(crate) struct Report {
    held: u32,
    failed: u32,
    skipped: Vec<String>,
    parts: u32,
}

impl Report {
    /// Begins a part.
    pub(crate) fn part(&mut self, title: &str) {
        self.parts += 1;
        println!("\n{}. {title}\n", self.parts);
    }

    /// Prints a claim, and whether it holds.
    pub(crate) fn claim(&mut self, holds: bool, what: impl Display) {
        println!("  {} {what}", if holds { "ok    " } else { "FAILED" });
        *(if holds { &mut self.held } else { &mut self.failed }) += 1;
    }

    /// Prints that something was left out.
    pub(crate) fn skip(&mut self, what: &str) {
        println!("  skipped: {what}");
        self.skipped.push(what.into());
    }

    /// Prints the numbers. The program fails if a claim does, or if what was skipped is required.
    pub(crate) fn end(&self, server_is_required: bool) -> ExitCode {
        println!("\n{} claims hold, {} failed, {} skipped", self.held, self.failed, self.skipped.len());
        let is_incomplete = server_is_required && !self.skipped.is_empty();
        if is_incomplete {
            println!("REQUIRE_SERVERS=1: nothing may be skipped");
        }
        if self.failed > 0 || is_incomplete { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

/// A duration in milliseconds, rounded to a tenth.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}
