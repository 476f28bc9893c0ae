//! Sinks of the standard library: a channel, an `Arc`, and a sink that counts.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use super::letter::DeadLetter;
use super::rejected_limit::LetterAdmission;
use super::sink::{DeadLetterSink, LetterContext};

/// A channel of the standard library. The call does not wait for what the receiver does with its letters.
///
/// If the channel is full, or if the receiver was dropped, the letter is returned.
///
/// ```
/// use std::sync::mpsc::sync_channel;
/// use retry_core::{dead_letter::{Counted, DeadLetter}, testing::FakeClock, Class, Policy, Retry};
///
/// let (send, letters) = sync_channel::<DeadLetter<u32>>(100);
/// let sink = Counted::new(send); // a channel does not count by itself
/// let worker = std::thread::spawn(move || letters.iter().map(|letter| letter.payload).sum::<u32>());
///
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock);
/// for order in [7, 8] {
///     let _ = retry.dead_letters(&sink).payload(|| order).run_blocking(|| Err::<(), _>(Class::Network));
/// }
/// assert_eq!((sink.kept(), sink.returned()), (2, 0));
/// drop(sink);
/// assert_eq!(worker.join().unwrap(), 15);
/// ```
impl<T, E> DeadLetterSink<T, E> for SyncSender<DeadLetter<T>> {
    fn accept(&self, letter: DeadLetter<T>, _: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        self.try_send(letter)
            .map_err(|(TrySendError::Full(letter) | TrySendError::Disconnected(letter))| letter)
    }
}

/// Hands letters to the sink in the `Arc`.
impl<T, E, S: DeadLetterSink<T, E> + ?Sized> DeadLetterSink<T, E> for Arc<S> {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        (**self).accept(letter, context)
    }

    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        (**self).admit(context)
    }
}

/// Counts the letters of another sink: how many it kept, returned, and lost by a panic.
///
/// A handler that panics returns its letter, for the next sink: see [`OrElse`](crate::dead_letter::OrElse). Any other
/// sink that panics has lost its letter.
///
/// ```
/// use retry_core::{
///     dead_letter::{Counted, DeadLetter, LetterContext}, testing::FakeClock, Class, Policy, Retry,
/// };
///
/// let sink = Counted::new(|letter: &DeadLetter<()>, _: &LetterContext<'_, Class>| letter.attempts > 5);
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock);
/// let _ = retry.dead_letters(&sink).run_blocking(|| Err::<(), _>(Class::Network));
/// assert_eq!((sink.kept(), sink.returned(), sink.panicked()), (0, 1, 0));
/// ```
#[derive(Debug, Default)]
pub struct Counted<S> {
    sink: S,
    kept: AtomicUsize,
    returned: AtomicUsize,
    panicked: AtomicUsize,
}

impl<S> Counted<S> {
    /// Makes a sink that counts the letters of `sink`.
    pub const fn new(sink: S) -> Self {
        Self { sink, kept: AtomicUsize::new(0), returned: AtomicUsize::new(0), panicked: AtomicUsize::new(0) }
    }

    /// Returns the sink itself.
    pub const fn sink(&self) -> &S {
        &self.sink
    }

    /// Returns how many letters were kept.
    pub fn kept(&self) -> usize {
        self.kept.load(Relaxed)
    }

    /// Returns how many letters were returned, including those of handlers that panicked.
    pub fn returned(&self) -> usize {
        self.returned.load(Relaxed)
    }

    /// Returns how many letters were lost because the sink panicked.
    pub fn panicked(&self) -> usize {
        self.panicked.load(Relaxed)
    }
}

impl<T, E, S: DeadLetterSink<T, E>> DeadLetterSink<T, E> for Counted<S> {
    fn accept(&self, letter: DeadLetter<T>, context: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        match std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| self.sink.accept(letter, context))) {
            Ok(accepted) => {
                let count = if accepted.is_ok() { &self.kept } else { &self.returned };
                count.fetch_add(1, Relaxed);
                accepted
            }
            Err(panic) => {
                self.panicked.fetch_add(1, Relaxed);
                std::panic::resume_unwind(panic)
            }
        }
    }

    fn admit(&self, context: &LetterContext<'_, E>) -> LetterAdmission {
        self.sink.admit(context)
    }
}
