//! Snapshots with a right checksum and wrong contents: each is refused, or is a state that a circuit can be in.

use std::fmt::Debug;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use retry_core::{
    CircuitConfig, Class, Instant, SharedCircuit,
    circuit::{CountWindow, Gate, Mode, Phase, SlowCalls, Snapshot, TimeWindow, Window},
    dead_letter::Codec,
    runtime::LocalLock,
};
use tests::ms;

type Local<W> = SharedCircuit<W, LocalLock>;

const CONFIG: CircuitConfig = CircuitConfig::WITHOUT_RULES
    .consecutive_failures(3)
    .failure_rate(60)
    .minimum_calls(1)
    .open_for(ms(1_000))
    .probes(2)
    .success_threshold(2)
    .probe_failures(1)
    .ramp(ms(500));

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// The CRC-32 of ISO 3309, one bit at a time, continued from `sum`.
fn checksum(sum: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!sum, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

/// The value from which the checksum of these bytes began: the steps of the checksum, backwards.
fn beginning(bytes: &[u8]) -> u32 {
    let (body, sum) = bytes.split_last_chunk().unwrap();
    !body.iter().rev().fold(!u32::from_le_bytes(*sum), |sum, byte| {
        let before = (0..8).fold(sum, |sum, _| match sum >> 31 {
            1 => ((sum ^ 0xedb8_8320) << 1) | 1,
            _ => sum << 1,
        });
        before ^ u32::from(*byte)
    })
}

/// Gives the bytes a right checksum.
fn seal(bytes: &mut [u8], beginning: u32) {
    let (body, sum) = bytes.split_last_chunk_mut().unwrap();
    *sum = checksum(beginning, body).to_le_bytes();
}

fn bytes_of<W: Window + Codec>(snapshot: &Snapshot<W>) -> Vec<u8> {
    let mut bytes = vec![0; Snapshot::<W>::SIZE];
    snapshot.write(&mut bytes);
    bytes
}

fn fail<W: Window>(circuit: &Local<W>, now: Instant) {
    if let Ok(admission) = circuit.admit(now) {
        circuit.fail(admission.ticket, Class::Server, now, None, 0);
    }
}

fn succeed<W: Window>(circuit: &Local<W>, now: Instant) {
    if let Ok(admission) = circuit.admit(now) {
        circuit.succeed(admission.ticket, now);
    }
}

/// Snapshots in each phase and each mode.
fn sound<W: Window + Codec + Debug>(config: CircuitConfig) -> Vec<Vec<u8>> {
    let circuit = Local::<W>::with_window(config);
    let mut taken = Vec::new();
    let mut take = |now| taken.push(bytes_of(&circuit.snapshot(now)));
    take(at(0));
    succeed(&circuit, at(10));
    fail(&circuit, at(20));
    take(at(30));
    (0..3).for_each(|_| fail(&circuit, at(40)));
    take(at(50)); // open
    succeed(&circuit, at(1_100));
    take(at(1_110)); // half-open, with a success
    succeed(&circuit, at(1_120));
    take(at(1_200)); // on the ramp
    circuit.trip(ms(5_000), at(1_300));
    take(at(1_400));
    circuit.force_open(at(1_500));
    take(at(1_600));
    circuit.disable(at(1_700));
    take(at(1_800));
    circuit.count_only(at(1_900));
    (0..200).for_each(|_| fail(&circuit, at(2_000)));
    take(at(2_100));
    taken
}

/// Checks a snapshot of forged bytes: it can be looked at, restored and used, and the circuit does as its mode says.
fn check<W: Window + Codec + Debug>(snapshot: &Snapshot<W>, config: CircuitConfig) {
    let open_for = snapshot.open_for();
    assert_eq!(open_for.is_some(), snapshot.phase() == Phase::Open);
    assert_eq!(snapshot.window().is_some(), snapshot.phase() == Phase::Closed);
    for now in [at(0), Instant::from_nanos(u64::MAX - 2_000_000_000)] {
        let circuit = Local::<W>::with_window(config);
        assert_eq!(circuit.restore(snapshot, now).to, snapshot.phase());
        let later = |ms: u64| now.after(Duration::from_millis(ms));
        match circuit.mode() {
            Mode::ForcedOpen => {
                assert_eq!((snapshot.phase(), open_for), (Phase::Open, Some(Duration::MAX)));
                for time in [now, later(1_000_000), Instant::from_nanos(u64::MAX - 1)] {
                    assert_eq!(
                        circuit.admit(time).err().map(|rejected| rejected.wait()),
                        Some(Duration::MAX)
                    );
                }
            }
            Mode::Disabled | Mode::CountOnly => assert_eq!(snapshot.phase(), Phase::Closed),
            Mode::Automatic if snapshot.phase() == Phase::Open => {
                let is_refused = circuit.admit(now).is_err();
                assert_eq!(is_refused, circuit.snapshot(now).open_for().is_some_and(|left| left > ms(0)));
                assert!(!is_refused || open_for > Some(ms(0)));
            }
            Mode::Automatic => {}
        }
        for step in 0..9 {
            let time = later(step * 300);
            let next = if step % 3 == 0 { succeed } else { fail };
            next(&circuit, time);
            if step % 4 == 0 {
                let taken = circuit.snapshot(time);
                let read = Snapshot::<W>::read(&bytes_of(&taken));
                assert!(read.is_some(), "the circuit is in a state that no circuit can be in: {taken:?}");
            }
        }
    }
}

/// Seals and reads forged bytes, and checks what they make. Returns whether they make a snapshot.
fn tried<W: Window + Codec + Debug>(mut bytes: Vec<u8>, beginning: u32, config: CircuitConfig) -> bool {
    seal(&mut bytes, beginning);
    let read = Snapshot::<W>::read(&bytes);
    if let Some(snapshot) = &read {
        check(snapshot, config);
    }
    read.is_some()
}

/// Puts each of some values into each field of one, two, four and eight bytes of each sound snapshot.
fn every_field<W: Window + Codec + Debug>(config: CircuitConfig) {
    const BYTES: &[u64] = &[0, 1, 2, 3, 4, 31, 33, 99, 101, 128, 255];
    const WORDS: &[u64] = &[0, 1, 101, 1_025, 1 << 31, u32::MAX as u64];
    const LONGS: &[u64] = &[0, 1, (1 << 62) - 1, 1 << 62, (1 << 62) + 1, 1 << 63, u64::MAX - 1, u64::MAX];
    let (mut made, mut refused) = (0, 0);
    for sound in sound::<W>(config) {
        let beginning = beginning(&sound);
        assert!(tried::<W>(sound.clone(), beginning, config), "an unchanged snapshot is read");
        let body = sound.len() - 4;
        for (width, values) in [(1, BYTES), (2, WORDS), (4, WORDS), (8, LONGS)] {
            for place in 0..=body - width {
                for value in values {
                    let mut bytes = sound.clone();
                    bytes[place..place + width].copy_from_slice(&value.to_le_bytes()[..width]);
                    if bytes == sound {
                        continue;
                    }
                    match tried::<W>(bytes, beginning, config) {
                        true => made += 1,
                        false => refused += 1,
                    }
                }
            }
        }
    }
    assert!(made > 100 && refused > 1_000, "{made} snapshots, {refused} refused");
}

const TIMED: CircuitConfig = CONFIG.window_time(ms(1_000));
const fn slow(config: CircuitConfig) -> CircuitConfig {
    config.slow_after(ms(20)).slow_rate(90)
}

/// Makes the tests of one type of window.
macro_rules! windows {
    ($($name:ident: $window:ty, $config:expr;)*) => { $(
        mod $name {
            use super::*;

            #[test]
            fn every_wrong_field_is_refused_or_possible() {
                every_field::<$window>($config);
            }

            proptest! {
                #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

                #[test]
                fn any_changes_are_refused_or_possible(
                    which in any::<prop::sample::Index>(),
                    changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
                ) {
                    let sound = sound::<$window>($config);
                    let sound = which.get(&sound);
                    let (mut bytes, body) = (sound.clone(), sound.len() - 4);
                    changes.iter().for_each(|(place, value)| bytes[place.index(body)] = *value);
                    tried::<$window>(bytes, beginning(sound), $config);
                }

                #[test]
                fn random_bytes_are_refused_or_possible(
                    head in (0_u8..4, 0_u8..5, 0_u8..5),
                    rest in vec(any::<u8>(), Snapshot::<$window>::SIZE),
                ) {
                    let mut bytes = rest;
                    bytes[..3].copy_from_slice(&[head.0, head.1, head.2]);
                    tried::<$window>(bytes, beginning(&sound::<$window>($config)[0]), $config);
                }
            }
        }
    )* };
}

windows! {
    one_call: CountWindow<1>, CONFIG;
    calls_33: CountWindow<33>, CONFIG.window(20);
    calls_100: CountWindow<100>, CONFIG;
    time_in_7_buckets: TimeWindow<7>, TIMED;
    slow_of_64_calls: SlowCalls<CountWindow<64>>, slow(CONFIG);
    slow_of_a_time: SlowCalls<TimeWindow<3>>, slow(TIMED);
}

/// The slow calls of a time are in the same buckets as all calls.
#[test]
fn slow_calls_in_other_buckets_are_refused() {
    type Slow = SlowCalls<TimeWindow<3>>;
    let mut moved = 0;
    for sound in sound::<Slow>(slow(TIMED)) {
        let (mut bytes, body) = (sound.clone(), sound.len() - 4);
        bytes[body - 24..body].rotate_left(8); // the three buckets of slow calls
        if bytes != sound {
            seal(&mut bytes, beginning(&sound));
            assert!(Snapshot::<Slow>::read(&bytes).is_none());
            moved += 1;
        }
    }
    assert!(moved > 0);
}
