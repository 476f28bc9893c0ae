//! Sinks of the standard library: a channel, an `Arc`, and one that counts what another does.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use super::letter::DeadLetter;
use super::sink::{DeadLetterSink, LetterContext};

/// A channel: what is done with the letters at its other end may take as long as it likes, and no call waits for it.
///
/// A letter that finds the channel full, or nobody at its other end, comes back.
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

/// The sink that it points to.
impl<T, E, S: DeadLetterSink<T, E> + ?Sized> DeadLetterSink<T, E> for Arc<S> {
    fn accept(&self, letter: DeadLetter<T>, about: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        (**self).accept(letter, about)
    }
}

/// A sink whose letters are counted: those it kept, those it gave back, and those it panicked with.
///
/// A handler that panics gives its letter back, to whoever is asked [next](crate::dead_letter::OrElse). A sink of one's own
/// that panics has taken the letter with it.
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
    /// Counts the letters of `sink`.
    pub const fn new(sink: S) -> Self {
        Self { sink, kept: AtomicUsize::new(0), returned: AtomicUsize::new(0), panicked: AtomicUsize::new(0) }
    }

    /// The sink itself.
    pub const fn sink(&self) -> &S {
        &self.sink
    }

    /// How many letters it kept.
    pub fn kept(&self) -> usize {
        self.kept.load(Relaxed)
    }

    /// How many letters it gave back, among them those of a handler that panicked.
    pub fn returned(&self) -> usize {
        self.returned.load(Relaxed)
    }

    /// How many letters were lost because it panicked.
    pub fn panicked(&self) -> usize {
        self.panicked.load(Relaxed)
    }
}

impl<T, E, S: DeadLetterSink<T, E>> DeadLetterSink<T, E> for Counted<S> {
    fn accept(&self, letter: DeadLetter<T>, about: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        match std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| self.sink.accept(letter, about))) {
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
}
