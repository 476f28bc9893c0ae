//! The machines that are explored: the real breaker, and breakers with one broken rule.

use std::fmt::Debug;
use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, Instant, Rejected, SharedCircuit,
    circuit::{Admission, Adoption, AttemptEnd, Breaker, Change, Mode, Snapshot, Ticket, Window},
    runtime::LocalLock,
};

use super::step::{HINT, UNIT};

/// The end of an attempt by a rate limit.
pub(crate) const LIMITED: AttemptEnd = AttemptEnd::Failed {
    class: Class::RateLimit,
    hint: Some(Duration::from_nanos(HINT)),
    delay: None,
    word: 0,
};

/// What a manual step adopts.
pub(crate) fn adopted_open(units: u64) -> Adoption {
    let nanos = |units| Duration::from_nanos(units * UNIT);
    Adoption::Open { open_for: nanos(units), grace: nanos(1) }
}

/// A window that can be inspected.
pub(crate) trait Explorable: Window + Debug {
    /// Returns a snapshot of a circuit that is held closed. Only a shared circuit has these operations.
    fn held(config: &CircuitConfig, mode: Mode, now: Instant) -> Snapshot<Self> {
        let held = SharedCircuit::<Self, LocalLock>::with_window(*config);
        let _ = if mode == Mode::Disabled { held.disable(now) } else { held.count_only(now) };
        held.snapshot(now)
    }
}

impl<W: Window + Debug> Explorable for W {}

pub(crate) trait Machine: Clone {
    type Window: Explorable;

    fn admit(&mut self, config: &CircuitConfig, now: Instant) -> Result<Admission<Ticket>, Rejected>;
    fn settle(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        failed: bool,
        now: Instant,
    ) -> Option<Change>;
    /// Ends an attempt by a rate limit with a hint of [`HINT`].
    fn limit(&mut self, config: &CircuitConfig, ticket: Ticket, now: Instant) -> Option<Change>;
    fn adopt(&mut self, config: &CircuitConfig, adoption: Adoption, now: Instant) -> Option<Change>;
    fn cancel(&mut self, config: &CircuitConfig, ticket: Ticket, now: Instant) -> Option<Change>;
    fn release(&mut self, config: &CircuitConfig, ticket: Ticket, now: Instant) -> Option<Change>;
    fn force_open(&mut self, now: Instant) -> Option<Change>;
    fn reset(&mut self, now: Instant) -> Option<Change>;
    fn trip(&mut self, duration: Duration, now: Instant) -> Option<Change>;
    /// Closes it until another operation.
    fn hold_closed(&mut self, config: &CircuitConfig, mode: Mode, now: Instant);
    /// Restores its snapshot, on a clock that reads `to`.
    fn move_to(&mut self, config: &CircuitConfig, now: Instant, to: Instant);

    /// Returns the breaker inside, for inspection.
    fn breaker(&self) -> &Breaker<Self::Window>;
    /// Returns the visible era.
    fn era(&self) -> u32 {
        self.breaker().era()
    }
}

impl<W: Explorable> Machine for Breaker<W> {
    type Window = W;

    fn admit(&mut self, config: &CircuitConfig, now: Instant) -> Result<Admission<Ticket>, Rejected> {
        Self::admit(self, config, now)
    }

    fn settle(
        &mut self,
        config: &CircuitConfig,
        ticket: Ticket,
        failed: bool,
        now: Instant,
    ) -> Option<Change> {
        Self::settle(self, config, ticket, failed, now, 0)
    }

    fn limit(&mut self, config: &CircuitConfig, ticket: Ticket, now: Instant) -> Option<Change> {
        self.end(config, ticket, LIMITED, now).change
    }

    fn adopt(&mut self, config: &CircuitConfig, adoption: Adoption, now: Instant) -> Option<Change> {
        Self::adopt(self, config, adoption, now)
    }

    fn cancel(&mut self, config: &CircuitConfig, ticket: Ticket, now: Instant) -> Option<Change> {
        Self::cancel(self, config, ticket, now)
    }

    fn release(&mut self, _: &CircuitConfig, ticket: Ticket, _: Instant) -> Option<Change> {
        Self::release(self, ticket);
        None
    }

    fn force_open(&mut self, now: Instant) -> Option<Change> {
        Self::force_open(self, now)
    }

    fn reset(&mut self, now: Instant) -> Option<Change> {
        Self::reset(self, now)
    }

    fn trip(&mut self, duration: Duration, now: Instant) -> Option<Change> {
        Self::trip(self, duration, now)
    }

    fn hold_closed(&mut self, config: &CircuitConfig, mode: Mode, now: Instant) {
        self.restore(config, &W::held(config, mode, now), now);
    }

    fn move_to(&mut self, config: &CircuitConfig, now: Instant, to: Instant) {
        let snapshot = self.snapshot(config, now);
        self.restore(config, &snapshot, to);
    }

    fn breaker(&self) -> &Breaker<W> {
        self
    }
}
