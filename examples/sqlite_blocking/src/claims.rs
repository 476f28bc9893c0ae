//! What the program says, and whether it was true.

use std::fmt::Display;

/// The claims so far. Each is printed when it is made.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    broken: usize,
}

impl Claims {
    /// Prints a claim, and whether it holds.
    pub(crate) fn claim(&mut self, text: impl Display, holds: bool) {
        println!("  {} {text}", if holds { "✓" } else { "✗" });
        self.broken += usize::from(!holds);
    }

    /// Returns `true` if no claim was broken.
    pub(crate) fn all_hold(&self) -> bool {
        self.broken == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_claim_is_enough() {
        let mut claims = Claims::default();
        claims.claim("2 is even", true);
        assert!(claims.all_hold());
        claims.claim("3 is even", false);
        claims.claim("4 is even", true);
        assert!(!claims.all_hold());
    }
}
