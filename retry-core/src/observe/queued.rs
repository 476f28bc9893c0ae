//! An observer that may block.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::compose::pointer;
use super::event::{Event, Observer};
use crate::config_error::{ConfigError, Value, ok_or_panic};

/// Puts events into a queue of a fixed size, for whoever holds the other end: what is done with them there may take
/// as long as it likes, and a call never waits for it.
///
/// An event that finds the queue full is dropped and counted; so are all, once nobody holds the other end. The queue's
/// memory is taken when it is made.
///
/// ```
/// use retry_core::{observe::{Event, Queued}, testing::FakeClock, Class, Policy, Retry};
///
/// let (queued, events) = Queued::new(2);
/// let clock = FakeClock::new();
/// let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&queued);
/// assert_eq!(retry.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
/// assert_eq!(queued.dropped(), 1); // three events, and room for two
///
/// let log = std::thread::spawn(move || Vec::from_iter(events.iter().map(|event| event.to_string())));
/// drop(queued);
/// assert_eq!(log.join().unwrap(), ["attempt 1", "attempt 1 succeeded"]);
/// ```
#[derive(Debug)]
pub struct Queued {
    queue: SyncSender<Event>,
    dropped: AtomicUsize,
}

impl Queued {
    /// The most events that a queue may hold.
    pub const MOST: usize = 1 << 20;

    /// A queue for so many events, and its other end.
    ///
    /// # Panics
    /// On a capacity of zero or above [`MOST`](Self::MOST).
    #[track_caller]
    pub fn new(capacity: usize) -> (Self, Receiver<Event>) {
        ok_or_panic!(Self::try_new(capacity))
    }

    /// [`new`](Self::new) for a capacity that is known at run time.
    ///
    /// # Errors
    /// On a capacity of zero or above [`MOST`](Self::MOST).
    pub fn try_new(capacity: usize) -> Result<(Self, Receiver<Event>), ConfigError> {
        let value = Value::Count(capacity as u64);
        match capacity {
            0 => return Err(ConfigError::new("capacity", value, "must be at least 1")),
            1..=Self::MOST => {}
            _ => return Err(ConfigError::new("capacity", value, "must be at most 1048576")),
        }
        let (queue, events) = sync_channel(capacity);
        Ok((Self { queue, dropped: AtomicUsize::new(0) }, events))
    }

    /// How many events were dropped.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Relaxed)
    }
}

impl Observer for Queued {
    fn observe(&self, event: &Event) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(*event) {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

pointer!([] & Queued);
