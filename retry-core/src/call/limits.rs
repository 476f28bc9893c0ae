//! How long the attempt under way may take, and what becomes of one that takes longer.

use core::time::Duration;

use super::course::{Course, State};
use super::elapsed::Elapsed;
use crate::budget::{Budget, Deposit};
use crate::circuit::Gate;
use crate::observe::Observer;
use crate::policy::{Failure, Policies};
use crate::time::{Now, Reading, nanos};
use crate::verdict::{GiveUp, Verdict};

impl<T, R> State<T, R> {
    /// The nanoseconds that the call has taken at the last reading of its clock; 0 if they are not counted.
    #[inline]
    pub(crate) fn so_far(&self) -> u64 {
        self.elapsed.as_ref().map_or(0, Elapsed::so_far)
    }
}

impl<P: Policies, G: Gate, B: Budget, O: Observer> Course<'_, P, G, B, O> {
    /// The longest that an attempt may take which begins at the last reading of the clock; zero if the total timeout
    /// has passed.
    #[inline]
    pub(crate) fn time_limit(&self) -> Option<Duration> {
        let policy = self.policy();
        if policy.limits_attempts() { Some(policy.time_limit(self.state.so_far())) } else { None }
    }

    /// Whether an attempt that began at the last reading of the clock reaches the total timeout no later than its attempt
    /// timeout.
    pub(crate) fn reaches_total(&self) -> bool {
        self.policy().reaches_total(self.state.so_far())
    }

    /// Whether the total timeout has passed. Asks the time only if there is one.
    #[inline]
    pub(crate) fn is_over(&mut self, now: impl Now) -> bool {
        if !self.policy().has_total_timeout() {
            return false;
        }
        self.state.elapsed(now);
        self.policy().is_over(self.state.so_far())
    }

    /// The total timeout ended the attempt that began after so many nanoseconds, and with it the call; gives the timeout.
    ///
    /// To the circuit and the budget it is a failure only if it had the time that any attempt has, else a cancellation.
    #[cfg_attr(target_pointer_width = "64", cold, inline(never))]
    #[cfg_attr(not(target_pointer_width = "64"), inline(always))]
    pub(crate) fn end_with_total(&mut self, began: u64, failure: Failure, now: impl Now) -> Duration {
        let mut now = Reading::Unread(now);
        let limit = self.policy().total_time_limit().unwrap_or_default();
        let Self { setup, state } = self;
        if let Some(elapsed) = &mut state.elapsed {
            // The timer has ended, whatever the clock says.
            elapsed.at_least(nanos(limit), now.get());
        }
        let ran = state.so_far().saturating_sub(began);
        if let Some((ticket, price)) = state.end_attempt() {
            if setup.policies.policy(state.read()).is_whole_attempt(ran) {
                let class = failure.class;
                let settled = setup.gate.fail(ticket, class, || now.get(), None, 0);
                setup.budget.deposit(Deposit::Failed { class, price }, || now.get());
                self.changed(settled.change);
            } else {
                self.give_up(ticket, price, || now.get());
            }
        }
        if self.setup.observer.is_enabled() {
            self.failed(&mut now, failure, None, Verdict::GiveUp(GiveUp::TotalTimeout), None);
        }
        limit
    }
}
