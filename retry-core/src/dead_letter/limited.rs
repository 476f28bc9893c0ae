//! A limit for the letters of refused calls of any sink.

use core::fmt;

use super::letter::DeadLetter;
use super::rejected_limit::{LetterAdmission, Limiter, RejectedLimit};
use super::sink::{DeadLetterSink, LetterContext};
use crate::lock::{DefaultLock, Exclusive, Initial, Lock};

/// Limits the letters of refused calls of any sink: a [`RejectedLimit`] around a queue, a channel or a handler.
///
/// Only the letters per second are limited. The bytes of a limit are those of a file.
///
/// ```
/// use retry_core::{
///     CircuitConfig, Class, Instant, Policy, Retry, SharedCircuit, circuit::CountWindow,
///     dead_letter::{FixedDeadLetterQueue, Limited, RejectedLimit, WhenFull}, runtime::LocalLock, testing::FakeClock,
/// };
///
/// let letters = FixedDeadLetterQueue::<(), 32, LocalLock>::with_lock(WhenFull::DropOldest);
/// let limited = Limited::<_, LocalLock>::with_lock(letters, RejectedLimit::new(2, u64::MAX));
///
/// let clock = FakeClock::new();
/// let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
/// let _ = circuit.force_open(Instant::ORIGIN);
/// let uplink = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit);
/// for _ in 0..5 {
///     let _ = uplink.dead_letters(&limited).run_blocking(|| Err::<(), _>(Class::Network));
/// }
/// assert_eq!((limited.sink().len(), limited.left_out()), (2, 3));
/// ```
pub struct Limited<S, L: Lock = DefaultLock> {
    sink: S,
    limit: RejectedLimit,
    limiter: L::Of<Limiter>,
}

impl<S> Limited<S> {
    /// Limits the letters of `sink`, with the [`DefaultLock`].
    ///
    /// For another lock, use [`with_lock`](Self::with_lock).
    pub const fn new(sink: S, limit: RejectedLimit) -> Self {
        Self::with_lock(sink, limit)
    }
}

impl<S, L: Lock> Limited<S, L> {
    /// Limits the letters of `sink`, with the lock of its type.
    pub const fn with_lock(sink: S, limit: RejectedLimit) -> Self {
        Self { sink, limit, limiter: L::Of::<Limiter>::INITIAL }
    }

    /// Returns the sink itself.
    pub const fn sink(&self) -> &S {
        &self.sink
    }

    /// Returns how many letters of refused calls were left out. The count saturates.
    pub fn left_out(&self) -> u64 {
        self.limiter.with(|limiter| limiter.left_out)
    }
}

impl<T, E, S: DeadLetterSink<T, E>, L: Lock> DeadLetterSink<T, E> for Limited<S, L> {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        self.sink.accept(letter, context)
    }

    /// Asks the limit, and then the sink itself.
    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        match Limiter::admit(self.limit, context.error, |admit| self.limiter.with(admit)) {
            LetterAdmission::Take => self.sink.admit(context),
            left_out => left_out,
        }
    }
}

impl<S: fmt::Debug, L: Lock> fmt::Debug for Limited<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sink, limit, .. } = self;
        f.debug_struct("Limited")
            .field("sink", sink)
            .field("limit", limit)
            .field("left_out", &self.left_out())
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl<S: defmt::Format, L: Lock> defmt::Format for Limited<S, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}, {=u64} left out", self.sink, self.left_out());
    }
}
