//! The time limits of attempts.

use core::time::Duration;

use super::course::{Course, State};
use super::elapsed::Elapsed;
use crate::budget::Budget;
use crate::circuit::Gate;
use crate::class::Class;
use crate::observe::Observer;
use crate::policy::{Failure, Policies};
use crate::time::{Now, Reading, nanos};
use crate::verdict::{GiveUp, Verdict};

impl<T, R> State<T, R> {
    /// The time that the call had taken at the last reading of its clock, in nanoseconds; 0 if it is not measured.
    #[inline]
    pub(crate) fn so_far(&self) -> u64 {
        self.elapsed.as_ref().map_or(0, Elapsed::so_far)
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> Course<'_, P, G, B, O> {
    /// The time limit of an attempt that begins at the last reading of the clock; zero if the total timeout has passed.
    #[inline]
    pub(crate) fn time_limit(&self) -> Option<Duration> {
        let policy = self.policy();
        if policy.limits_attempts() { Some(policy.time_limit(self.state.so_far())) } else { None }
    }

    /// Whether the total timeout limits an attempt that began at the last reading of the clock, rather than the attempt
    /// timeout.
    pub(crate) fn reaches_total(&self) -> bool {
        self.policy().reaches_total(self.state.so_far())
    }

    /// How long the call had taken when the attempt that begins now began; 0 if nothing depends on it.
    #[inline]
    pub(crate) fn began(&self) -> u64 {
        if self.policy().resets_after().is_some() { self.state.so_far() } else { 0 }
    }

    /// The limit that forbids a retry to start now, if one has passed. The clock is read only if there is one.
    #[inline]
    pub(crate) fn late(&mut self, now: impl Now) -> Option<GiveUp> {
        if self.state.attempts() == 0 || !self.policy().limits_starts() {
            return None; // the first attempt starts in any case
        }
        if let Some(due) = self.state.due()
            && let Some(elapsed) = &mut self.state.elapsed
        {
            elapsed.at_least(due, now.now());
        } else {
            self.state.elapsed(now);
        }
        self.policy().late(self.state.so_far())
    }

    /// Whether an attempt that began after this many nanoseconds is a retry that started too late.
    pub(crate) fn began_late(&self, began: u64) -> bool {
        self.state.attempts() > 1 && self.policy().has_passed(GiveUp::StartWithin, began)
    }

    /// Ends the call, and an attempt that began after `start_within` and has not run. Circuit and budget take back what
    /// they gave for it, and the call's error counts only attempts that ran.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(crate) fn end_unstarted(&mut self, now: impl Now) {
        let mut now = Reading::Unread(now);
        let failure = Failure::new(Class::Timeout).neutral();
        if let Some(held) = self.state.end_attempt() {
            let settled = self.setup.settle(self.state.read(), failure, false, held, (None, 0), &mut now);
            self.changed(settled.change);
        }
        if self.setup.observer.is_enabled() {
            self.failed(&mut now, failure, None, Verdict::GiveUp(GiveUp::StartWithin), None);
        }
        self.state.take_back_attempt();
    }

    /// Ends the call by its total timeout, and the attempt that began after `began` nanoseconds. Returns the timeout.
    ///
    /// For circuit and budget, the attempt is a failure if it ran as long as the attempt timeout, and otherwise
    /// cancelled.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(crate) fn end_with_total(&mut self, began: u64, failure: Failure, now: impl Now) -> Duration {
        let mut now = Reading::Unread(now);
        let limit = self.policy().total_time_limit().unwrap_or_default();
        let Self { setup, state } = self;
        if let Some(elapsed) = &mut state.elapsed {
            // The timer has ended, so this time has passed on any clock.
            elapsed.at_least(nanos(limit), now.get());
        }
        let ran = state.so_far().saturating_sub(began);
        if let Some((ticket, price)) = state.end_attempt() {
            if failure.is_neutral || setup.policies.policy(state.read()).is_whole_attempt(ran) {
                let settled =
                    setup.settle(state.read(), failure, false, (ticket, price), (None, 0), &mut now);
                self.changed(settled.change);
            } else {
                self.give_up(ticket, price, || now.get());
            }
        }
        if self.setup.observer.is_enabled() {
            self.failed(&mut now, failure, None, Verdict::GiveUp(GiveUp::TotalTimeout), None);
        }
        if began >= nanos(limit) && self.state.attempts() > 1 {
            self.state.take_back_attempt(); // a retry that started too late, and did not run
        }
        limit
    }
}
