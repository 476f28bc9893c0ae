//! Retry budgets in configuration files.

use std::format;
use std::string::String;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::duration::HumanDuration;
use super::names::{BudgetName, Classes, Name, Named};
use super::read::{Problem, Read, table};
use super::suggest::Table;
use super::value::{Count, Number, Part};
use crate::budget::{
    AdaptiveThrottle, BudgetConfig, ConcurrencyShare, RequestShare, RetryThrottle, TokenBucket,
};
use crate::config_error::ConfigError;

table! {
    pub(super) struct BudgetFile in Table::Budget => {
        kind: Name<BudgetName>,
        capacity: Count,
        retry_cost: Count,
        timeout_cost: Count,
        rate_limit_cost: Count,
        first_try_refund: Count,
        success_reward: Number => |it| TokenBucket::DEFAULT.try_success_reward(it.0).map(|_| ()),
        refill_per_second: Number => |it| TokenBucket::DEFAULT.try_refill_per_second(it.0).map(|_| ()),
        max_tokens: Count => |it| RetryThrottle::DEFAULT.try_max_tokens(it.0).map(|_| ()),
        token_ratio: Number => |it| RetryThrottle::DEFAULT.try_token_ratio(it.0).map(|_| ()),
        count_as_failure: Classes,
        share: Part => |it| RequestShare::DEFAULT.try_share(it.0).map(|_| ()),
        ttl: HumanDuration => |it| RequestShare::DEFAULT.try_ttl(it.0).map(|_| ()),
        min_retries_per_second: Count,
        min_retries: Count,
        multiplier: Number => |it| AdaptiveThrottle::DEFAULT.try_multiplier(it.0).map(|_| ()),
        max_rejection: Number => |it| AdaptiveThrottle::DEFAULT.try_max_rejection(it.0).map(|_| ()),
        window: HumanDuration => |it| AdaptiveThrottle::DEFAULT.try_window(it.0).map(|_| ()),
        min_attempts: Count,
        count_as_rejection: Classes,
    }
}

impl BudgetName {
    /// The keys of this kind, besides `kind`.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::TokenBucket | Self::Aws => &[
                "capacity",
                "retry_cost",
                "timeout_cost",
                "rate_limit_cost",
                "first_try_refund",
                "success_reward",
                "refill_per_second",
            ],
            Self::RetryThrottle | Self::Grpc => {
                &["max_tokens", "token_ratio", "refill_per_second", "count_as_failure"]
            }
            Self::RequestShare => &["share", "ttl", "min_retries_per_second"],
            Self::ConcurrencyShare => &["share", "min_retries"],
            Self::AdaptiveThrottle => {
                &["multiplier", "max_rejection", "window", "min_attempts", "count_as_rejection"]
            }
        }
    }
}

impl BudgetFile {
    /// Returns the rules that the table describes, which names their kind.
    pub(super) fn config(&self) -> Result<BudgetConfig, Problem> {
        match self.kind {
            Some(Name(kind)) => self.of_kind(kind),
            None => Err(Problem("kind: a budget needs one, such as \"token_bucket\"".into())),
        }
    }

    fn of_kind(&self, kind: BudgetName) -> Result<BudgetConfig, Problem> {
        let keys = kind.keys();
        if let Some(key) = self.given().find(|key| *key != "kind" && !keys.contains(key)) {
            let name = kind.name();
            return Err(Problem(format!("{key}: this kind, {name}, has only {}", keys.join(", "))));
        }
        Ok(match kind {
            BudgetName::TokenBucket => BudgetConfig::TokenBucket(self.token_bucket(TokenBucket::DEFAULT)?),
            BudgetName::Aws => BudgetConfig::TokenBucket(self.token_bucket(TokenBucket::AWS)?),
            BudgetName::RetryThrottle => {
                BudgetConfig::RetryThrottle(self.retry_throttle(RetryThrottle::DEFAULT)?)
            }
            BudgetName::Grpc => BudgetConfig::RetryThrottle(self.retry_throttle(RetryThrottle::GRPC)?),
            BudgetName::RequestShare => BudgetConfig::RequestShare(self.request_share()?),
            BudgetName::ConcurrencyShare => BudgetConfig::ConcurrencyShare(self.concurrency_share()?),
            BudgetName::AdaptiveThrottle => BudgetConfig::AdaptiveThrottle(self.adaptive_throttle()?),
        })
    }

    fn token_bucket(&self, mut rules: TokenBucket) -> Result<TokenBucket, ConfigError> {
        if let Some(tokens) = self.capacity {
            rules = rules.capacity(tokens.0);
        }
        if let Some(tokens) = self.retry_cost {
            rules = rules.retry_cost(tokens.0);
        }
        if let Some(tokens) = self.timeout_cost {
            rules = rules.timeout_cost(tokens.0);
        }
        if let Some(tokens) = self.rate_limit_cost {
            rules = rules.rate_limit_cost(tokens.0);
        }
        if let Some(tokens) = self.first_try_refund {
            rules = rules.first_try_refund(tokens.0);
        }
        if let Some(tokens) = self.success_reward {
            rules = rules.try_success_reward(tokens.0)?;
        }
        if let Some(tokens) = self.refill_per_second {
            rules = rules.try_refill_per_second(tokens.0)?;
        }
        Ok(rules)
    }

    fn retry_throttle(&self, mut rules: RetryThrottle) -> Result<RetryThrottle, ConfigError> {
        if let Some(tokens) = self.max_tokens {
            rules = rules.try_max_tokens(tokens.0)?;
        }
        if let Some(tokens) = self.token_ratio {
            rules = rules.try_token_ratio(tokens.0)?;
        }
        if let Some(tokens) = self.refill_per_second {
            rules = rules.try_refill_per_second(tokens.0)?;
        }
        if let Some(classes) = self.count_as_failure {
            rules = rules.count_as_failure(classes.0);
        }
        Ok(rules)
    }

    fn request_share(&self) -> Result<RequestShare, ConfigError> {
        let mut rules = RequestShare::DEFAULT;
        if let Some(share) = self.share {
            rules = rules.try_share(share.0)?;
        }
        if let Some(ttl) = self.ttl {
            rules = rules.try_ttl(ttl.0)?;
        }
        if let Some(retries) = self.min_retries_per_second {
            rules = rules.min_retries_per_second(retries.0);
        }
        Ok(rules)
    }

    fn concurrency_share(&self) -> Result<ConcurrencyShare, ConfigError> {
        let mut rules = ConcurrencyShare::DEFAULT;
        if let Some(share) = self.share {
            rules = rules.try_share(share.0)?;
        }
        if let Some(retries) = self.min_retries {
            rules = rules.min_retries(retries.0);
        }
        Ok(rules)
    }

    fn adaptive_throttle(&self) -> Result<AdaptiveThrottle, ConfigError> {
        let mut rules = AdaptiveThrottle::DEFAULT;
        if let Some(multiplier) = self.multiplier {
            rules = rules.try_multiplier(multiplier.0)?;
        }
        if let Some(probability) = self.max_rejection {
            rules = rules.try_max_rejection(probability.0)?;
        }
        if let Some(window) = self.window {
            rules = rules.try_window(window.0)?;
        }
        if let Some(attempts) = self.min_attempts {
            rules = rules.min_attempts(attempts.0);
        }
        if let Some(classes) = self.count_as_rejection {
            rules = rules.count_as_rejection(classes.0);
        }
        Ok(rules)
    }

    /// Returns the table of these rules, with every key.
    fn of(config: &BudgetConfig) -> Self {
        let none = Self::default();
        match config {
            BudgetConfig::TokenBucket(rules) => {
                let says = rules.settings();
                Self {
                    kind: Some(Name(BudgetName::TokenBucket)),
                    capacity: Some(Count(says.capacity)),
                    retry_cost: Some(Count(says.retry_cost)),
                    timeout_cost: Some(Count(says.timeout_cost)),
                    rate_limit_cost: says.rate_limit_cost.map(Count),
                    first_try_refund: Some(Count(says.first_try_refund)),
                    success_reward: Some(decimal(says.success_reward_millionths, -6)),
                    refill_per_second: Some(decimal(says.refill_millionths, -6)),
                    ..none
                }
            }
            BudgetConfig::RetryThrottle(rules) => {
                let ratio = match rules.earns_thousandths() {
                    0 => Number(0.0001), // as above 0 as it was
                    thousandths => decimal(thousandths.into(), -3),
                };
                Self {
                    kind: Some(Name(BudgetName::RetryThrottle)),
                    max_tokens: Some(Count(rules.max_thousandths() / 1_000)),
                    token_ratio: Some(ratio),
                    refill_per_second: Some(decimal(rules.refill_thousandths().into(), -3)),
                    count_as_failure: Some(Classes(rules.failures())),
                    ..none
                }
            }
            BudgetConfig::RequestShare(rules) => {
                let (millionths, ttl, retries) = rules.settings();
                Self {
                    kind: Some(Name(BudgetName::RequestShare)),
                    share: Some(Part(decimal(millionths, -6).0)),
                    ttl: Some(HumanDuration(ttl)),
                    min_retries_per_second: Some(Count(retries)),
                    ..none
                }
            }
            BudgetConfig::ConcurrencyShare(rules) => {
                let (millionths, retries) = rules.settings();
                Self {
                    kind: Some(Name(BudgetName::ConcurrencyShare)),
                    share: Some(Part(decimal(millionths, -6).0)),
                    min_retries: Some(Count(retries)),
                    ..none
                }
            }
            BudgetConfig::AdaptiveThrottle(rules) => {
                let says = rules.settings();
                let multiplier = shortest(says.multiplier, |it| rules.try_multiplier(it) == Ok(*rules));
                let rejection = shortest(says.max_rejection, |it| rules.try_max_rejection(it) == Ok(*rules));
                Self {
                    kind: Some(Name(BudgetName::AdaptiveThrottle)),
                    multiplier: Some(Number(multiplier)),
                    max_rejection: Some(Number(rejection)),
                    window: Some(HumanDuration(says.window)),
                    min_attempts: Some(Count(says.min_attempts)),
                    count_as_rejection: Some(Classes(says.count_as_rejection)),
                    ..none
                }
            }
        }
    }
}

/// Returns the float that is nearest to `digits * 10^exponent`.
fn decimal(digits: u64, exponent: i8) -> Number {
    let number: String = format!("{digits}e{exponent}");
    Number(number.parse().unwrap_or(f64::MAX))
}

/// Returns the number with the fewest decimals that means the same.
fn shortest(number: f64, is_same: impl Fn(f64) -> bool) -> f64 {
    let short = (0..12).filter_map(|places| format!("{number:.places$}").parse().ok());
    short.into_iter().find(|short| is_same(*short)).unwrap_or(number)
}

/// Reads rules from a table with the names of the setters as keys, and `kind`: `token_bucket`, `aws`, `retry_throttle`,
/// `grpc`, `request_share`, `concurrency_share` or `adaptive_throttle`.
///
/// ```
/// use retry_core::{budget::BudgetConfig, TokenBucket};
///
/// let config: BudgetConfig = toml::from_str("kind = 'token_bucket'\ncapacity = 100").unwrap();
/// assert_eq!(config, BudgetConfig::TokenBucket(TokenBucket::DEFAULT.capacity(100)));
///
/// let error = toml::from_str::<BudgetConfig>("kind = 'token_bucket'\nttl = '10s'").unwrap_err();
/// assert!(error.message().starts_with("ttl: this kind, token_bucket, has only capacity, retry_cost"));
/// ```
///
/// # Errors
/// Returns an error if a key is unknown or belongs to another kind, or if a value is invalid. The error names the key.
impl<'de> Deserialize<'de> for BudgetConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BudgetFile::read(deserializer, "")?.config().map_err(de::Error::custom)
    }
}

/// Writes the rules as a table that is read back as the same rules.
impl Serialize for BudgetConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        BudgetFile::of(self).serialize(serializer)
    }
}

/// Reads and writes the rules of one kind; `kind` may be left out.
macro_rules! one_kind {
    ($($rules:ident: $($kind:ident)|+,)*) => {$(
        /// Reads the rules from a table with the names of the setters as keys. `kind` may be left out.
        ///
        /// # Errors
        /// Returns an error if a key is unknown, or if a value is invalid. The error names the key.
        impl<'de> Deserialize<'de> for $rules {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let file = BudgetFile::read(deserializer, "")?;
                let config = match file.kind {
                    None => file.of_kind(BudgetName::$rules),
                    Some(Name(kind)) if [$(BudgetName::$kind),+].contains(&kind) => file.of_kind(kind),
                    Some(_) => Err(Problem(format!("kind: must be {}", BudgetName::$rules.name()))),
                };
                match config.map_err(de::Error::custom)? {
                    BudgetConfig::$rules(rules) => Ok(rules),
                    _ => unreachable!("each kind makes rules of its type"),
                }
            }
        }

        /// Writes the rules as a table that is read back as the same rules.
        impl Serialize for $rules {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                BudgetFile { kind: None, ..BudgetFile::of(&BudgetConfig::$rules(*self)) }.serialize(serializer)
            }
        }
    )*};
}
one_kind! {
    TokenBucket: TokenBucket | Aws,
    RetryThrottle: RetryThrottle | Grpc,
    RequestShare: RequestShare,
    ConcurrencyShare: ConcurrencyShare,
    AdaptiveThrottle: AdaptiveThrottle,
}
