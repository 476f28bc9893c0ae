//! The digest that stands for the rest of a text that is too long to be kept.

/// The first 96 bits of a SHA-256 digest, most significant word first.
///
/// The leftmost bits of a digest are a digest, too. Source: NIST SP 800-107, section 5.1.
pub(crate) type Digest = [u32; 3];

/// Returns the digest of a text, which is the beginning of what `sha256sum` prints.
pub(crate) const fn digest(text: &[u8]) -> Digest {
    let [a, b, c, ..] = sha256(text);
    [a, b, c]
}

/// SHA-256 of a text of up to 2^61 bytes. It is small rather than fast, and `const`, because keys are constants.
///
/// Source: FIPS 180-4, sections 4.1.2, 5.1.1 and 6.2.
const fn sha256(text: &[u8]) -> [u32; 8] {
    let mut state = ROOTS_OF_PRIMES;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut i = 0;
    while i < blocks.len() {
        absorb(&mut state, &blocks[i]);
        i += 1;
    }
    // The padding: a bit that is one, zeros, and the length in bits.
    let mut last = [0; BLOCK];
    let mut i = 0;
    while i < rest.len() {
        last[i] = rest[i];
        i += 1;
    }
    last[rest.len() % BLOCK] = 0x80;
    if rest.len() >= BLOCK - LENGTH {
        absorb(&mut state, &last);
        last = [0; BLOCK];
    }
    let bits = (text.len() as u64 * 8).to_be_bytes();
    let mut i = 0;
    while i < LENGTH {
        last[BLOCK - LENGTH + i] = bits[i];
        i += 1;
    }
    absorb(&mut state, &last);
    state
}

const fn absorb(state: &mut [u32; 8], block: &[u8; BLOCK]) {
    // The schedule: the last 16 words of it.
    let mut words = [0; 16];
    let mut i = 0;
    while i < BLOCK {
        words[i / 4] = words[i / 4] << 8 | block[i] as u32;
        i += 1;
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    let mut round = 0;
    while round < 64 {
        let word = words[round % 16];
        let choice = (e & f) ^ (!e & g);
        let turned = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let first =
            h.wrapping_add(turned).wrapping_add(choice).wrapping_add(ROUNDS[round]).wrapping_add(word);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let turned = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let second = turned.wrapping_add(majority);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
        // The word of 16 rounds later.
        let (near, far) = (words[(round + 14) % 16], words[(round + 1) % 16]);
        let near = near.rotate_right(17) ^ near.rotate_right(19) ^ near >> 10;
        let far = far.rotate_right(7) ^ far.rotate_right(18) ^ far >> 3;
        words[round % 16] = word.wrapping_add(far).wrapping_add(words[(round + 9) % 16]).wrapping_add(near);
        round += 1;
    }
    let added = [a, b, c, d, e, f, g, h];
    let mut i = 0;
    while i < 8 {
        state[i] = state[i].wrapping_add(added[i]);
        i += 1;
    }
}

/// The bytes of a block.
const BLOCK: usize = 64;
/// The bytes of the length at the end.
const LENGTH: usize = 8;
/// Fractions of the square roots of the first 8 primes.
const ROOTS_OF_PRIMES: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// Fractions of the cube roots of the first 64 primes.
static ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::string::String;
    use std::vec;

    use super::*;

    fn hex(words: &[u32]) -> String {
        words.iter().map(|word| std::format!("{word:08x}")).collect()
    }

    /// From FIPS 180-2, appendix B, and NIST's SHA-256 short messages of the Cryptographic Algorithm Validation
    /// Program.
    #[test]
    fn it_is_the_digest_of_the_published_vectors() {
        let million = vec![b'a'; 1_000_000];
        let two_blocks = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"; // 56 bytes
        let rows: [(&[u8], &str); 6] = [
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (two_blocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
            (&million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
            (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (&[0xd3], "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"),
            (&[0x11, 0xaf], "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"),
        ];
        for (text, expected) in rows {
            assert_eq!(hex(&sha256(text)), expected, "{} bytes", text.len());
            assert_eq!(hex(&digest(text)), expected[..24]);
        }
    }
}
