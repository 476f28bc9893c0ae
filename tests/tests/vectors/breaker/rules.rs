//! Where our circuits differ on purpose: the rules of DESIGN.md, each in the words that the report prints.

/// A result of a call that was admitted in an older era.
pub(super) const LATE: &str = "rule 4: a result that arrives after its era ended counts for nothing";
/// More probes than the configured number.
pub(super) const OVER_ADMITTED: &str =
    "rule 4: half-open admits exactly its number of probes; a permit not taken is not given back";
/// A peer that waits for the rest of the probes.
pub(super) const DECIDES_EARLY: &str =
    "rule 16: half-open decides as soon as the answer is certain, not after the last probe";
/// A peer that looks at its rate only after failures.
pub(super) const SUCCESS_OPENS: &str =
    "rule 15: rates are checked after every outcome, so that a success may be the one that opens";
/// A peer that has a rate of its own for slow probes.
pub(super) const SLOW_PROBE: &str = "rule 16: half-open has one rate: a slow probe is a failed probe";
/// A peer that leaves half-open by time.
pub(super) const NO_TIMEOUT: &str =
    "rule 16: half-open ends by its probes' results and leases, not by a time of its own";
/// A cancelled probe that counts for something.
pub(super) const CANCELLED: &str = "rule 5: a dropped attempt gives its slot back and counts nothing";
/// A change that a peer forbids.
pub(super) const BY_HAND: &str = "rule 21: by hand, a circuit may be opened from wherever it stands";
/// A closed circuit that is half-opened by hand.
pub(super) const OPENED_BY_HAND: &str =
    "rule 21: by hand, half-open is reached through open, which counts as an opening";
/// Windows of more than 1024 calls, more calls asked for than a window holds.
pub(super) const REFUSED: &str =
    "rule 8: zero, more than 1024 calls or more than the window holds is an error at construction";
/// A threshold that is no whole percentage.
pub(super) const WHOLE_PERCENT: &str = "rule 19: a rate is a whole percentage of the calls the window holds";
/// Open times that a peer cuts to milliseconds with each opening.
pub(super) const TO_THE_NANOSECOND: &str =
    "a curve is computed to the nearest nanosecond, not cut to milliseconds at every step";
/// Events of thresholds.
pub(super) const ONE_CAUSE: &str =
    "rule 20: a change names one cause, and a circuit that only counts announces nothing: its counts tell";
/// The calls' durations.
pub(super) const NO_DURATIONS: &str =
    "rule 19: a window holds what decides: failed and slow calls, not how long each took";
/// Where buckets begin.
pub(super) const BUCKETS: &str = "rule 19: a bucket begins at a multiple of its length, not at the first call; the oldest leaves as a whole";
/// The number of buckets.
pub(super) const BUCKETS_BY_TYPE: &str =
    "rule 19: a window of time has the buckets of its type, however short it is";
/// A retry around an open circuit.
pub(super) const REJECTED_ENDS: &str =
    "rule 9: a retry that would meet an open circuit is not made: the call ends, rejected";
