//! What a program claims, and whether it holds.

use core::fmt::Display;

use crate::counted;

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
        println!("\n{} held, {failed} failed", counted(held, "claim"));
        *failed == 0
    }
}

/// Returns an error with the claim from the function if it does not hold.
#[macro_export]
macro_rules! claim {
    ($holds:expr, $($text:tt)*) => {
        if !$holds {
            return Err(format!("claim failed: {}: {}", stringify!($holds), format!($($text)*)).into());
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_claim_is_enough() {
        let mut claims = Claims::default();
        claims.check(true, "2 is even");
        assert!(claims.summary());
        claims.check(false, "3 is even");
        claims.check(true, "4 is even");
        assert!(!claims.summary());
    }
}
