//! The manual operations, which every type of circuit has.

/// Defines the manual operations, `phase` and `mode` as inherent methods.
///
/// The type has a method `by_hand`, which runs a closure on the circuit's [`Breaker`](super::Breaker), or returns
/// `None` if there is no circuit. `$note` ends the documentation of each operation.
macro_rules! manual_operations {
    ($($note:literal)?) => {
        /// Opens the circuit until [`reset`](Self::reset): every attempt is refused, however much time passes.
        ///
        /// Returns the change, or `None` if the circuit was already forced open. After each manual operation, the
        /// caller reports the change to its observers: see
        /// [`Event::phase_changed`](crate::observe::Event::phase_changed).
        $(#[doc = $note])?
        #[doc(alias = "isolate")]
        pub fn force_open(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.force_open(now)).flatten()
        }

        /// Closes the circuit until [`reset`](Self::reset): every attempt is admitted, and outcomes are discarded.
        ///
        /// Returns the change, or `None` if the circuit was already disabled.
        $(#[doc = $note])?
        pub fn disable(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.disable(now)).flatten()
        }

        /// Closes the circuit until [`reset`](Self::reset): every attempt is admitted, and outcomes are still counted.
        /// So the counts show how the dependency does.
        ///
        /// Returns the change, or `None` if the circuit was already in this mode.
        $(#[doc = $note])?
        #[doc(alias = "metrics_only")]
        pub fn count_only(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.count_only(now)).flatten()
        }

        /// Closes the circuit with an empty window, whatever its mode. From then on the outcomes decide again.
        ///
        /// Returns the change.
        $(#[doc = $note])?
        #[doc(alias = "close")]
        pub fn reset(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.reset(now)).flatten()
        }

        /// Opens the circuit for `duration`, whatever its mode. Then probes decide. It counts as an opening for
        /// [`open_growth`](crate::CircuitConfig::open_growth).
        ///
        /// Returns the change.
        $(#[doc = $note])?
        pub fn trip(
            &self,
            duration: core::time::Duration,
            now: impl $crate::time::Now,
        ) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.trip(duration, now)).flatten()
        }

        /// Half-opens an open circuit, so that probes decide now.
        ///
        /// Returns the change, or `None` if the circuit is closed, half-open or forced open.
        $(#[doc = $note])?
        #[doc(alias = "half-open")]
        pub fn probe(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.probe(now)).flatten()
        }

        /// Returns the phase as of the last event. An open circuit stays [`Open`] after its open time until the next
        /// admission.
        ///
        /// [`Open`]: crate::circuit::Phase::Open
        pub fn phase(&self) -> $crate::circuit::Phase {
            self.by_hand(|breaker| breaker.phase()).unwrap_or($crate::circuit::Phase::Closed)
        }

        /// Returns what decides the phase: the outcomes, or a manual operation.
        pub fn mode(&self) -> $crate::circuit::Mode {
            self.by_hand(|breaker| breaker.mode()).unwrap_or($crate::circuit::Mode::Disabled)
        }
    };
}
pub(crate) use manual_operations;
