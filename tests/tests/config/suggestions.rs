//! Wrong keys and names, and what is meant by them.

use super::read;

/// The wrong key in this table, and the suggestion.
const KEYS: &[(&str, &str, &str)] = &[
    ("policy", "timeout", "`total_timeout` for the whole call, or `attempt_timeout` for one attempt"),
    ("policy", "maxAttempts", "`max_attempts`"),
    ("policy", "max-attempts", "`max_attempts`"),
    ("policy", "MaxAttempts", "`max_attempts`"),
    ("policy", "MAX_ATTEMPTS", "`max_attempts`"),
    ("policy", "max_atempts", "`max_attempts`"),
    ("policy", "max_attemps", "`max_attempts`"),
    ("policy", "retries", "`max_attempts`, which counts the first attempt, too"),
    ("policy", "max_retries", "`max_attempts`, which counts the first attempt, too"),
    ("policy", "MaxRetryAttempts", "`max_attempts`, which counts the first attempt, too"), // Polly
    ("policy", "num_retries", "`max_attempts`, which counts the first attempt, too"),      // Envoy
    ("policy", "max_times", "`max_attempts`, which counts the first attempt, too"),        // backon
    ("policy", "initial_interval", "`base_delay`"),
    ("policy", "initialBackoff", "`base_delay`"), // gRPC
    ("policy", "initial_backoff_ms", "`base_delay`, with the unit in the value"),
    ("policy", "waitDuration", "`base_delay`"), // Resilience4j
    ("policy", "baseDelay", "`base_delay`"),
    ("policy", "base_delay_seconds", "`base_delay`, with the unit in the value"),
    ("policy", "backoff_factor", "`multiplier`"),
    ("policy", "exponentialBackoffMultiplier", "`multiplier`"),
    ("policy", "max_backoff", "`max_delay`"),
    ("policy", "max_interval", "`max_delay`"),
    ("policy", "jitter_factor", "`deviation`, with `jitter = \"proportional\"`"),
    ("policy", "randomizedWaitFactor", "`deviation`, with `jitter"),
    ("policy", "UseJitter", "`jitter`, whose values are names"),
    ("policy", "deadline", "`total_timeout`, or `start_within`"),
    ("policy", "max_elapsed_time", "`total_timeout`, or `start_within`"),
    ("policy", "per_try_timeout", "`attempt_timeout`"), // Envoy
    ("policy", "perAttemptRecvTimeout", "`attempt_timeout`"), // gRPC
    ("policy", "operation_attempt_timeout", "`attempt_timeout`"), // AWS
    ("policy", "retryableStatusCodes", "`retry_on`, whose values are classes"),
    ("policy", "ShouldHandle", "`retry_on`, whose values are classes"),
    ("policy", "BackoffType", "`backoff`"),
    ("policy", "failure_rate", "`failure_rate` in the table of a circuit"),
    ("policy", "open_for", "`open_for` in the table of a circuit"),
    ("policy", "dead_letter", "`dead_letter` in the table of an operation"),
    ("circuit", "max_attempts", "`max_attempts` in the table of a policy"),
    ("circuit", "half_open_max_calls", "`probes`"),
    ("circuit", "permittedNumberOfCallsInHalfOpenState", "`probes`"),
    ("circuit", "failure_threshold", "`consecutive_failures`"),
    ("circuit", "failureRateThreshold", "`failure_rate`"),
    ("circuit", "FailureRatio", "`failure_rate`"),
    ("circuit", "reset_timeout", "`open_for`"),
    ("circuit", "BreakDuration", "`open_for`"),
    ("circuit", "waitDurationInOpenState", "`open_for`"),
    ("circuit", "base_ejection_time", "`open_for`"),
    ("circuit", "minimumNumberOfCalls", "`minimum_calls`"),
    ("circuit", "MinimumThroughput", "`minimum_calls`"),
    ("circuit", "slidingWindowSize", "`window` for a number of calls, or `window_time` for a duration"),
    ("circuit", "SamplingDuration", "`window_time`"),
    ("circuit", "consecutive_5xx", "`consecutive_failures`"),
    ("circuit", "slowCallDurationThreshold", "`slow_after`"),
    ("circuit", "succes_threshold", "`success_threshold`"),
    ("circuit", "recordExceptions", "`count_as_failure`, whose values are classes"),
    ("policy", "max_time", "`total_timeout`, or `start_within`"), // backoff for Python
    ("policy", "max_retry_time", "`total_timeout`, or `start_within`"),
    ("policy", "retry_timeout", "`total_timeout`, or `start_within`"),
    ("policy", "min_retry_delay", "`base_delay`"),
    ("policy", "initialRetryDelay", "`base_delay`"), // gax
    ("policy", "retryDelayMultiplier", "`multiplier`"),
    ("policy", "MaxRetryBackoff", "`max_delay`"), // go-redis
    ("policy", "stop_max_attempt_number", "`max_attempts`"), // retrying
    ("policy", "backoff_ms", "`base_delay`, with the unit in the value"),
    ("policy", "max_delay_s", "`max_delay`, with the unit in the value"),
    ("policy", "maxDelayS", "`max_delay`, with the unit in the value"),
    ("policy", "timeouts", "`total_timeout` for the whole call, or `attempt_timeout` for one attempt?"),
    ("policy", "max_hints", "`max_hint`?"),
    ("policy", "jitter_ms", "`jitter`?"),
    ("policy", "status_codes", "`retry_on`, whose values are classes"),
    ("policy", "poll_interval", "`poll_every`"),
    ("circuit", "window_ms", "`window_time`, with the unit in the value"),
    ("circuit", "window_size_seconds", "`window_time`, with the unit in the value"),
    ("circuit", "probes_ms", "`probes`?"),
    ("circuit", "rate_limit_holds", "`rate_limit_hold`?"),
    ("circuit", "slowRatioThreshold", "`slow_rate`"), // Sentinel
    ("circuit", "failure_threshold_pct", "`failure_rate`"),
    ("circuit", "ejection_time", "`open_for`"),
    ("circuit", "max_fails", "`consecutive_failures`"), // nginx
    ("budget", "window_seconds", "`window`, with the unit in the value"),
    ("operation", "retry", "`policy`"),
    ("operation", "circuit_breaker", "`circuit`"),
    ("operation", "max_attempts", "`max_attempts` in the table of a policy"),
    ("operation", "polcy", "`policy`"),
    ("operation", "logLevel", "`log_level`"),
    ("operation", "dlq", "`dead_letter`"),
    ("rule", "retries", "`max_attempts`, which counts the first attempt"),
    ("rule", "errors", "`classes`"),
    ("rule", "action", "`recovery`"),
    ("budget", "retry_percent", "`share`"),
    ("budget", "min_retry_concurrency", "`min_retries`"),
    ("budget", "maxTokens", "`max_tokens`"),
    ("budget", "refill_rate", "`refill_per_second`"),
];

#[test]
fn a_wrong_key_gets_a_suggestion() {
    for (table, key, meant) in KEYS {
        let error = read(table, &format!("'{key}' = 1")).unwrap_err();
        assert!(error.contains(&format!("{key}: unknown key, did you mean {meant}")), "{table}: {error}");
        assert!(!error.contains('\n') && error.ends_with('?'), "{error}");
    }
    for key in ["?", "x", "color", "zzzzzzzzzz", "a".repeat(1_000_000).as_str()] {
        let error = read("policy", &format!("'{key}' = 1")).unwrap_err();
        assert!(error.contains("unknown key, expected one of `preset`, `backoff`"), "{error}");
        assert!(error.len() < 600, "{error}");
    }
}

#[test]
fn a_wrong_name_gets_a_suggestion() {
    let rows = [
        ("policy", "retry_on = ['Timeout']", "retry_on = \"Timeout\": did you mean \"timeout\"?"),
        ("policy", "retry_on = ['RateLimit']", "did you mean \"rate_limit\"?"),
        ("policy", "retry_on = ['rate-limit']", "did you mean \"rate_limit\"?"),
        ("policy", "retry_on = ['throttling']", "did you mean \"rate_limit\"?"),
        ("policy", "retry_on = [429]", "retry_on = 429: did you mean \"rate_limit\"?"),
        ("policy", "retry_on = ['5xx']", "did you mean \"server\"?"),
        ("policy", "retry_on = ['timout']", "did you mean \"timeout\"?"),
        ("policy", "neutral_on = ['notfound']", "did you mean \"not_found\"?"),
        ("policy", "backoff = 'constant'", "backoff = \"constant\": did you mean \"fixed\"?"),
        ("policy", "backoff = 'Exponential'", "did you mean \"exponential\"?"),
        ("policy", "backoff = 'expo'", "did you mean \"exponential\"?"),
        ("policy", "backoff = 'fibonaci'", "did you mean \"fibonacci\"?"),
        ("policy", "backoff = 'custom'", "must be one of fixed, linear, exponential, fibonacci, polynomial"),
        ("policy", "jitter = true", "jitter = true: did you mean \"full\"?"),
        ("policy", "jitter = false", "jitter = false: did you mean \"none\"?"),
        ("policy", "jitter = 'decorelated'", "did you mean \"decorrelated\"?"),
        ("policy", "preset = 'redis'", "did you mean \"cache\"?"),
        ("policy", "preset = 'HTTP'", "did you mean \"http\"?"),
        ("policy", "hints = 'off'", "did you mean \"ignore\"?"),
        ("rule", "recovery = 'retry'", "rules[0].recovery = \"retry\": did you mean \"retry_with_backoff\"?"),
        ("rule", "recovery = 'WaitAndRetry'", "did you mean \"wait_and_retry\"?"),
        ("budget", "kind = 'TokenBucket'", "did you mean \"token_bucket\"?"),
        ("budget", "kind = 'envoy'", "did you mean \"concurrency_share\"?"),
        ("operation", "log_level = 'warning'", "http.log_level = \"warning\": did you mean \"warn\"?"),
        ("operation", "dead_letter = 'yes'", "http.dead_letter = \"yes\": must be true or false, write true"),
        (
            "operation",
            "circuit = false",
            "http.circuit = false: must be a circuit's table, or \"none\"; write \"none\"",
        ),
        ("operation", "circuit = 'off'", "; write \"none\""),
    ];
    for (table, file, meant) in rows {
        let error = read(table, file).unwrap_err();
        assert!(error.contains(meant) && !error.contains('\n'), "{file}: {error}");
    }
    // A single class needs no list.
    assert_eq!(read("policy", "retry_on = 'timeout'"), Ok(()));
}
