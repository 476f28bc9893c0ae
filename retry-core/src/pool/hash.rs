//! A keyed hash, so that attackers cannot construct colliding keys.

use core::hash::BuildHasher;
use std::hash::RandomState;

/// SipHash-1-3 with a secret key, as in [`std::hash::RandomState`], of a whole text at once.
///
/// The standard library's version takes its input in pieces, and needs about twice as many instructions for a host
/// name. Source: Aumasson and Bernstein, [SipHash](https://www.aumasson.jp/siphash/siphash.pdf). One round per word and
/// three at the end are what the standard library uses for its hash tables.
pub(super) struct SipHash {
    key: [u64; 2],
}

impl SipHash {
    /// Takes the key from the standard library's secret. Under loom the key is zero, because its runs must be alike.
    pub(super) fn secret() -> Self {
        let secret = RandomState::new();
        Self::new(if cfg!(loom) { [0, 0] } else { [secret.hash_one(0), secret.hash_one(1)] })
    }

    pub(super) const fn new(key: [u64; 2]) -> Self {
        Self { key }
    }

    #[inline]
    pub(super) fn hash(&self, text: &[u8]) -> u64 {
        let [k0, k1] = self.key;
        let mut state = State([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ]);
        let (words, rest) = text.as_chunks::<8>();
        for word in words {
            state.absorb(u64::from_le_bytes(*word));
        }
        let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        state.absorb((text.len() as u64) << 56 | rest);
        state.0[2] ^= 0xff;
        for _ in 0..3 {
            state.round();
        }
        state.0.into_iter().fold(0, |hash, word| hash ^ word)
    }
}

struct State([u64; 4]);

impl State {
    #[inline]
    fn absorb(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.0[0] ^= word;
    }

    #[inline]
    fn round(&mut self) {
        let [v0, v1, v2, v3] = &mut self.0;
        *v0 = v0.wrapping_add(*v1);
        *v2 = v2.wrapping_add(*v3);
        *v1 = v1.rotate_left(13) ^ *v0;
        *v3 = v3.rotate_left(16) ^ *v2;
        *v0 = v0.rotate_left(32);
        *v2 = v2.wrapping_add(*v1);
        *v0 = v0.wrapping_add(*v3);
        *v1 = v1.rotate_left(17) ^ *v2;
        *v3 = v3.rotate_left(21) ^ *v0;
        *v2 = v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use core::hash::Hasher;
    use std::hash::DefaultHasher;
    use std::vec::Vec;

    use super::SipHash;

    /// [`DefaultHasher::new`] has a key of zeros.
    #[test]
    fn it_is_the_standard_librarys() {
        let text: Vec<u8> = (0..=255).collect();
        for length in 0..=text.len() {
            let mut theirs = DefaultHasher::new();
            theirs.write(&text[..length]);
            assert_eq!(SipHash::new([0, 0]).hash(&text[..length]), theirs.finish(), "{length} bytes");
        }
        // The key of SipHash's own test vectors, which the standard library's hasher cannot take.
        let keyed = SipHash::new([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]);
        assert_eq!(keyed.hash(b""), 0xabac_0158_050f_c4dc);
    }
}
