//! Windows and snapshots as plain bytes.

use super::phase::{Mode, OpenedBy};
use super::ramp::Ramp;
use super::snapshot::{Snapshot, TAKEN};
use super::state::State;
use super::time_window::{Bucket, TimeWindow};
use super::window::{CountWindow, SlowCalls, Span, Window};
use super::window_bits::{Bits, Calls};
use crate::codec::{Bytes, Codec, put, take};
use crate::crc::{CHECKSUM, CHECKSUM_START, checksum};
use crate::time::Instant;

/// Stores the place of the next outcome, the number of outcomes, and the bits.
impl<const N: usize> Codec for CountWindow<N>
where
    Calls<N>: Bits,
{
    const SIZE: usize = 2 + 2 + size_of::<<Calls<N> as Bits>::Words>();

    fn write(&self, bytes: &mut [u8]) {
        let (next, calls) = self.place();
        let mut bytes = Bytes(bytes);
        bytes.put(&next.to_le_bytes());
        bytes.put(&calls.to_le_bytes());
        self.words().iter().for_each(|word| bytes.put(&word.to_le_bytes()));
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let (next, calls) = (take(&mut bytes)?, take(&mut bytes)?);
        let mut words = <Calls<N> as Bits>::ZERO;
        for word in words.as_mut() {
            *word = u32::from_le_bytes(take(&mut bytes)?);
        }
        Self::of(words, u16::from_le_bytes(next), u16::from_le_bytes(calls))
    }
}

/// Stores the number of the newest bucket, and the buckets.
impl<const BUCKETS: usize> Codec for TimeWindow<BUCKETS> {
    const SIZE: usize = 8 + 8 * BUCKETS;

    fn write(&self, bytes: &mut [u8]) {
        let mut bytes = Bytes(bytes);
        bytes.put(&self.newest.to_le_bytes());
        for Bucket { calls, failures } in self.buckets {
            bytes.put(&calls.to_le_bytes());
            bytes.put(&failures.to_le_bytes());
        }
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut window = Self { newest: u64::from_le_bytes(take(&mut bytes)?), ..Self::EMPTY };
        for bucket in &mut window.buckets {
            let [calls, failures] = [take(&mut bytes)?, take(&mut bytes)?].map(u32::from_le_bytes);
            *bucket = Bucket { calls, failures };
            window.total.calls = window.total.calls.checked_add(calls)?;
            window.total.failures = window.total.failures.checked_add(failures)?;
            if failures > calls {
                return None;
            }
        }
        Some(window)
    }
}

impl<W: Codec> Codec for SlowCalls<W> {
    const SIZE: usize = 2 * W::SIZE;
    const VERSION: u32 = W::VERSION;

    fn write(&self, bytes: &mut [u8]) {
        let (failures, slow) = bytes.split_at_mut(W::SIZE);
        self.failures.write(failures);
        self.slow.write(slow);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (failures, slow) = bytes.split_at_checked(W::SIZE)?;
        Some(Self { failures: W::read(failures)?, slow: W::read(slow)? })
    }
}

/// Stores the snapshot with a checksum (CRC-32) at the end. Other bytes, and the snapshot of another type of window,
/// read as `None`.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{
///     circuit::{CountWindow, Snapshot}, dead_letter::Codec, CircuitConfig, Instant, SharedCircuit,
/// };
///
/// type Retained = Snapshot<CountWindow<100>>;
///
/// let mut memory = [0xa5; Retained::SIZE]; // memory that a reset leaves alone
/// assert!(Retained::read(&memory).is_none()); // after a cold start, its contents are random
///
/// let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
/// circuit.trip(Duration::from_secs(20), Instant::from_millis(5_000));
/// circuit.snapshot(Instant::from_millis(9_000)).write(&mut memory);
///
/// // After the reset, when the clock starts anew:
/// let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
/// circuit.restore(&Retained::read(&memory).unwrap(), Instant::ORIGIN);
/// assert_eq!(circuit.snapshot(Instant::ORIGIN).open_for(), Some(Duration::from_secs(16)));
/// ```
impl<W: Window + Codec> Codec for Snapshot<W> {
    const SIZE: usize = HEAD + STATE + W::SIZE + CHECKSUM;
    const VERSION: u32 = W::VERSION;

    fn write(&self, bytes: &mut [u8]) {
        let (body, sum) = bytes.split_at_mut(Self::SIZE - CHECKSUM);
        let Self { state, mode, openings, .. } = self;
        let mut rest = Bytes(body);
        rest.put(&[code(state), *mode as u8, self.opened_by as u8]);
        rest.put(&openings.to_le_bytes());
        rest.put(&self.late.to_le_bytes());
        rest.put(&self.span.calls.to_le_bytes());
        rest.put(&self.span.nanos.to_le_bytes());
        let mut window = &W::EMPTY;
        match state {
            State::Closed { window: held, streak, ramp } => {
                let (since, credit) = ramp.parts();
                rest.put(&since.as_nanos().to_le_bytes());
                rest.put(&streak.to_le_bytes());
                rest.put(&credit.to_le_bytes());
                window = held;
            }
            State::Open { until, most } => {
                rest.put(&until.as_nanos().to_le_bytes());
                rest.put(&most.to_le_bytes());
            }
            State::HalfOpen { succeeded, failed, .. } => {
                rest.put(&succeeded.to_le_bytes());
                rest.put(&failed.to_le_bytes());
                rest.put(&[0; 8]);
            }
        }
        window.write(rest.0);
        put(sum, &checksum(Self::LAYOUT, body).to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.get(..Self::SIZE)?.split_last_chunk()?;
        if checksum(Self::LAYOUT, body) != u32::from_le_bytes(*sum) {
            return None;
        }
        let mut rest = body;
        let [kind, mode, opened_by] = take(&mut rest)?;
        let mode =
            *[Mode::Automatic, Mode::ForcedOpen, Mode::Disabled, Mode::CountOnly].get(usize::from(mode))?;
        let opened_by = *[OpenedBy::Rules, OpenedBy::Hand, OpenedBy::RateLimit, OpenedBy::Fleet]
            .get(usize::from(opened_by))?;
        let mut word = || Some(u32::from_le_bytes(take(&mut rest)?));
        let (openings, late, calls) = (word()?, word()?, word()?);
        let mut long = || Some(u64::from_le_bytes(take(&mut rest)?));
        let (nanos, first, second) = (long()?, long()?, long()?);
        #[allow(clippy::cast_possible_truncation)] // two halves
        let (low, high) = (second as u32, (second >> 32) as u32);
        let state = match kind {
            CLOSED => {
                let ramp = Ramp::of(Instant::from_nanos(first), high)?;
                State::Closed { window: W::read(rest)?, streak: low, ramp }
            }
            #[allow(clippy::cast_possible_truncation)] // two halves
            HALF_OPEN => {
                let (succeeded, failed) = (first as u32, (first >> 32) as u32);
                State::HalfOpen { in_flight: 0, succeeded, failed, last_admitted: TAKEN }
            }
            OPEN => State::Open { until: Instant::from_nanos(first), most: second },
            _ => return None,
        };
        let snapshot = Self { state, mode, opened_by, late, openings, span: Span { calls, nanos } };
        snapshot.is_possible().then_some(snapshot)
    }
}

impl<W: Window + Codec> Snapshot<W> {
    /// The start of the checksum, so that another type of window gives another checksum.
    const LAYOUT: u32 = {
        #[allow(clippy::cast_possible_truncation)] // far below
        let words = [FORMAT, W::SIZE as u32, W::VERSION, W::CAPACITY, W::TIMED as u32, W::SLOW as u32];
        let (mut sum, mut i) = (CHECKSUM_START, 0);
        while i < words.len() {
            sum = checksum(sum, &words[i].to_le_bytes());
            i += 1;
        }
        sum
    };
}

/// Increment it when the layout changes.
const FORMAT: u32 = 2;
/// State, mode and what opened it; openings, late, span.
const HEAD: usize = 3 + 4 + 4 + 4 + 8;
/// The size of a state besides its window.
const STATE: usize = 16;

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
const HALF_OPEN: u8 = 2;

const fn code<W>(state: &State<W>) -> u8 {
    match state {
        State::Closed { .. } => CLOSED,
        State::Open { .. } => OPEN,
        State::HalfOpen { .. } => HALF_OPEN,
    }
}
