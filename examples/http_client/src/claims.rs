//! What the program claims, and whether it holds.

use core::fmt::Display;

/// Counts claims.
#[derive(Debug, Default)]
pub struct Claims {
    held: u32,
    failed: u32,
}

impl Claims {
    /// Prints a claim, and counts it.
    pub fn check(&mut self, holds: bool, what: impl Display) {
        println!("  {} {what}", if holds { "ok    " } else { "FAILED" });
        *(if holds { &mut self.held } else { &mut self.failed }) += 1;
    }

    /// Prints how many claims held. Returns whether all did.
    pub fn summary(&self) -> bool {
        let Self { held, failed } = self;
        println!("\n{held} claims held, {failed} failed");
        *failed == 0
    }
}
