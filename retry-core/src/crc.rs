//! Checksums, which tell bytes that were written from arbitrary ones.

/// Returns the bytes before a checksum, if the checksum is right.
pub(crate) fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, sum) = bytes.split_last_chunk()?;
    (checksum(CHECKSUM_START, body) == u32::from_le_bytes(*sum)).then_some(body)
}

pub(crate) const CHECKSUM: usize = size_of::<u32>();
pub(crate) const CHECKSUM_START: u32 = 0;

/// Continues the CRC-32 of ISO 3309.
pub(crate) const fn checksum(sum: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = crc_table(0xedb8_8320); // x^32 + x^26 + ... + 1, reflected
    !crc(&TABLE, !sum, bytes)
}

/// Continues the CRC-4 of ITU-T G.704, for records with no room for a longer checksum.
pub(crate) const fn checksum4(sum: u8, bytes: &[u8]) -> u8 {
    const TABLE: [u32; 16] = crc_table(0xc); // x^4 + x + 1, reflected
    crc(&TABLE, sum as u32, bytes).to_le_bytes()[0]
}

/// Returns the table of a reflected polynomial of at least 4 bits, for half a byte at a time.
const fn crc_table(polynomial: u32) -> [u32; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 * 4 {
        let entry = &mut table[i / 4];
        if i % 4 == 0 {
            #[allow(clippy::cast_possible_truncation)] // below 16
            let first = (i / 4) as u32;
            *entry = first;
        }
        *entry = (*entry >> 1) ^ (polynomial * (*entry & 1));
        i += 1;
    }
    table
}

/// Takes half a byte at a time, for a checksum of any width.
const fn crc(table: &[u32; 16], mut sum: u32, bytes: &[u8]) -> u32 {
    let mut i = 0;
    while i < bytes.len() {
        sum ^= bytes[i] as u32;
        sum = (sum >> 4) ^ table[(sum & 15) as usize];
        sum = (sum >> 4) ^ table[(sum & 15) as usize];
        i += 1;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_those_of_their_standards() {
        assert_eq!(checksum(CHECKSUM_START, b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(checksum(CHECKSUM_START, b"1234"), b"56789"), 0xcbf4_3926);
        assert_eq!(checksum4(0, b"123456789"), 0x7);
        assert_eq!(checksum4(checksum4(0, b"1234"), b"56789"), 0x7);
    }
}
