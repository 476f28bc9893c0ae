//! The state of a circuit as data.

use core::time::Duration;

use super::phase::{Mode, OpenedBy, Phase};
use super::state::State;
use super::window::{Span, Window};
use crate::time::Instant;

/// The state of a circuit as plain data: for display, for another process, or for memory that survives a reboot. Its
/// times are relative to the instant of the snapshot.
///
/// ```
/// use core::time::Duration;
/// use retry_core::{circuit::Phase, CircuitConfig, Instant, SharedCircuit};
///
/// let before = SharedCircuit::new(CircuitConfig::DEFAULT);
/// before.trip(Duration::from_secs(20), Instant::from_millis(5_000));
/// let snapshot = before.snapshot(Instant::from_millis(9_000));
/// assert_eq!(snapshot.open_for(), Some(Duration::from_secs(16)));
///
/// let after = SharedCircuit::new(CircuitConfig::DEFAULT); // its clock starts anew
/// after.restore(&snapshot, Instant::ORIGIN);
/// assert_eq!(after.phase(), Phase::Open);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Snapshot<W> {
    /// The state, with its times on a clock that reads [`TAKEN`].
    pub(super) state: State<W>,
    pub(super) mode: Mode,
    pub(super) opened_by: OpenedBy,
    pub(super) late: u32,
    pub(super) openings: u32,
    pub(super) span: Span,
}

/// The instant of every snapshot. It is far from both ends of the clock, so that times before and after it fit.
pub(super) const TAKEN: Instant = Instant::from_nanos(1 << 62);

impl<W: Window> Snapshot<W> {
    /// Returns the phase.
    pub const fn phase(&self) -> Phase {
        self.state.phase()
    }

    /// Returns the rest of the open time; `None` unless the circuit was open. It is [`Duration::MAX`] if only
    /// [`reset`](crate::SharedCircuit::reset) ends it.
    pub fn open_for(&self) -> Option<Duration> {
        match self.state {
            State::Open { until: Instant::MAX, .. } => Some(Duration::MAX),
            State::Open { until, .. } => Some(until.since(TAKEN)),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    /// Whether a circuit can be in this state. Bytes from elsewhere may hold any other.
    pub(super) fn is_possible(&self) -> bool {
        match (&self.state, self.mode) {
            (State::Closed { window, ramp, .. }, Mode::Automatic | Mode::Disabled | Mode::CountOnly) => {
                window.fits(self.span) && (ramp.is_over() || ramp.parts().0 <= TAKEN)
            }
            // Anything less would end the opening once the snapshot is restored.
            (State::Open { until: Instant::MAX, most: u64::MAX }, Mode::ForcedOpen) => {
                self.opened_by == OpenedBy::Hand
            }
            (State::Open { .. } | State::HalfOpen { .. }, Mode::Automatic) => true,
            _ => false,
        }
    }

    /// Returns the window; `None` unless the circuit was closed. A window that counts time holds only the calls within
    /// its span.
    pub fn window(&self) -> Option<W> {
        let mut window = self.state.window()?.clone();
        window.expire(self.span, TAKEN);
        Some(window)
    }
}
