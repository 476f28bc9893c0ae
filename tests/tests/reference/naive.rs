//! The documented rules of a circuit in their simplest form: every outcome is stored, and each answer is counted from
//! them again.

use std::time::Duration;

use retry_core::{
    Instant, Rejected,
    circuit::{Change, ChangeCause, Counts, Mode, OnHealthy, Phase},
};

use super::rules::Rules;

#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) at: At,
    pub(crate) mode: Mode,
    pub(crate) era: u32,
    pub(crate) late: u32,
    /// How often it has opened since it was last closed.
    pub(crate) openings: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum At {
    Closed {
        outcomes: Vec<Outcome>,
        /// The newest bucket so far.
        newest: u64,
        /// The failures since the last success.
        streak: u32,
        ramp: Option<Ramp>,
        /// Whether an attempt was cancelled, and none has completed since.
        armed: bool,
    },
    Open {
        until: Instant,
        /// The limit of the time until `until`, also if the clock steps back.
        most: u64,
        by: By,
    },
    HalfOpen {
        in_flight: u32,
        succeeded: u32,
        failed: u32,
        last_admitted: Instant,
    },
}

/// What opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Rules,
    Hand,
    RateLimit,
    Fleet,
}

/// How an attempt failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed {
    pub(crate) hint: Option<u64>,
    pub(crate) rate_limited: bool,
    pub(crate) word: u64,
}

impl Failed {
    pub(crate) const PLAINLY: Self = Self { hint: None, rate_limited: false, word: 0 };
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) failed: bool,
    pub(crate) slow: bool,
    pub(crate) bucket: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ramp {
    pub(crate) since: Instant,
    /// What the calls since the last admission have earned, in 1024ths of an attempt.
    pub(crate) credit: u64,
}

/// The content of a ticket, which can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pass {
    pub(crate) era: u32,
    pub(crate) started: Instant,
}

impl Naive {
    pub(crate) const CLOSED: Self = Self {
        at: At::Closed { outcomes: Vec::new(), newest: 0, streak: 0, ramp: None, armed: false },
        mode: Mode::Automatic,
        era: 0,
        late: 0,
        openings: 0,
    };

    pub(crate) fn admit(&mut self, rules: &Rules, now: Instant) -> Result<(Pass, Option<Change>), Rejected> {
        let mut change = None;
        if self.mode == Mode::ForcedOpen {
            return Err(Rejected::new(Phase::Open, Duration::MAX));
        }
        if let At::Open { until, most, by } = &mut self.at {
            *until = (*until).min(later(now, *most));
            if *until > now {
                return Err(Rejected::new(Phase::Open, until.since(now)));
            }
            // If the configuration has changed to one that holds nothing, a probe decides.
            let held = *by == By::RateLimit && rules.rate_limit_hold > 0;
            change = Some(if held {
                self.close(rules.ramp > 0, now, ChangeCause::HoldOver)
            } else {
                self.half_open(now, ChangeCause::OpenTimePassed)
            });
        }
        if let At::HalfOpen { in_flight, succeeded, failed, last_admitted } = &mut self.at {
            let taken = |in_flight: u32| {
                in_flight >= rules.probes || in_flight + *succeeded + *failed >= rules.max_probes()
            };
            *last_admitted = (*last_admitted).min(now);
            if taken(*in_flight) && age(*last_admitted, now) >= rules.lease {
                *in_flight = 0;
                self.era += 1;
                let (from, to) = (Phase::HalfOpen, Phase::HalfOpen);
                change = Some(Change { from, to, at: now, cause: ChangeCause::LeasePassed });
            }
            if taken(*in_flight) {
                return Err(Rejected::new(Phase::HalfOpen, Duration::ZERO));
            }
            *in_flight += 1;
            *last_admitted = now;
        }
        if let At::Closed { ramp, .. } = &mut self.at
            && let Some(running) = ramp
        {
            running.since = running.since.min(now);
            let passed = age(running.since, now);
            if passed >= rules.ramp {
                *ramp = None;
            } else {
                // Each call earns the share of the ramp that has passed. An admission costs 1024.
                running.credit += passed / (rules.ramp / 1_024);
                if running.credit < 1_024 {
                    return Err(Rejected::new(Phase::Closed, Duration::ZERO));
                }
                running.credit -= 1_024;
            }
        }
        // Without a rule that needs the start, it is not stored, and the call is neither slow nor cancelled late.
        let timed = match self.at {
            At::Closed { armed, .. } => armed,
            _ => rules.cancelled_after > 0,
        };
        let started = if timed || rules.slow_after > 0 { now } else { Instant::MAX };
        Ok((Pass { era: self.era, started }, change))
    }

    pub(crate) fn settle(
        &mut self,
        rules: &Rules,
        pass: Pass,
        failed: Option<Failed>,
        now: Instant,
    ) -> Option<Change> {
        if let (At::Closed { armed, .. }, true) = (&mut self.at, pass.era == self.era) {
            *armed = false;
        }
        self.record(rules, pass, failed, now)
    }

    fn record(&mut self, rules: &Rules, pass: Pass, failure: Option<Failed>, now: Instant) -> Option<Change> {
        let failed = failure.is_some();
        if pass.era != self.era {
            self.late += 1;
            return None;
        }
        let slow = was_slow(rules, pass, now);
        match &mut self.at {
            At::Closed { .. } if self.mode == Mode::Disabled => None,
            At::Closed { outcomes, newest, streak, .. } => {
                *streak = if failed { *streak + 1 } else { 0 };
                // If no rule uses the window, it stays empty.
                if rules.looks_at_window() || self.mode == Mode::CountOnly {
                    if rules.buckets > 0 {
                        follow(rules, outcomes, newest, now.as_nanos() / rules.bucket());
                    }
                    outcomes.push(Outcome { failed, slow, bucket: *newest });
                }
                if self.mode != Mode::Automatic {
                    return None;
                }
                let failure = failure.unwrap_or(Failed::PLAINLY);
                match self.tripped_by(rules) {
                    Some(cause) => Some(self.open(rules, now, failure, cause)),
                    None if failure.hold(rules) > 0 => {
                        let most = failure.hold(rules);
                        let held = At::Open { until: later(now, most), most, by: By::RateLimit };
                        Some(self.change(held, now, ChangeCause::RateLimited))
                    }
                    None => None,
                }
            }
            At::Open { .. } => unreachable!("no attempt of this era was admitted while open"),
            At::HalfOpen { in_flight, succeeded, failed: failures, .. } => {
                *in_flight -= 1;
                if failed || slow && rules.slow_rate > 0 {
                    *failures += 1;
                    let cause = ChangeCause::ProbesFailed(*failures);
                    let failure = failure.unwrap_or(Failed::PLAINLY);
                    (*failures > rules.probe_failures).then(|| self.open(rules, now, failure, cause))
                } else {
                    *succeeded += 1;
                    let cause = ChangeCause::ProbesSucceeded(*succeeded);
                    (*succeeded >= rules.successes).then(|| self.close(rules.ramp > 0, now, cause))
                }
            }
        }
    }

    pub(crate) fn cancel(&mut self, rules: &Rules, pass: Pass, now: Instant) -> Option<Change> {
        let least = [rules.slow_after, rules.cancelled_after].into_iter().filter(|least| *least > 0).min();
        let era = pass.era;
        let change =
            if pass.started != Instant::MAX && least.is_some_and(|least| age(pass.started, now) >= least) {
                self.record(rules, pass, Some(Failed::PLAINLY), now)
            } else {
                self.release(pass);
                None
            };
        if let (At::Closed { armed, .. }, true) = (&mut self.at, era == self.era)
            && rules.cancelled_after > 0
            && rules.slow_after == 0
        {
            *armed = self.mode != Mode::Disabled;
        }
        change
    }

    /// A neutral end, however long it took: only the slot of a probe comes back.
    pub(crate) fn release(&mut self, pass: Pass) {
        if pass.era != self.era {
            self.late += 1;
        } else if let At::HalfOpen { in_flight, .. } = &mut self.at {
            *in_flight -= 1;
        }
    }

    pub(crate) fn force_open(&mut self, now: Instant) -> Option<Change> {
        (self.mode != Mode::ForcedOpen).then(|| {
            self.mode = Mode::ForcedOpen;
            self.open_until(u64::MAX, By::Hand, now, ChangeCause::Manual)
        })
    }

    pub(crate) fn hold_closed(&mut self, mode: Mode, now: Instant) -> Option<Change> {
        (self.mode != mode).then(|| {
            self.mode = mode;
            self.close(false, now, ChangeCause::Manual)
        })
    }

    pub(crate) fn reset(&mut self, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.close(false, now, ChangeCause::Manual))
    }

    pub(crate) fn trip(&mut self, nanos: u64, now: Instant) -> Option<Change> {
        self.mode = Mode::Automatic;
        Some(self.open_until(nanos, By::Hand, now, ChangeCause::Manual))
    }

    pub(crate) fn probe(&mut self, now: Instant, cause: ChangeCause) -> Option<Change> {
        let may = self.mode == Mode::Automatic && self.phase() == Phase::Open;
        may.then(|| self.half_open(now, cause))
    }

    /// The health check belongs to this era, or to an older one if it is `late`.
    pub(crate) fn health_check_passed(
        &mut self,
        rules: &Rules,
        late: bool,
        then: OnHealthy,
        now: Instant,
    ) -> Option<Change> {
        self.recover(rules, late, then, now, ChangeCause::HealthCheck)
    }

    fn recover(
        &mut self,
        rules: &Rules,
        late: bool,
        then: OnHealthy,
        now: Instant,
        cause: ChangeCause,
    ) -> Option<Change> {
        if late || self.mode != Mode::Automatic || self.phase() != Phase::Open {
            self.late += 1;
            return None;
        }
        Some(match then {
            OnHealthy::HalfOpen => self.half_open(now, cause),
            OnHealthy::Close => self.close(rules.ramp > 0, now, cause),
        })
    }

    /// Adopts an opening of the fleet.
    pub(crate) fn adopt_open(
        &mut self,
        rules: &Rules,
        open_for: u64,
        grace: u64,
        now: Instant,
    ) -> Option<Change> {
        if self.mode != Mode::Automatic {
            return None;
        }
        let most = open_for.min(rules.max_open_for) + grace;
        if let At::Open { until, most, .. } = &mut self.at {
            *until = (*until).min(later(now, *most));
        }
        let adopted = At::Open { until: later(now, most), most, by: By::Fleet };
        match self.at {
            At::Open { until, .. } if until >= later(now, most) => None,
            At::Open { .. } => {
                self.at = adopted;
                None
            }
            _ => Some(self.change(adopted, now, ChangeCause::Fleet)),
        }
    }

    /// Half-opens, so that one call decides.
    pub(crate) fn adopt_ask_once(&mut self, rules: &Rules, now: Instant) -> Option<Change> {
        if self.mode != Mode::Automatic {
            return None;
        }
        let one = At::HalfOpen {
            in_flight: rules.lost_if_asked_once(),
            succeeded: rules.successes - 1,
            failed: rules.probe_failures,
            last_admitted: now,
        };
        Some(self.change(one, now, ChangeCause::Fleet))
    }

    /// Half-opens or closes by the fleet's word of this era, or of an older one if it is `late`.
    pub(crate) fn adopt_recovery(
        &mut self,
        rules: &Rules,
        late: bool,
        then: OnHealthy,
        now: Instant,
    ) -> Option<Change> {
        if self.mode != Mode::Automatic {
            return None;
        }
        self.recover(rules, late, then, now, ChangeCause::Fleet)
    }

    /// Restores the state `taken`, which had its own rules, and was taken when its clock read `then`.
    pub(crate) fn restore(&mut self, rules: &Rules, taken: (&Self, &Rules, Instant), now: Instant) -> Change {
        let from = self.phase();
        let (taken, old, then) = taken;
        let moved = |instant: Instant| Instant::from_nanos(now.as_nanos().saturating_sub(age(instant, then)));
        let mut at = taken.at.clone();
        match &mut at {
            At::Closed { outcomes, newest, ramp, armed, .. } => {
                *armed = false;
                if let Some(ramp) = ramp {
                    ramp.since = moved(ramp.since);
                }
                if old.buckets > 0 {
                    let bucket = |instant: Instant| instant.as_nanos() / old.bucket();
                    *newest = (*newest).max(bucket(then));
                    renumber(old, outcomes, newest, bucket(now));
                }
            }
            At::Open { until: Instant::MAX, .. } => {}
            At::Open { until, most, .. } => *until = later(now, age(then, *until).min(*most)),
            At::HalfOpen { in_flight, last_admitted, .. } => (*in_flight, *last_admitted) = (0, now),
        }
        self.mode = taken.mode;
        self.openings = taken.openings;
        self.begin(at);
        self.reconfigure(old, rules, now);
        Change { from, to: self.phase(), at: now, cause: ChangeCause::Restored }
    }

    /// Adapts the counts from the old rules to the new ones.
    pub(crate) fn reconfigure(&mut self, old: &Rules, new: &Rules, now: Instant) {
        match &mut self.at {
            // The window keeps the outcomes that fit.
            At::Closed { outcomes, newest, .. } => {
                *outcomes = window(old, outcomes, *newest).to_vec();
                if old.buckets > 0 {
                    // The calls of a bucket move to the new bucket at its start.
                    let moved = |number: u64| number * old.bucket() / new.bucket();
                    outcomes.iter_mut().for_each(|outcome| outcome.bucket = moved(outcome.bucket));
                    *newest = moved(*newest);
                }
                *outcomes = window(new, outcomes, *newest).to_vec();
            }
            // At least one more probe must be able to decide.
            At::HalfOpen { succeeded, failed, .. } => {
                *succeeded = (*succeeded).min(new.successes - 1);
                *failed = (*failed).min(new.probe_failures);
            }
            At::Open { until, most, by } => {
                let longest = match by {
                    By::Rules => new.max_open_for.max(new.max_hint).max(new.rate_limit_hold),
                    By::RateLimit => new.rate_limit_hold,
                    By::Hand | By::Fleet => u64::MAX,
                };
                *most = (*most).min(longest);
                *until = (*until).min(later(now, *most));
            }
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.at {
            At::Closed { .. } => Phase::Closed,
            At::Open { .. } => Phase::Open,
            At::HalfOpen { .. } => Phase::HalfOpen,
        }
    }

    /// Returns the rejection of an attempt after `delay`, if it would be rejected.
    pub(crate) fn after(&self, now: Instant, delay: u64) -> Result<(), Rejected> {
        match self.at {
            At::Open { until, most, .. } if until.min(later(now, most)) > later(now, delay) => {
                Err(Rejected::new(Phase::Open, until.min(later(now, most)).since(now)))
            }
            _ => Ok(()),
        }
    }

    /// Returns the counts of the window at the last outcome.
    pub(crate) fn counts(&self, rules: &Rules) -> Option<Counts> {
        let At::Closed { newest, .. } = self.at else { return None };
        self.counts_as_of(rules, newest)
    }

    /// Returns the counts of the window now.
    pub(crate) fn counts_at(&self, rules: &Rules, now: Instant) -> Option<Counts> {
        let At::Closed { newest, .. } = self.at else { return None };
        let bucket = if rules.buckets > 0 { now.as_nanos() / rules.bucket() } else { 0 };
        self.counts_as_of(rules, newest.max(bucket))
    }

    fn counts_as_of(&self, rules: &Rules, newest: u64) -> Option<Counts> {
        let At::Closed { outcomes, .. } = &self.at else { return None };
        let held = window(rules, outcomes, newest);
        let count = |these: fn(&Outcome) -> bool| held.iter().filter(|outcome| these(outcome)).count() as u32;
        let slow = if rules.tells_slow { count(|outcome| outcome.slow) } else { 0 };
        Some(Counts { calls: held.len() as u32, failures: count(|outcome| outcome.failed), slow })
    }

    fn tripped_by(&self, rules: &Rules) -> Option<ChangeCause> {
        let At::Closed { streak, .. } = self.at else { return None };
        let Counts { calls, failures, slow } = self.counts(rules)?;
        let reached = |count: u32, percent: u8| percent > 0 && count * 100 >= calls * u32::from(percent);
        if rules.consecutive_failures > 0 && streak >= rules.consecutive_failures {
            Some(ChangeCause::ConsecutiveFailures(streak))
        } else if rules.failures_in_window > 0 && failures >= rules.failures_in_window {
            Some(ChangeCause::FailureRate { failures, calls })
        } else if calls < rules.minimum_calls {
            None
        } else if reached(failures, rules.failure_rate) {
            Some(ChangeCause::FailureRate { failures, calls })
        } else {
            reached(slow, rules.slow_rate).then_some(ChangeCause::SlowCallRate { slow, calls })
        }
    }

    fn open(&mut self, rules: &Rules, now: Instant, failure: Failed, cause: ChangeCause) -> Change {
        let word = failure.word;
        // Without a random word, the time and the era are used.
        let word = if word == 0 { mixed(now.as_nanos() ^ (u64::from(self.era) << 32)) } else { word };
        let nanos = rules.open_time(self.openings, word).max(failure.shortest_open(rules));
        self.open_until(nanos, By::Rules, now, cause)
    }

    fn open_until(&mut self, nanos: u64, by: By, now: Instant, cause: ChangeCause) -> Change {
        self.openings += 1;
        self.change(At::Open { until: later(now, nanos), most: nanos, by }, now, cause)
    }

    fn half_open(&mut self, now: Instant, cause: ChangeCause) -> Change {
        self.change(At::HalfOpen { in_flight: 0, succeeded: 0, failed: 0, last_admitted: now }, now, cause)
    }

    fn close(&mut self, ramp: bool, now: Instant, cause: ChangeCause) -> Change {
        self.openings = 0;
        let ramp = ramp.then_some(Ramp { since: now, credit: 1_024 });
        self.change(At::Closed { outcomes: Vec::new(), newest: 0, streak: 0, ramp, armed: false }, now, cause)
    }

    fn change(&mut self, to: At, at: Instant, cause: ChangeCause) -> Change {
        let from = self.phase();
        self.begin(to);
        Change { from, to: self.phase(), at, cause }
    }

    fn begin(&mut self, at: At) {
        self.at = at;
        self.era += 1;
    }
}

impl Failed {
    fn hold(self, rules: &Rules) -> u64 {
        if self.rate_limited { self.hint.unwrap_or(0).min(rules.rate_limit_hold) } else { 0 }
    }

    fn shortest_open(self, rules: &Rules) -> u64 {
        self.hint.unwrap_or(0).min(rules.max_hint).max(self.hold(rules))
    }
}

/// Returns the outcomes in the window.
pub(crate) fn window<'o>(rules: &Rules, outcomes: &'o [Outcome], newest: u64) -> &'o [Outcome] {
    let left = if rules.buckets > 0 {
        outcomes.iter().filter(|outcome| outcome.bucket + rules.buckets <= newest).count()
    } else {
        outcomes.len().saturating_sub(rules.window_calls as usize)
    };
    &outcomes[left..]
}

/// Brings the window to the bucket of the clock, which may have stepped back.
fn follow(rules: &Rules, outcomes: &mut Vec<Outcome>, newest: &mut u64, number: u64) {
    if number + 1 < *newest {
        if number + rules.buckets <= *newest {
            outcomes.clear();
        }
        renumber(rules, outcomes, newest, number);
    }
    *newest = (*newest).max(number);
}

/// Moves the window to another time, at which its newest bucket has this number.
fn renumber(rules: &Rules, outcomes: &mut Vec<Outcome>, newest: &mut u64, number: u64) {
    *outcomes = window(rules, outcomes, *newest).to_vec();
    outcomes.iter_mut().for_each(|outcome| outcome.bucket = outcome.bucket + number - *newest);
    *newest = number;
}

fn was_slow(rules: &Rules, pass: Pass, now: Instant) -> bool {
    rules.slow_after > 0 && age(pass.started, now) >= rules.slow_after
}

fn later(now: Instant, nanos: u64) -> Instant {
    now.after(Duration::from_nanos(nanos))
}

/// The finaliser of SplitMix64.
fn mixed(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn age(then: Instant, now: Instant) -> u64 {
    now.as_nanos().saturating_sub(then.as_nanos())
}
