//! The time in the error of a call: how long the call took, and the wall-clock time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use retry_core::{
    Class, Error, Jitter, Policy, Preset, Retry,
    dead_letter::{DeadLetter, LetterContext},
    runtime::{CancelToken, Clock},
    testing::FakeClock,
};
use tests::ms;

const UNLIMITED: Policy = Policy::exponential(ms(100)).jitter(Jitter::None);

/// Makes three attempts of 40 ms each, with delays of 100 ms and 200 ms between them.
fn failed<K>(
    clock: &FakeClock,
    retry: Retry<&FakeClock, Policy, retry_core::circuit::NoCircuit, retry_core::budget::NoBudget, K>,
) -> Error<Class>
where
    K: retry_core::classify::Classifier<(), Class>,
{
    let slow = || {
        clock.advance(ms(40));
        Err::<(), _>(Class::Network)
    };
    retry.run_blocking(slow).unwrap_err()
}

#[test]
fn the_time_of_a_call_is_known_with_a_limit_and_without_one() {
    let clock = FakeClock::new();
    let retry = |policy: Policy| Retry::new(policy, &clock);
    let whole = ms(3 * 40 + 300);
    let limited = failed(&clock, retry(UNLIMITED.start_within(ms(10_000))));
    assert_eq!((limited.elapsed(), limited.context().is_elapsed_partial), (Some(whole), false));
    let timed = failed(&clock, retry(UNLIMITED).timed());
    assert_eq!((timed.elapsed(), timed.context().is_elapsed_partial), (Some(whole), false));
    // Without a limit, the clock is first read at the first failure.
    let partial = failed(&clock, retry(UNLIMITED));
    assert_eq!((partial.elapsed(), partial.context().is_elapsed_partial), (Some(whole - ms(40)), true));
    assert_eq!(partial.to_string(), "gave up after attempt 3 of 3 (Network): no attempts left");
    assert_eq!(DeadLetter::of(&partial, ()).elapsed, Some(whole - ms(40)));
    // A call that ends with its first attempt has read no clock.
    assert_eq!(failed(&clock, retry(UNLIMITED.max_attempts(1))).elapsed(), None);
}

#[test]
fn a_success_reads_no_clock_if_no_rule_needs_the_time() {
    struct Timeless;
    impl Clock for Timeless {
        fn now(&self) -> retry_core::Instant {
            unreachable!("the call succeeds")
        }
        fn unix_time(&self) -> Option<Duration> {
            unreachable!("the call succeeds")
        }
    }
    impl retry_core::runtime::BlockingSleep for Timeless {
        fn sleep_blocking(&self, _: Duration) -> Result<(), retry_core::runtime::Interrupted> {
            unreachable!("the call succeeds")
        }
    }
    impl retry_core::runtime::Entropy for Timeless {
        fn word(&self) -> u64 {
            unreachable!("the call succeeds")
        }
    }
    assert_eq!(Retry::new(UNLIMITED, Timeless).run_blocking(|| Ok::<_, Class>(7)), Ok(7));
}

#[test]
fn an_error_has_the_wall_clock_time_of_its_runtime() {
    let clock = FakeClock::new().with_unix_time(Duration::from_secs(1_700_000_000));
    let error = failed(&clock, Retry::new(UNLIMITED, &clock));
    assert_eq!(error.at(), Some(UNIX_EPOCH + ms(1_700_000_000_420)));
    assert_eq!(failed(&FakeClock::new(), Retry::new(UNLIMITED, &FakeClock::new())).at(), None);
    // A handler of dead letters has it, too.
    let at = std::cell::Cell::new(None);
    let keep = |_: &DeadLetter<()>, context: &LetterContext<'_, Class>| at.set(context.error.at());
    let retry = Retry::new(UNLIMITED.max_attempts(1), &clock);
    let _ = retry.on_dead_letter(&keep).run_blocking(|| Err::<(), _>(Class::Network));
    assert_eq!(at.get(), Some(UNIX_EPOCH + ms(1_700_000_000_420)));
}

#[test]
#[allow(clippy::disallowed_methods)] // the wall clock is what is compared
fn the_real_runtimes_have_a_wall_clock() {
    const ONCE: Policy = UNLIMITED.max_attempts(1);
    let start = SystemTime::now();
    let fails = || Err::<(), _>(Class::Network);
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let token = CancelToken::new();
    let errors = [
        retry_core::retry(ONCE).run_blocking(fails).unwrap_err(),
        retry_core::retry(ONCE).cancel_by(&token).run_blocking(fails).unwrap_err(),
        tokio.block_on(retry_tokio::retry(ONCE).run(async || fails())).unwrap_err(),
        smol::block_on(retry_async_std::retry(ONCE).run(async || fails())).unwrap_err(),
    ];
    // Within a day, because the system may set its clock meanwhile.
    let day = Duration::from_secs(86_400);
    for error in errors {
        assert!((start - day..=start + day).contains(&error.at().unwrap()), "{error:?}");
    }
}

#[test]
fn each_preset_limits_the_time_of_a_call_so_that_its_error_knows_it() {
    for preset in Preset::ALL {
        let clock = FakeClock::new();
        let retry = Retry::new(preset.policy, &clock);
        let error = retry.run_blocking(|| Err::<(), _>(Class::Validation)).unwrap_err();
        assert_eq!(error.elapsed(), Some(Duration::ZERO), "{}", preset.name);
    }
    // Short presets cut an attempt that hangs; the others let it end.
    let total = |preset: Preset| preset.policy.settings().total_timeout;
    let cut = Preset::ALL.into_iter().filter(|preset| total(*preset).is_some()).map(|preset| preset.name);
    assert_eq!(Vec::from_iter(cut), ["cache", "conservative", "aggressive", "fast"]);
    assert_eq!(Preset::S3.policy.settings().attempt_timeout, Some(Duration::from_secs(60)));
    assert_eq!(Preset::S3.policy.settings().start_within, Some(Duration::from_secs(300)));
}

#[test]
fn an_error_stays_small() {
    // From 128 bytes on, clippy warns of each function that returns it (`result_large_err`).
    assert!(size_of::<Error<Class>>() < 128, "{}", size_of::<Error<Class>>());
}
