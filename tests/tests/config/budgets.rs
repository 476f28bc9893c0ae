//! Budgets from files: each kind reads what it writes, and operations share one by name.

use std::sync::Arc;

use proptest::prelude::*;
use retry_core::{
    Class, ClassSet, Instant, Policy, Preset, TokenBucket,
    budget::{
        AdaptiveThrottle, Budget as _, BudgetConfig, ConcurrencyShare, Deposit, Price, Request, RequestShare,
        RetryThrottle,
    },
    config::OperationsFile,
    pool::Operations,
    testing::FakeClock,
};
use tests::{ms, secs};

#[test]
fn every_key_reaches_its_setter() {
    let timeouts = ClassSet::of(&[Class::Timeout]);
    let rows = [
        ("kind = 'token_bucket'", BudgetConfig::TokenBucket(TokenBucket::DEFAULT)),
        ("kind = 'aws'", BudgetConfig::TokenBucket(TokenBucket::AWS)),
        (
            "kind = 'token_bucket'\ncapacity = 9\nretry_cost = 2\ntimeout_cost = 3\nrate_limit_cost = 4\n\
             first_try_refund = 5\nsuccess_reward = 0.25\nrefill_per_second = '10%'",
            BudgetConfig::TokenBucket(
                TokenBucket::DEFAULT
                    .capacity(9)
                    .retry_cost(2)
                    .timeout_cost(3)
                    .rate_limit_cost(4)
                    .first_try_refund(5)
                    .success_reward(0.25)
                    .refill_per_second(0.1),
            ),
        ),
        ("kind = 'grpc'", BudgetConfig::RetryThrottle(RetryThrottle::GRPC)),
        (
            "kind = 'retry_throttle'\nmax_tokens = 20\ntoken_ratio = 0.5\nrefill_per_second = 2\ncount_as_failure = ['timeout']",
            BudgetConfig::RetryThrottle(
                RetryThrottle::DEFAULT
                    .max_tokens(20)
                    .token_ratio(0.5)
                    .refill_per_second(2.0)
                    .count_as_failure(timeouts),
            ),
        ),
        (
            "kind = 'request_share'\nshare = '20%'\nttl = '30s'\nmin_retries_per_second = 1",
            BudgetConfig::RequestShare(
                RequestShare::DEFAULT.share(0.2).ttl(secs(30)).min_retries_per_second(1),
            ),
        ),
        (
            "kind = 'concurrency_share'\nshare = 0.5\nmin_retries = 1",
            BudgetConfig::ConcurrencyShare(ConcurrencyShare::DEFAULT.share(0.5).min_retries(1)),
        ),
        (
            "kind = 'adaptive_throttle'\nmultiplier = 1.1\nmax_rejection = 0.9\nwindow = '1m'\nmin_attempts = 7\n\
             count_as_rejection = ['timeout']",
            BudgetConfig::AdaptiveThrottle(
                AdaptiveThrottle::DEFAULT
                    .multiplier(1.1)
                    .max_rejection(0.9)
                    .window(secs(60))
                    .min_attempts(7)
                    .count_as_rejection(timeouts),
            ),
        ),
    ];
    for (file, config) in rows {
        assert_eq!(toml::from_str::<BudgetConfig>(file), Ok(config), "{file}");
        let written = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<BudgetConfig>(&written), Ok(config), "{written}");
    }
    // A single kind needs no `kind`, and is printed as it was given.
    let written = toml::to_string(&AdaptiveThrottle::DEFAULT.multiplier(1.1)).unwrap();
    assert!(written.starts_with("multiplier = 1.1\nmax_rejection = 1.0\nwindow = \"2m\"\n"), "{written}");
    for seconds in [1, 7, 59] {
        let rules = AdaptiveThrottle::DEFAULT.window(ms(seconds * 1_000));
        let written = toml::to_string(&rules).unwrap();
        assert!(written.contains(&format!("window = \"{seconds}s\"")), "{written}");
        assert_eq!(toml::from_str(&written), Ok(rules));
    }
    assert_eq!(toml::from_str("kind = 'aws'\ncapacity = 9"), Ok(TokenBucket::AWS.capacity(9)));
    let error = toml::from_str::<TokenBucket>("kind = 'grpc'").unwrap_err();
    assert_eq!(error.message(), "kind: must be token_bucket");
}

fn any_budget() -> impl Strategy<Value = BudgetConfig> {
    let float = || prop_oneof![0.0..2.0, 0.0..1e12, Just(0.0), Just(f64::MAX)];
    let bucket = (any::<[u32; 4]>(), prop::option::of(any::<u32>()), float(), float());
    let bucket = bucket.prop_map(|([capacity, retry, timeout, refund], limit, reward, refill)| {
        let rules = TokenBucket::DEFAULT.capacity(capacity).retry_cost(retry).timeout_cost(timeout);
        let rules = rules.first_try_refund(refund).success_reward(reward).refill_per_second(refill);
        BudgetConfig::TokenBucket(limit.map_or(rules, |limit| rules.rate_limit_cost(limit)))
    });
    let throttle =
        (1..=1_000_u32, float(), float(), any::<bool>()).prop_map(|(most, ratio, refill, timeouts)| {
            let rules = RetryThrottle::DEFAULT
                .max_tokens(most)
                .token_ratio(ratio.max(1e-9))
                .refill_per_second(refill);
            let classes = if timeouts { ClassSet::of(&[Class::Timeout]) } else { ClassSet::NONE };
            BudgetConfig::RetryThrottle(rules.count_as_failure(classes))
        });
    let requests = (0.0..=1_000.0, 1_000..=60_000_u64, any::<u32>()).prop_map(|(share, ttl, retries)| {
        BudgetConfig::RequestShare(
            RequestShare::DEFAULT.share(share).ttl(ms(ttl)).min_retries_per_second(retries),
        )
    });
    let concurrency = (0.0..=1.0, any::<u32>()).prop_map(|(share, retries)| {
        BudgetConfig::ConcurrencyShare(ConcurrencyShare::DEFAULT.share(share).min_retries(retries))
    });
    let adaptive = (1.0..=100.0, 0.0..=1.0, 1_000..u64::MAX / 1_000_000, any::<u32>());
    let adaptive = adaptive.prop_map(|(multiplier, rejection, window, attempts)| {
        let rules = AdaptiveThrottle::DEFAULT.multiplier(multiplier).max_rejection(rejection);
        BudgetConfig::AdaptiveThrottle(rules.window(ms(window)).min_attempts(attempts))
    });
    prop_oneof![bucket, throttle, requests, concurrency, adaptive]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_budget_is_read_as_it_was_written(config in any_budget()) {
        let (toml, json) = (toml::to_string(&config).unwrap(), serde_json::to_string(&config).unwrap());
        prop_assert_eq!(toml::from_str::<BudgetConfig>(&toml).unwrap(), config, "{}", toml);
        prop_assert_eq!(serde_json::from_str::<BudgetConfig>(&json).unwrap(), config, "{}", json);
    }
}

const FILE: &str = "
    budgets.aws = { kind = 'token_bucket', capacity = 10, refill_per_second = 0 }
    [http]
    budget = 'aws'
    [s3]
    budget = 'aws'
    [database]
    budget = { kind = 'token_bucket', capacity = 5, refill_per_second = 0 }
    [cache]
    budget = 'none'
";

#[test]
fn operations_share_a_budget_by_name() {
    let file: OperationsFile = toml::from_str(FILE).unwrap();
    let written: OperationsFile = toml::from_str(&toml::to_string(&file).unwrap()).unwrap();
    for file in [file, written] {
        let budgets = file.budgets();
        let of = |name| budgets.of(name).unwrap();
        assert!(Arc::ptr_eq(&of("http"), &of("s3")) && !Arc::ptr_eq(&of("http"), &of("database")));
        assert!(budgets.of("cache").is_none() && budgets.of("search").is_none());

        // 10 tokens at 5 each pay for two retries of the two operations together.
        let all =
            Operations::new(file.over([Preset::HTTP, Preset::S3, Preset::DATABASE, Preset::CACHE]).unwrap());
        let (clock, policy) = (FakeClock::new(), Policy::DEFAULT);
        let attempts = |name| {
            let mut attempts = 0;
            let retry = all.named(name).retry(&clock).budget(budgets.of(name));
            let _ = retry.run_blocking(|| {
                attempts += 1;
                Err::<(), _>(Class::Network)
            });
            attempts
        };
        assert_eq!([attempts("http"), attempts("s3"), attempts("database"), attempts("cache")], [3, 1, 2, 2]);
        assert_eq!(policy.settings().max_attempts, Some(3));
    }
}

/// Rules of any kind count as those of the kind do.
#[test]
fn rules_of_any_kind_decide_as_their_own() {
    use retry_core::{SharedBudget, runtime::LocalLock};
    let any = SharedBudget::<_, LocalLock>::with_lock(BudgetConfig::RetryThrottle(RetryThrottle::GRPC));
    let own = SharedBudget::<_, LocalLock>::with_lock(RetryThrottle::GRPC);
    let now = Instant::ORIGIN;
    for _ in 0..6 {
        let failed = Deposit::Failed { class: Class::Server, price: Price(0) };
        any.deposit(failed, now);
        own.deposit(failed, now);
        let request = || Request::new(Class::Server, 1, 0);
        assert_eq!(any.withdraw(request(), now), own.withdraw(request(), now));
        assert_eq!(any.level(now), own.level(now));
    }
    assert_eq!(any.level(now), Some(4));
}
