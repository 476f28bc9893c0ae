//! Policies with rules from run time, and policies that are replaced while calls are in progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use allocation_counter::measure;
use retry_core::{
    Backoff, Class, Jitter, Policy, Recovery, Retry, Rule,
    policy::{OwnedPolicy, Policies, ReloadablePolicy},
    testing::FakeClock,
};
use tests::ms;

const POLICY: Policy = Policy::exponential(ms(100));
const STATIC: &[Rule] = &[Rule::class(Class::Server).recovery(Recovery::Fail)];

/// Makes a policy with this number of attempts, and a rule that also contains the number.
fn numbered(number: u32) -> OwnedPolicy {
    let rule = Rule::class(Class::Timeout).backoff(Backoff::fixed(ms(number.into()))).max_attempts(number);
    OwnedPolicy::new(POLICY.max_attempts(number), vec![rule])
}

/// Returns the rules that a call gets from `policies`, and the number of attempts of its policy.
fn read<P: Policies>(policies: &P) -> (Vec<Rule>, Option<u32>) {
    let read = policies.read();
    (policies.rules(&read).to_vec(), policies.policy(&read).settings().max_attempts)
}

#[test]
fn owned_rules_replace_the_policys_rules() {
    let policy = POLICY.rules(STATIC);
    let rule = Rule::ANY.recovery(Recovery::Ignore);
    assert_eq!(read(&OwnedPolicy::from(policy)), (STATIC.to_vec(), Some(3)));
    assert_eq!(read(&OwnedPolicy::new(policy, [rule])), (vec![rule], Some(3)));
    assert_eq!(read(&OwnedPolicy::new(policy, [])), (vec![], Some(3)));
    assert_eq!(read(&Arc::new(OwnedPolicy::new(policy, [rule]))), (vec![rule], Some(3)));
    assert_eq!(OwnedPolicy::new(policy, [rule]).settings().rules, [rule]);
    assert_eq!(OwnedPolicy::from(policy).settings(), policy.settings());
    assert!(OwnedPolicy::new(policy, [rule]).to_string().ends_with("; rule any class: ignore"));
}

#[test]
fn an_invalid_rule_is_an_error() {
    let long = Rule::ANY.recovery(Recovery::RetryWithDelay(ms(31_000)));
    let error = OwnedPolicy::try_new(POLICY, [STATIC[0], long]).unwrap_err();
    assert_eq!(error.to_string(), "rules = 31 s: must be at most 30 s, max_delay");
    assert_eq!(
        error,
        POLICY.try_rules(&[const { Rule::ANY.backoff(Backoff::fixed(ms(31_000))) }]).unwrap_err()
    );
    assert!(OwnedPolicy::try_new(POLICY.max_delay(ms(31_000)), [long]).is_ok());
}

#[test]
#[should_panic(expected = "rules = 31 s: must be at most 30 s, max_delay")]
fn the_plain_form_panics_with_the_same_message() {
    let _ = OwnedPolicy::new(POLICY, [Rule::ANY.backoff(Backoff::fixed(ms(31_000)))]);
}

#[test]
fn a_call_keeps_the_policy_that_it_began_with() {
    static RELOADED: ReloadablePolicy = ReloadablePolicy::new(POLICY.rules(STATIC));
    let says = |reading: &_| {
        let policy = Policies::policy(&RELOADED, reading);
        (policy.settings().max_attempts, RELOADED.rules(reading).to_vec())
    };
    let first = RELOADED.read();
    assert_eq!(first, None, "before the first reload, the policy is read without a lock");
    assert_eq!(RELOADED.current().settings(), POLICY.rules(STATIC).settings());
    RELOADED.reload(numbered(7));
    let second = RELOADED.read();
    RELOADED.reload(POLICY.max_attempts(9));
    let third = RELOADED.read();
    assert_eq!(says(&first), (Some(3), STATIC.to_vec()));
    assert_eq!(says(&second), (Some(7), numbered(7).settings().rules.to_vec()));
    assert_eq!(says(&third), (Some(9), vec![]));
    assert_eq!(RELOADED.current().to_string(), POLICY.max_attempts(9).to_string());
    assert_eq!(RELOADED.to_string(), POLICY.max_attempts(9).to_string());
}

#[test]
fn a_retry_reads_its_policy_once_per_call() {
    let policy = ReloadablePolicy::new(POLICY.max_attempts(2));
    let clock = FakeClock::new();
    let retry = Retry::new(&policy, &clock).classify(|class: &Class| *class);
    // Returns the attempts of a call that always fails, and that reloads the policy during each attempt.
    let attempts = |class: Class, reloaded: &OwnedPolicy| {
        let mut attempts = 0;
        let result = retry.run_blocking(|| {
            attempts += 1;
            policy.reload(reloaded.clone());
            Err::<(), _>(class)
        });
        assert_eq!(result.unwrap_err().context().attempt, attempts);
        attempts
    };
    let fail = Rule::class(Class::Timeout).recovery(Recovery::Fail);
    let late = Rule::ANY.after(ms(1)).recovery(Recovery::Fail);
    let five = OwnedPolicy::new(POLICY.max_attempts(5).jitter(Jitter::None), [fail]);
    let timed = OwnedPolicy::new(POLICY.max_attempts(5).jitter(Jitter::None), [late]);
    assert_eq!(attempts(Class::Timeout, &five), 2, "the policy at the start of the call");
    assert_eq!(attempts(Class::Timeout, &five), 1, "the rule of the new policy");
    assert_eq!(attempts(Class::Server, &timed), 5, "the attempts of the new policy");
    assert_eq!(
        attempts(Class::Server, &timed),
        2,
        "a rule that counts the time, and applies at the failure at 100 ms"
    );
}

#[test]
fn a_thousand_reloads_do_not_grow_memory() {
    let policy = ReloadablePolicy::new(POLICY);
    let mut under_way = Vec::with_capacity(10);
    let mut reload = |rounds| {
        measure(|| {
            for number in 1..=rounds {
                policy.reload(numbered(number));
                // The last ten calls are still in progress.
                if under_way.len() == 10 {
                    under_way.remove(0);
                }
                under_way.push(policy.read());
            }
        })
    };
    let first = reload(20);
    assert!(first.bytes_current > 0, "rules take memory: {first:?}");
    let many = reload(1_000);
    assert_eq!(many.bytes_current, 0, "{many:?}");
    assert!(many.bytes_max < first.bytes_max, "{many:?} after {first:?}");
    drop(under_way);
    // Reading the policy does not allocate, before the first reload and after it.
    let untouched = ReloadablePolicy::new(POLICY.rules(STATIC));
    assert_eq!(measure(|| drop((untouched.read(), policy.read()))).count_total, 0);
}

#[test]
fn a_reading_belongs_to_one_policy_during_reloads() {
    let policy = ReloadablePolicy::new(POLICY);
    policy.reload(numbered(1));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = 1;
                while !done.load(Ordering::Relaxed) {
                    let (rules, attempts) = read(&policy);
                    let number = attempts.expect("the policy limits the attempts");
                    assert_eq!(rules, numbered(number).settings().rules);
                    assert!(number >= last, "{number} after {last}");
                    last = number;
                }
            });
        }
        for number in 2..5_000 {
            policy.reload(numbered(number));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(read(&policy).1, Some(4_999));
}
