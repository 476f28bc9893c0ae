//! Logs that are cut off or changed, and data that is not a log.

use std::sync::LazyLock;

use proptest::prelude::*;
use retry_core::{
    Policy,
    record::{LogError, RecordedStep, Records, Replay, ReplayError},
};

use super::POLICY;
use super::world::{RULES, play};

fn replay(log: &[u8]) -> Result<u64, ReplayError> {
    let replay = Replay::new(&POLICY, log).map_err(ReplayError::Log)?.rules(&RULES);
    replay.run().map(|replayed| replayed.decisions + replayed.refusals)
}

fn small_log() -> Vec<u8> {
    static LOG: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut bytes = vec![0; 4_000];
        let (length, _) = play(&POLICY, 3, 100, 8, &mut bytes);
        bytes.truncate(length);
        bytes
    });
    LOG.clone()
}

#[test]
fn a_log_that_is_cut_off_is_read_up_to_the_cut() {
    let log = small_log();
    let mut records = Records::new(&log).unwrap();
    let mut ends = vec![records.at()];
    while records.next().is_some() {
        ends.push(records.at());
    }
    for cut in 0..log.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let expected = match whole {
            0 => Err(ReplayError::Log(LogError::Truncated { at: 0 })),
            whole if ends[whole - 1] == cut => Ok(whole as u64 - 1),
            whole => Err(ReplayError::Log(LogError::Truncated { at: ends[whole - 1] })),
        };
        assert_eq!(replay(&log[..cut]), expected, "cut at byte {cut}");
    }
}

#[test]
fn a_log_with_any_bit_changed_is_an_error() {
    let log = small_log();
    for bit in 0..log.len() * 8 {
        let mut changed = log.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(replay(&changed).is_err(), "bit {bit}");
    }
}

/// Attempts count from 1, and so a curve may rely on it. Each forged record has a checksum that fits.
#[test]
fn a_forged_record_of_a_decision_after_no_attempt_is_an_error() {
    let log = small_log();
    let begin = Records::new(&log).unwrap().at();
    let [kind, lengths, _, _, call, rest @ ..] = &log[begin..] else { panic!("the log has a record") };
    assert_eq!(*call, 0);
    let mut read = 0;
    for (said, near) in (0..=u8::MAX).flat_map(|said| (0..=u8::MAX).map(move |near| (said, near))) {
        for attempt in [0, 3] {
            let head = [*kind, *lengths, said, near, *call, attempt];
            let forged = [&log[..begin], &head, &rest[..64]].concat();
            let Some(Ok(record)) = Records::new(&forged).unwrap().next() else { continue };
            if let RecordedStep::Decided { .. } = record.step {
                assert!(record.attempt > 0, "{head:?}");
                read += u32::from(record.attempt == 3);
            }
        }
    }
    assert!(read > 0, "some records with a number of their own are read");
}

#[test]
fn data_that_is_not_a_log_is_an_error() {
    let log = small_log();
    let mut other_version = log.clone();
    other_version[3] = 1;
    let mut other_seed = log.clone();
    other_seed[4] ^= 1;
    for (bytes, error) in [
        (&b"GET / HTTP/1.1\r\nHost: example.com\r\n"[..], LogError::NoLog),
        (&b"GET"[..], LogError::NoLog),
        (&other_version[..], LogError::OtherVersion(1)),
        (&other_seed[..], LogError::Garbage { at: 0 }),
        (&[], LogError::Truncated { at: 0 }),
    ] {
        assert_eq!(Records::new(bytes).unwrap_err(), error);
    }
    let mut goes_wrong = log[..16].to_vec();
    goes_wrong.extend([0xff; 40]);
    assert_eq!(replay(&goes_wrong), Err(ReplayError::Log(LogError::Garbage { at: 16 })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5_000) })]

    #[test]
    fn any_bytes_are_read_without_a_panic(sound in 0_usize..1_200, garbage in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = small_log();
        bytes.truncate(sound);
        bytes.extend(garbage);
        for policy in [POLICY, Policy::DEFAULT] {
            if let Ok(replay) = Replay::new(&policy, &bytes) {
                let steps = replay.count();
                prop_assert!(steps <= bytes.len() / 4);
            }
        }
    }
}
