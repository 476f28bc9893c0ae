//! Policies for common dependencies.

use core::time::Duration;

use super::Policy;
use crate::circuit::CircuitConfig;
use crate::class::{Class, ClassSet};
use crate::delay::{Backoff, Jitter};
use crate::log_level::LogLevel;

/// A policy for a common kind of dependency, with a matching circuit.
///
/// | preset | max_attempts | backoff | max_delay | jitter | retried | also |
/// |---|---|---|---|---|---|---|
/// | [`DEFAULT`](Self::DEFAULT) | 3 | 100 ms, x2 | 30 s | full | retryable | start within 5 min |
/// | [`DATABASE`](Self::DATABASE) | 3 | 100 ms, x2 | 30 s | full | transient, timeout, network | start within 1 min |
/// | [`HTTP`](Self::HTTP) | 5 | 200 ms, x2 | 30 s | full | transient, timeout, network, server, rate limit | start within 2 min |
/// | [`S3`](Self::S3) | 4 | 500 ms, x2 | 30 s | full | transient, timeout, network, server, rate limit | attempt timeout 60 s, start within 5 min, dead letter |
/// | [`CACHE`](Self::CACHE) | 2 | 50 ms, fixed | 50 ms | none | transient, timeout, network | total timeout 1 s, no circuit |
/// | [`CONSERVATIVE`](Self::CONSERVATIVE) | 3 | 100 ms, x2 | 1 s | none | retryable | total timeout 30 s |
/// | [`AGGRESSIVE`](Self::AGGRESSIVE) | 7 | 50 ms, x1.5 | 5 s | additive 10 % | retryable | total timeout 30 s |
/// | [`FAST`](Self::FAST) | 5 | 25 ms, x2.5 | 500 ms | additive 10 % | retryable | total timeout 5 s |
///
/// Each preset limits the time of a call. Those with short delays have a total timeout, which also cuts an attempt that
/// hangs. The others limit when the last attempt may start, because a query or an upload may take long.
///
/// "Retryable" means the classes of [`ClassSet::RETRYABLE`]. Each preset but `CACHE` has the circuit
/// [`CircuitConfig::DEFAULT`]. Two failed calls with all their attempts do not open it, whatever their errors are. Those
/// of `HTTP` and `S3` also follow the server's hints, up to 120 s: see [`CircuitConfig::max_hint`].
///
/// ```
/// use retry_core::{Class, Preset};
///
/// let http = Preset::named("http").unwrap();
/// assert_eq!(http, Preset::HTTP);
/// assert!(http.policy.retries(Class::Server));
/// assert!(!Preset::DATABASE.policy.retries(Class::Server));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Preset {
    /// The name, which [`named`](Self::named) takes.
    pub name: &'static str,
    /// The retry policy.
    pub policy: Policy,
    /// The configuration of the circuit; `None` for a dependency that works without one.
    pub circuit: Option<CircuitConfig>,
    /// Whether a call that gives up leaves a dead letter, if it has a sink. Calls of
    /// [`Operations`](crate::pool::Operations) follow it. For a call that takes its policy alone, it is advice.
    pub dead_letter: bool,
    /// The level of events that the operation logs. [`LogLevel::Trace`] leaves it to the program's logger. It is advice
    /// to the code that builds the call: see [`Operation::log_threshold`](crate::pool::Operation::log_threshold).
    pub log_level: LogLevel,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const CONNECTION: ClassSet = ClassSet::of(&[Class::Transient, Class::Timeout, Class::Network]);
/// The circuit of a service that says by `Retry-After` when to come back.
const FOLLOWING_HINTS: CircuitConfig = CircuitConfig::DEFAULT.max_hint(Duration::from_secs(120));
const SERVICE: ClassSet = CONNECTION.with(Class::Server).with(Class::RateLimit);

impl Preset {
    /// The policy [`Policy::DEFAULT`], for any dependency.
    pub const DEFAULT: Self = Self::new("default", Policy::DEFAULT);
    /// For a database: it retries errors of the connection; an error that the server answered with ends the call.
    pub const DATABASE: Self =
        Self::new("database", Policy::exponential(ms(100)).start_within(secs(60)).retry_on(CONNECTION));
    /// For an HTTP service: it also retries overload and errors of the server.
    pub const HTTP: Self = Self {
        circuit: Some(FOLLOWING_HINTS),
        ..Self::new(
            "http",
            Policy::exponential(ms(200)).max_attempts(5).start_within(secs(120)).retry_on(SERVICE),
        )
    };
    /// For an object store: attempts may take long, and failed uploads are worth a dead letter.
    pub const S3: Self = Self {
        circuit: Some(FOLLOWING_HINTS),
        dead_letter: true,
        ..Self::new(
            "s3",
            Policy::exponential(ms(500))
                .max_attempts(4)
                .attempt_timeout(secs(60))
                .start_within(secs(300))
                .retry_on(SERVICE),
        )
    };
    /// For a cache: a miss is cheap, so there are only two attempts. The circuit is left to the program: add one if the
    /// cache is a server, so that an outage of it costs no attempts.
    pub const CACHE: Self = Self {
        circuit: None,
        ..Self::new(
            "cache",
            Policy::fixed(ms(50))
                .max_delay(ms(50))
                .jitter(Jitter::None)
                .max_attempts(2)
                .total_timeout(secs(1))
                .retry_on(CONNECTION),
        )
    };
    /// Few attempts, and delays without jitter.
    pub const CONSERVATIVE: Self = Self::new(
        "conservative",
        Policy::exponential(ms(100)).max_delay(ms(1_000)).jitter(Jitter::None).total_timeout(secs(30)),
    );
    /// Many attempts with short delays.
    pub const AGGRESSIVE: Self = Self::new(
        "aggressive",
        Policy::backoff(Backoff::exponential(ms(50)).multiplier(1.5))
            .max_delay(ms(5_000))
            .jitter(Jitter::additive(0.1))
            .max_attempts(7)
            .total_timeout(secs(30)),
    );
    /// Very short delays, at most 0.7 s in total.
    pub const FAST: Self = Self::new(
        "fast",
        Policy::backoff(Backoff::exponential(ms(25)).multiplier(2.5))
            .max_delay(ms(500))
            .jitter(Jitter::additive(0.1))
            .max_attempts(5)
            .total_timeout(secs(5)),
    );

    /// All presets.
    pub const ALL: [Self; 8] = [
        Self::DEFAULT,
        Self::DATABASE,
        Self::HTTP,
        Self::S3,
        Self::CACHE,
        Self::CONSERVATIVE,
        Self::AGGRESSIVE,
        Self::FAST,
    ];

    /// Returns the preset with this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name == name)
    }

    /// Makes a preset of your own, with the circuit [`CircuitConfig::DEFAULT`]. Every field may be set.
    ///
    /// ```
    /// use retry_core::{CircuitConfig, Policy, Preset};
    ///
    /// const SEARCH: Preset = {
    ///     let mut preset = Preset::new("search", Policy::DEFAULT);
    ///     preset.circuit = Some(CircuitConfig::DEFAULT.probes(2));
    ///     preset
    /// };
    /// assert_eq!(SEARCH.name, "search");
    /// ```
    pub const fn new(name: &'static str, policy: Policy) -> Self {
        let circuit = Some(CircuitConfig::DEFAULT);
        Self { name, policy, circuit, dead_letter: false, log_level: LogLevel::Trace }
    }
}
