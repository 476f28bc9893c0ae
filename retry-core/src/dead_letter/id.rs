//! The id of a dead letter.

use core::fmt::{self, Write as _};
use core::str::FromStr;
use core::time::Duration;

/// The id of a dead letter. A letter keeps it in queues, images and files, and when it is put back, so that duplicates
/// can be found after letters were delivered again.
///
/// It is a UUID of 128 bits. No allocator and no server is needed to make one:
///
/// | made by | version | content |
/// |---|---|---|
/// | [`DeadLetter::of`](super::DeadLetter::of), with the feature `std` | 7 | milliseconds since 1970, a counter, 42 random bits of the process |
/// | [`LetterIds`], without a wall clock | 8 | a random word, a counter |
///
/// Ids of version 7 sort by time. The layout is that of [RFC 9562], sections 5.7 and 5.8, with a counter of 32 bits as
/// in its section 6.2, method 1.
///
/// ```
/// use retry_core::dead_letter::{LetterId, LetterIds};
///
/// let mut ids = LetterIds::new(0x9e37_79b9_7f4a_7c15); // a random word
/// let (first, second) = (ids.make(), ids.make());
/// assert!(first < second);
/// assert_eq!(first.to_string().parse(), Ok(first));
/// assert_eq!(first.to_string(), "9e3779b9-7f4a-8000-8000-0001493e173f");
/// ```
///
/// [RFC 9562]: https://www.rfc-editor.org/rfc/rfc9562.html
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterId([u8; 16]);

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl LetterId {
    /// The id of a letter that has none yet. A queue with [`LetterIds`], or a file, then gives it one.
    pub const NONE: Self = Self([0; 16]);

    /// Makes an id of version 7 from the time since 1970, a counter of the process, and random bits.
    ///
    /// The time is rounded down to milliseconds. Of the random word, 42 bits are used.
    pub const fn with_time(since_1970: Duration, counter: u32, random: u64) -> Self {
        Self::layout(7, since_1970.as_millis(), counter, random)
    }

    const fn layout(version: u128, head: u128, counter: u32, random: u64) -> Self {
        const VARIANT: u128 = 0b10 << 62;
        let counter = counter as u128;
        let bits = (head & 0xffff_ffff_ffff) << 80
            | version << 76
            | (counter >> 20) << 64
            | VARIANT
            | (counter & 0xf_ffff) << 42
            | (random >> 22) as u128;
        Self(bits.to_be_bytes())
    }

    /// Returns the time since 1970-01-01 00:00 UTC of an id of version 7, in whole milliseconds; `None` for other ids.
    pub const fn since_1970(self) -> Option<Duration> {
        let bits = u128::from_be_bytes(self.0);
        #[allow(clippy::cast_possible_truncation)] // 48 bits
        match bits >> 76 & 0xf {
            7 => Some(Duration::from_millis((bits >> 80) as u64)),
            _ => None,
        }
    }

    /// Makes an id of its 16 bytes, in the order of a UUID.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 16 bytes, in the order of a UUID.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Returns whether the letter has no id yet.
    pub const fn is_none(self) -> bool {
        u128::from_be_bytes(self.0) == 0
    }
}

/// Makes ids where no wall clock is known, from a random word and a counter.
///
/// The word is drawn once per start of the program, so that ids differ after a reset.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LetterIds {
    random: u64,
    next: u32,
}

impl LetterIds {
    /// Begins to make ids. All 64 bits of the word must be random.
    pub const fn new(random: u64) -> Self {
        Self { random, next: 0 }
    }

    /// Makes the next id. After 2^32 ids, they repeat.
    pub const fn make(&mut self) -> LetterId {
        // 48 bits stand at the beginning, and all 64 bits, mixed, decide the end. The multiplier is odd, so different
        // words give different products.
        let mixed = self.random.rotate_left(32).wrapping_mul(GOLDEN);
        let id = LetterId::layout(8, (self.random >> 16) as u128, self.next, mixed);
        self.next = self.next.wrapping_add(1);
        id
    }
}

/// Returns the time since 1970, in whole milliseconds.
#[cfg(feature = "std")]
#[expect(
    clippy::disallowed_methods,
    reason = "a letter outlives the runtime's clock, so it has the time of day"
)]
pub(super) fn time_of_day() -> Duration {
    use std::time::{SystemTime, UNIX_EPOCH};
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(crate::time::nanos(since_1970) / 1_000_000)
}

/// Makes an id with this time, the counter of this process and its random bits.
#[cfg(feature = "std")]
pub(super) fn process_id_at(since_1970: Duration) -> LetterId {
    use core::hash::BuildHasher;
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::hash::RandomState;
    use std::sync::OnceLock;

    static NEXT: AtomicU32 = AtomicU32::new(0);
    static RANDOM: OnceLock<u64> = OnceLock::new();
    let random = *RANDOM.get_or_init(|| RandomState::new().hash_one(()));
    // A process that was forked has the same random word and counter, and another number. Multiples of the golden ratio
    // lie far apart, so numbers that differ in their lowest 22 bits differ in the 42 highest bits of the product.
    let random = (random ^ u64::from(std::process::id())).wrapping_mul(GOLDEN);
    LetterId::with_time(since_1970, NEXT.fetch_add(1, Relaxed), random)
}

/// Shows the id as the text of a UUID, in lower case.
impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, byte)| {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_char('-')?;
            }
            write!(f, "{byte:02x}")
        })
    }
}

impl fmt::Debug for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("LetterId(-)") } else { write!(f, "LetterId({self})") }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for LetterId {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8; 16]:02x}", self.0);
    }
}

/// The error for a text that is not the id of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the id of a dead letter, which is a UUID")
    }
}

impl core::error::Error for NotAnId {}

/// Reads the text of a UUID: 32 hexadecimal digits with hyphens after the 8th, 12th, 16th and 20th.
impl FromStr for LetterId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (mut bits, mut digits) = (0_u128, 0_u32);
        for (index, c) in text.chars().enumerate() {
            match c.to_digit(16) {
                Some(digit) => (bits, digits) = (bits << 4 | u128::from(digit), digits + 1),
                None if c == '-' && matches!(index, 8 | 13 | 18 | 23) => {}
                None => return Err(NotAnId),
            }
        }
        let whole = digits == 32 && text.len() == 36;
        if whole { Ok(Self(bits.to_be_bytes())) } else { Err(NotAnId) }
    }
}
