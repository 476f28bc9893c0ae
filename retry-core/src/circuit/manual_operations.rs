//! The manual operations, which every type of circuit has.

/// Writes the manual operations and the two readings that belong to them, as inherent methods.
///
/// The type has a method `by_hand`, which runs a closure on the circuit's [`Breaker`](super::Breaker), or returns `None` if
/// there is no circuit. `$note` ends the documentation of each operation.
macro_rules! manual_operations {
    ($($note:literal)?) => {
        /// Opens the circuit until [`reset`](Self::reset): every attempt is refused, whatever the time.
        ///
        /// Returns the change, or `None` if the circuit was forced open before. Here and below, observers are told of
        /// a change by the caller: see [`Event::phase_changed`](crate::observe::Event::phase_changed).
        $(#[doc = $note])?
        #[doc(alias = "isolate")]
        pub fn force_open(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.force_open(now)).flatten()
        }

        /// Closes the circuit until [`reset`](Self::reset), without counting: every attempt is admitted.
        ///
        /// Returns the change, or `None` if the circuit was disabled before.
        $(#[doc = $note])?
        pub fn disable(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.disable(now)).flatten()
        }

        /// Closes the circuit until [`reset`](Self::reset), but goes on counting: every attempt is admitted, and the counts
        /// show how the circuit would have done.
        ///
        /// Returns the change, or `None` if the circuit only counted before.
        $(#[doc = $note])?
        #[doc(alias = "metrics_only")]
        pub fn count_only(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.count_only(now)).flatten()
        }

        /// Closes the circuit with an empty window, in whatever mode it was. From then on the outcomes decide again.
        ///
        /// Returns the change.
        $(#[doc = $note])?
        #[doc(alias = "close")]
        pub fn reset(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.reset(now)).flatten()
        }

        /// Opens the circuit for `duration`, in whatever mode it was; then probes decide. It counts as an opening for
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

        /// Half-opens the circuit, so that probes decide now.
        ///
        /// Returns the change, or `None` if the circuit is not open, or is forced open.
        $(#[doc = $note])?
        #[doc(alias = "half-open")]
        pub fn probe(&self, now: impl $crate::time::Now) -> Option<$crate::circuit::Change> {
            let now = now.now();
            self.by_hand(|breaker| breaker.probe(now)).flatten()
        }

        /// The phase as of the last event. An open circuit whose time has passed is still [`Open`] until the next
        /// admission.
        ///
        /// [`Open`]: crate::circuit::Phase::Open
        pub fn phase(&self) -> $crate::circuit::Phase {
            self.by_hand(|breaker| breaker.phase()).unwrap_or($crate::circuit::Phase::Closed)
        }

        /// What decides about the phase: the outcomes, or a manual operation.
        pub fn mode(&self) -> $crate::circuit::Mode {
            self.by_hand(|breaker| breaker.mode()).unwrap_or($crate::circuit::Mode::Disabled)
        }
    };
}
pub(crate) use manual_operations;
