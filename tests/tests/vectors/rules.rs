//! Where this machine differs on purpose: the rules of DESIGN.md, each in the words that the report prints.

/// A configuration that a constructor refuses.
pub(crate) const CAP_BELOW_BASE: &str =
    "rule 8: a cap below the base or the minimum is an error at construction";
/// Where the peer refuses a delay of nothing.
pub(crate) const ZERO_BASE: &str = "rule 8: a base of zero is a value like any other: the retry is at once";
/// Where the peer refuses an attempt number of 0.
pub(crate) const ATTEMPT_ZERO: &str =
    "rule 8: attempts are counted from 1; asked for the delay after none, it saturates to the first";
/// Where the peer takes a limit of nothing for one that is reached at once.
pub(crate) const ZERO_LIMIT: &str =
    "rule 8: a limit of zero attempts or of no time is an error at construction";
/// Where the peer has curves that fall.
pub(crate) const NEVER_FALLS: &str = "rule 8: a multiplier below 1 is an error at construction; a curve that falls is code of the caller's own";
/// Where the peer refuses a deviation that is as long as the delay.
pub(crate) const WHOLE_DEVIATION: &str = "rule 8: a deviation of the whole delay is a value like any other";
/// Windows of more calls than one of ours can hold.
pub(crate) const WINDOW_TOO_LONG: &str =
    "rule 8: a window of more than 1024 calls is an error at construction";
/// Delays that 64 bits of nanoseconds do not hold.
pub(crate) const SATURATES: &str = "rule 8: time is 64 bits of nanoseconds; what passes 584 years saturates";
/// Where the peer stops counting attempts.
pub(crate) const COUNTS_ON: &str = "rule 8: attempts are counted to 2^32 - 1 and saturate there, not before";
/// Where the peer has a limit of its own besides the one configured.
pub(crate) const NO_LIMIT_OF_ITS_OWN: &str =
    "attempts are limited by what is configured, from 1 on; there is no limit besides";
/// Where the peer's jitter passes its cap.
pub(crate) const CAP_LAST: &str = "rule 1: the cap is applied after the jitter; no delay is above it";
/// Where the peer's additive jitter ends at its cap, so that all delays there are the same.
pub(crate) const SPREAD_BELOW_CAP: &str = "rule 1: at the cap, additive jitter spreads below it";
/// Where the peer spreads a ceiling that is above its cap.
pub(crate) const CEILING_CAPPED: &str =
    "rule 1: the ceiling is capped before the jitter, too, so that capped delays are still spread";
/// Where the peer draws from its minimum on.
pub(crate) const FLOOR_LAST: &str =
    "rule 1: the minimum is applied after the jitter: what is drawn below it is the minimum";
/// Where the peer comes back sooner because of a hint.
pub(crate) const HINT_IS_A_FLOOR: &str =
    "rule 2: a server's hint is a floor; the backoff is not cut short by it";
/// Where the peer begins a wait that ends after the limit.
pub(crate) const NOT_AFTER_THE_LIMIT: &str =
    "rule 3: a retry that could only start after a limit ends the call at once";
/// Where the peer gives up at the very instant of its limit.
pub(crate) const LIMIT_INCLUDED: &str =
    "rule 3: `start_within` is the latest start of an attempt, itself included";
/// Where the peer cuts each step of a curve to a whole unit.
pub(crate) const TO_THE_NANOSECOND: &str =
    "a curve is computed to the nearest nanosecond, not cut to milliseconds at every step";
/// Where the peer hands out the value that it took for a failure.
pub(crate) const REJECTED_VALUE: &str = "a value that is rejected to the end is an error, not a value";
/// Where two implementations of gRPC disagree with each other or with the proposal.
pub(crate) const PUSHBACK_AS_PROPOSED: &str =
    "a pushback is read as gRFC A6 writes it, where the implementations take more";
/// Hedging: attempts of one call side by side.
pub(crate) const ONE_ATTEMPT_AT_A_TIME: &str = "one attempt of a call at a time: no hedging";
/// Moving averages, windows by time.
pub(crate) const WINDOW_IS_LAST_N: &str =
    "a window is the last N outcomes or the last buckets of time: no moving average";
/// Ejecting hosts by comparing them with each other.
pub(crate) const NO_LOAD_BALANCER: &str =
    "out of scope: no load balancer, hosts are not compared with each other";
/// Where the peer counts first and looks at its limit later, or keeps what does not fit.
pub(crate) const NEVER_MORE: &str =
    "a budget never holds more than its capacity, and never grants more than it holds";
/// Where the peer pays with whole deposits.
pub(crate) const EXACT_SHARE: &str =
    "a share is kept to the thousandth of a retry: a withdrawal is not cut to whole deposits";
/// Where the peer takes a number that cannot be for another.
pub(crate) const ERROR_AT_CONSTRUCTION: &str =
    "rule 8: a rate that is negative, infinite or NaN is an error at construction";
/// Where gRPC for Java takes a pushback for a reason to retry, and gRPC for Go does not.
pub(crate) const CLASS_FIRST: &str = "rule 9: the class is asked before the hint";
/// Windows of values.
pub(crate) const WINDOW_HOLDS_OUTCOMES: &str =
    "rule 19: a window holds what decides: failed and slow calls, and no other values";
/// Where the peer gives another configuration to a budget in use.
pub(crate) const RULES_FOR_LIFE: &str =
    "rule 14: a budget keeps its rules for life: with other rules it is another budget, which starts full";
/// Where the peer refuses an empty list of waits.
pub(crate) const CURVE_IS_CODE: &str =
    "rule 8: a curve of the caller's own is code that answers for every attempt; it has no empty form";
