//! Logs of real loops: with a circuit and a budget, from many threads, and into files.

use std::fs::File;
use std::io::{self, BufWriter};
use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, ClassSet, Failure, GiveUp, Instant, Jitter, Policy, Progress, Recovery, Retry,
    Rule, SharedBudget, SharedCircuit, TokenBucket, Verdict,
    circuit::CountWindow,
    observe::Guarded,
    record::{LogBuffer, LogWriter, RecordSink, Recorder, Replay, ReplayError},
    runtime::LocalLock,
    testing::FakeClock,
};

const FAIL: &Rule = &Rule::ANY.recovery(Recovery::RetryWithDelay(Duration::from_millis(30)));

#[test]
fn a_loop_with_a_circuit_a_budget_and_conditions_is_replayed() {
    let clock = FakeClock::new();
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(
        CircuitConfig::WITHOUT_RULES.consecutive_failures(12).open_for(Duration::from_secs(1)),
    );
    let budget = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::DEFAULT.capacity(150));
    let mut bytes = vec![0; 100_000];
    let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(&mut bytes), 42).rules(&[FAIL]);
    let policy = Policy::DEFAULT.jitter(Jitter::Equal).max_attempts(5);
    let curve = |failed: u32, base: Duration| base * failed;
    let mut ends = [0; 4];
    for call in 0..300_u32 {
        let observer = log.call();
        let retry = Retry::new(&policy, log.entropy(&clock))
            .classify(|class: &Class| *class)
            .when(|_, now: Progress| now.elapsed > Some(Duration::from_millis(400)), FAIL)
            .circuit(&circuit)
            .budget(&budget)
            .backoff(curve)
            .observe(&observer);
        let mut attempts = 0;
        let outcome = clock.run(retry.run(|| {
            attempts += 1;
            let failed = call % 3 == 0 || attempts <= call % 5;
            async move { if failed { Err(Class::ALL[(call % 6) as usize]) } else { Ok(()) } }
        }));
        let end = match outcome {
            Ok(()) => 0,
            Err(error) if error.is_circuit_open() => 1,
            Err(error) if error.is_budget_empty() => 2,
            Err(_) => 3,
        };
        ends[end] += 1;
        clock.advance(Duration::from_millis(300));
    }
    assert!(ends.iter().all(|count| *count >= 5), "{ends:?}");
    let log = log.into_sink();
    let replay = |policy| Replay::new(policy, log.bytes()).unwrap();
    let replayed = replay(&policy).rules(&[FAIL]).backoff(curve).run().unwrap();
    assert!(replayed.decisions > 200 && replayed.refusals > 5, "{replayed:?}");
    // Without the rules or the curve, the replay differs.
    assert!(matches!(replay(&policy).rules(&[FAIL]).run(), Err(ReplayError::Difference(_))));
    assert!(matches!(replay(&policy).backoff(curve).run(), Err(ReplayError::UnknownRule { rule: 1, .. })));
}

/// The log stores the mark of a last attempt beside its rule. The mark only changes what would be a retry.
#[test]
fn an_attempt_marked_as_the_last_is_replayed_as_the_last() {
    static KEEP: Rule = Rule::ANY.recovery(Recovery::RetryWithBackoff);
    static IGNORE: Rule = Rule::ANY.recovery(Recovery::Ignore);
    const RULES: &[&Rule] = &[&IGNORE, &KEEP];
    let plain = Failure::new(Class::Client);
    let rows = [
        (plain.last(), GiveUp::Class),
        (Failure::new(Class::Server).last(), GiveUp::Attempts),
        (plain.under(&KEEP).last(), GiveUp::Attempts),
        (plain.under(&IGNORE).last(), GiveUp::Ignored),
        (Failure::new(Class::Server).not_retried().last(), GiveUp::Class),
    ];
    let clock = FakeClock::new();
    let mut words = clock.words(&[]);
    let mut bytes = [0; 300];
    let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(&mut bytes), 9).rules(RULES);
    for (failure, reason) in rows {
        let call = log.call();
        let mut call = retry_core::Call::new(&Policy::DEFAULT, Instant::ORIGIN).observe(&call);
        let verdict = call.attempt(Instant::ORIGIN).unwrap().fail(failure, Instant::ORIGIN, &mut words);
        assert_eq!(verdict, Verdict::GiveUp(reason), "{failure:?}");
    }
    let log = log.into_sink();
    let replay = || Replay::new(&Policy::DEFAULT, log.bytes()).unwrap();
    assert_eq!(replay().rules(RULES).run().unwrap().decisions, 5);
    let unknown = replay().rules(&RULES[..1]).run().unwrap_err();
    assert!(matches!(unknown, ReplayError::UnknownRule { number: 3, rule: 2, .. }), "{unknown}");
    // The same with a policy that retries the class.
    let other = Policy::DEFAULT.retry_on(ClassSet::ALL);
    let Err(ReplayError::Difference(difference)) =
        Replay::new(&other, log.bytes()).unwrap().rules(RULES).run()
    else {
        panic!("this policy retries the class")
    };
    assert_eq!(difference.replayed, Verdict::GiveUp(GiveUp::Attempts));
}

#[test]
fn calls_of_many_threads_share_a_log() {
    let mut bytes = vec![0; 400_000];
    let log = Recorder::new(LogBuffer::new(&mut bytes), 1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let clock = FakeClock::new();
                for _ in 0..2_000 {
                    let call = log.call();
                    let retry = Retry::new(&Policy::DEFAULT, log.entropy(&clock)).observe(&call);
                    retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
                }
            });
        }
    });
    assert_eq!(log.lost(), 0);
    let log = log.into_sink();
    let replayed = Replay::new(&Policy::DEFAULT, log.bytes()).unwrap().run().unwrap();
    assert_eq!(replayed.decisions, 4 * 2_000 * 3);
}

#[test]
fn words_of_another_generator_are_recorded_in_full() {
    const WORDS: [u64; 5] = [0, u64::MAX, 1 << 63, 42, 0x0123_4567_89ab_cdef];
    let clock = FakeClock::new().with_words(&WORDS);
    let mut bytes = [0; 300];
    let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(&mut bytes), 9);
    let policy = Policy::DEFAULT.max_attempts(6);
    let call = log.call();
    let error = Retry::new(&policy, &clock).observe(&call).run_blocking(|| Err::<(), _>(Class::Network));
    assert_eq!(error.unwrap_err().context().attempt, 6);
    let log = log.into_sink();
    let words: Vec<_> = Replay::new(&policy, log.bytes())
        .unwrap()
        .filter_map(|step| match step.unwrap().record.step {
            retry_core::record::RecordedStep::Decided { word, .. } => word,
            _ => None,
        })
        .collect();
    assert_eq!(words, WORDS);
}

#[test]
fn a_full_log_ends_with_a_whole_record_and_counts_the_lost_ones() {
    let clock = FakeClock::new();
    for size in 0..200 {
        let mut bytes = vec![0; size];
        let log = Recorder::<_, LocalLock>::with_lock(LogBuffer::new(&mut bytes), 1);
        for _ in 0..10 {
            let call = log.call();
            let retry = Retry::new(&Policy::DEFAULT, log.entropy(&clock)).observe(&call);
            retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
        }
        let lost = u64::from(log.lost());
        let log = log.into_sink();
        match Replay::new(&Policy::DEFAULT, log.bytes()) {
            Ok(replay) => assert_eq!(replay.run().unwrap().decisions + lost, 30),
            Err(_) => assert_eq!((size / 16, lost), (0, 1 + 30)),
        }
    }
}

/// Takes a number of records, and panics once at the next one.
struct Careless {
    taken: Vec<u8>,
    left: usize,
}

impl RecordSink for Careless {
    fn append(&mut self, record: &[u8]) -> bool {
        self.left = self.left.wrapping_sub(1);
        assert!(self.left != usize::MAX, "a bug in the sink");
        self.taken.extend(record);
        true
    }
}

#[test]
fn a_sink_that_panics_ends_its_log_and_not_the_calls() {
    let clock = FakeClock::new();
    let log = Recorder::new(Careless { taken: Vec::new(), left: 1 + 4 }, 5);
    for _ in 0..5 {
        let call = Guarded::new(log.call());
        let retry = Retry::new(&Policy::DEFAULT, log.entropy(&clock)).observe(&call);
        assert!(retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_exhausted());
    }
    assert_eq!(log.lost(), 15 - 4);
    let log = log.into_sink().taken;
    assert_eq!(Replay::new(&Policy::DEFAULT, &log).unwrap().run().unwrap().decisions, 4);
}

#[test]
fn a_log_can_be_a_file_and_a_full_disk_loses_records() {
    let clock = FakeClock::new();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("decisions.rrl");
    let log = Recorder::new(LogWriter(BufWriter::new(File::create(&path).unwrap())), 5);
    let call = log.call();
    let retry = Retry::new(&Policy::DEFAULT, log.entropy(&clock)).observe(&call);
    retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    log.into_sink().0.into_inner().unwrap().sync_all().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(Replay::new(&Policy::DEFAULT, &bytes).unwrap().run().unwrap().decisions, 3);

    let Ok(full) = File::options().write(true).open("/dev/full") else {
        println!("skipped the full disk: this system has no /dev/full");
        return;
    };
    assert_eq!(io::Write::write(&mut &full, b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
    let log = Recorder::new(LogWriter(full), 5);
    let call = log.call();
    let retry = Retry::new(&Policy::DEFAULT, log.entropy(&clock)).observe(&call);
    retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    assert_eq!(log.lost(), 1 + 3);
}
