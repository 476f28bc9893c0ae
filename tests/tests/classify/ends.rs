//! The end of an inner call says to the outer call, and to the outer circuit, what happened.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use retry_core::circuit::{Counts, Phase};
use retry_core::classify::ErrorChain;
use retry_core::testing::FakeClock;
use retry_core::{
    BoxError, CircuitConfig, Class, ClassSet, Classify, Error, Policy, Recovery, Rejected, Retry, Rule,
    SharedBudget, SharedCircuit, TokenBucket,
};
use tests::secs;

const COUNTS: CircuitConfig = CircuitConfig::DEFAULT.consecutive_failures(5);

type End = Error<io::Error>;

/// What an outer circuit counts an end as.
#[derive(Clone, Copy, PartialEq)]
enum Counted {
    Success,
    Failure,
    Neutral,
}

/// An inner call that fails with this class under this policy.
fn ends(policy: Policy, class: Class) -> End {
    let clock = FakeClock::new();
    let retry = Retry::new(&policy, &clock).classify(|_: &io::Error| class);
    retry.run_blocking(|| Err::<(), _>(io::Error::other("inner"))).unwrap_err()
}

fn without_budget() -> End {
    let clock = FakeClock::new();
    let budget = SharedBudget::new(TokenBucket::DEFAULT);
    let retry = Retry::new(&Policy::DEFAULT, &clock).budget(&budget).classify(|_: &io::Error| Class::Server);
    loop {
        let error = retry.run_blocking(|| Err::<(), _>(io::Error::other("inner"))).unwrap_err();
        if error.is_budget_empty() {
            return error;
        }
    }
}

fn refused() -> End {
    let clock = FakeClock::new();
    let circuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    circuit.force_open(clock.now());
    let retry =
        Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).classify(|_: &io::Error| Class::Server);
    retry.run_blocking(|| Err::<(), _>(io::Error::other("inner"))).unwrap_err()
}

/// An inner call over a call that its circuit refused.
fn over_a_refused_call() -> Error<End> {
    let clock = FakeClock::new();
    Retry::new(&Policy::DEFAULT, &clock).run_blocking(|| Err::<(), _>(refused())).unwrap_err()
}

const DEFAULT: Policy = Policy::DEFAULT;
const NO_SERVER: Policy = DEFAULT.rules(&[Rule::class(Class::Server).recovery(Recovery::Fail)]);
const LEFT: Policy = DEFAULT.rules(&[Rule::class(Class::Server).recovery(Recovery::Circuit)]);
const IGNORED: Policy = DEFAULT.rules(&[Rule::class(Class::Server).recovery(Recovery::Ignore)]);
const NEUTRAL: Policy = DEFAULT.neutral_on(ClassSet::of(&[Class::NotFound]));
const POLLS: Policy = DEFAULT.retry_on(ClassSet::RETRYABLE.with(Class::NotFound));
const LATE: Policy = Policy::fixed(secs(9)).max_delay(secs(9)).start_within(secs(1));

/// An inner call that was stopped between its attempts.
fn cancelled() -> End {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|_: &io::Error| Class::Server);
    let stopped = retry.until(std::future::ready(()));
    clock.run(stopped.run(|| async { Err::<(), _>(io::Error::other("inner")) })).unwrap_err()
}

/// A call that its circuit refused after an attempt.
fn tripped() -> End {
    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(COUNTS.consecutive_failures(1)));
    let retry =
        Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).classify(|_: &io::Error| Class::Server);
    retry.run_blocking(|| Err::<(), _>(io::Error::other("inner"))).unwrap_err()
}

/// How often five of these ends failed in an outer circuit, and its phase. The outer policy retries whatever it may.
fn outer(inner: impl Fn() -> End) -> (Option<Class>, u32, Counts, Phase) {
    const OUTER: Policy = Policy::DEFAULT.retry_on(ClassSet::RETRYABLE.with(Class::NotFound));

    let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(COUNTS));
    let retry = Retry::new(&OUTER, &clock).circuit(&circuit);
    let (attempts, class) = (Cell::new(0), Cell::new(None));
    for _ in 0..4 {
        let error = retry.run_blocking(|| {
            attempts.set(attempts.get() + 1);
            Err::<(), _>(inner())
        });
        class.set(error.unwrap_err().class());
    }
    let counts = circuit.counts(clock.now()).expect("the default circuit has a window");
    let _ = retry.run_blocking(|| Err::<(), _>(inner()));
    (class.get(), attempts.get(), counts, circuit.phase())
}

#[test]
fn the_outer_call_and_the_outer_circuit_are_told_what_happened() {
    use Counted::{Failure, Neutral, Success};

    type Inner = fn() -> End;
    let rows: [(&str, Inner, Class, Counted); 15] = [
        ("404", || ends(DEFAULT, Class::NotFound), Class::NotFound, Success),
        ("400", || ends(DEFAULT, Class::Validation), Class::Validation, Success),
        ("a permanent error", || ends(DEFAULT, Class::Permanent), Class::Permanent, Success),
        ("a decoding error", || ends(DEFAULT, Class::Serialization), Class::Serialization, Success),
        ("a failed server that a rule gives up", || ends(NO_SERVER, Class::Server), Class::Server, Failure),
        ("a failed server that is left to the circuit", || ends(LEFT, Class::Server), Class::Server, Failure),
        ("all attempts at a failed server", || ends(DEFAULT, Class::Server), Class::Exhausted, Failure),
        ("all attempts at what is not there", || ends(POLLS, Class::NotFound), Class::NotFound, Success),
        ("no time", || ends(LATE, Class::Network), Class::Exhausted, Failure),
        ("no budget", without_budget, Class::Exhausted, Failure),
        ("a refusal after an attempt", tripped, Class::CircuitOpen, Failure),
        ("a refusal before the first attempt", refused, Class::CircuitOpen, Neutral),
        ("a cancelled call", cancelled, Class::Exhausted, Neutral),
        ("an ignored error", || ends(IGNORED, Class::Server), Class::Exhausted, Neutral),
        ("a neutral failure", || ends(NEUTRAL, Class::NotFound), Class::NotFound, Neutral),
    ];
    for (what, inner, class, counted) in rows {
        let (said, attempts, counts, phase) = outer(inner);
        assert_eq!(said, Some(class), "{what}");
        assert_eq!(attempts, 4, "{what}: one attempt per call, whatever the outer policy retries");
        let expected = match counted {
            Success => (4, 0),
            Failure => (4, 4),
            Neutral => (0, 0),
        };
        assert_eq!((counts.calls, counts.failures), expected, "{what}");
        let after = if counted == Failure { Phase::Open } else { Phase::Closed };
        assert_eq!(phase, after, "{what}: after the fifth");
    }
}

#[test]
fn an_outer_rule_sees_the_class_of_the_inner_end() {
    const IGNORES: Policy = Policy::DEFAULT.rules(&[Rule::class(Class::NotFound).recovery(Recovery::Ignore)]);

    let clock = FakeClock::new();
    let retry = Retry::new(&IGNORES, &clock);
    let error = retry.run_blocking(|| Err::<(), _>(ends(DEFAULT, Class::NotFound))).unwrap_err();
    assert!(error.is_ignored(), "{error}");
}

#[test]
fn a_refusal_two_calls_further_in_is_still_one() {
    let refused = retry_core::Failure::new(Class::CircuitOpen).neutral();
    assert_eq!(over_a_refused_call().classify(), refused);
    // So is a bare refusal, as a gate gives it, at any depth.
    let bare = || Rejected::new(Phase::Open, Duration::from_secs(1));
    assert_eq!(bare().classify(), refused);
    assert_eq!(ErrorChain::new().classify(&bare()), refused);
    assert_eq!(io::Error::other(bare()).classify(), refused);
    assert_eq!(BoxError::from(io::Error::other(bare())).classify(), refused);
}

/// The same through a box, by the chain of causes.
#[test]
fn a_box_around_the_inner_end_changes_nothing() {
    let rows: [(fn() -> End, Class); 3] = [
        (|| ends(DEFAULT, Class::NotFound), Class::NotFound),
        (|| ends(DEFAULT, Class::Server), Class::Exhausted),
        (refused, Class::CircuitOpen),
    ];
    for (inner, class) in rows {
        let plain = inner().classify();
        assert_eq!(plain.class, class);
        assert_eq!(ErrorChain::new().classify(&inner()), plain);
        assert_eq!(BoxError::from(inner()).classify(), plain);
        assert_eq!(io::Error::other(inner()).classify(), plain);
        assert_eq!(io::Error::other(inner().boxed()).classify(), plain, "an Error<BoxError>");
    }
}
