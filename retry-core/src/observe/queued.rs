//! A queue for an observer that may block.

use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::string::{String, ToString};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::event::{Event, EventKind, Observer};
use super::tags::Tags;
use crate::config_error::{ConfigError, Value, ok_or_panic};
use crate::error_text::ErrorText;
use crate::key::Key;
use crate::name::Name;
use crate::time::Instant;

/// Sends events into a queue of a fixed size, so that a call does not wait for what is done with them.
///
/// Another thread takes the events out of the [`Receiver`]. If the queue is full, or if the receiver was dropped, an
/// event is dropped and counted. The memory of the queue is allocated when it is made.
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
    queue: SyncSender<QueuedEvent>,
    dropped: AtomicUsize,
}

impl Queued {
    /// The largest capacity: 1,048,576 events.
    pub const MOST: usize = 1 << 20;

    /// Makes a queue for this number of events, and its receiver.
    ///
    /// # Panics
    /// Panics if the capacity is 0 or above [`MOST`](Self::MOST).
    #[track_caller]
    pub fn new(capacity: usize) -> (Self, Receiver<QueuedEvent>) {
        ok_or_panic!(Self::try_new(capacity))
    }

    /// Does the same as [`new`](Self::new), for a capacity known only at run time.
    ///
    /// # Errors
    /// Returns an error if the capacity is 0 or above [`MOST`](Self::MOST).
    pub fn try_new(capacity: usize) -> Result<(Self, Receiver<QueuedEvent>), ConfigError> {
        let value = Value::Count(capacity as u64);
        match capacity {
            0 => return Err(ConfigError::new("capacity", value, "must be at least 1")),
            1..=Self::MOST => {}
            _ => return Err(ConfigError::new("capacity", value, "must be at most 1048576")),
        }
        let (queue, events) = sync_channel(capacity);
        Ok((Self { queue, dropped: AtomicUsize::new(0) }, events))
    }

    /// Returns how many events were dropped.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Relaxed)
    }
}

impl Observer for Queued {
    fn observe(&self, event: &Event<'_>) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(QueuedEvent::from(event))
        {
            self.dropped.fetch_add(1, Relaxed);
        }
    }
}

/// An [`Event`] that owns its data, so that it can be kept and sent. [`Queued`] sends these.
///
/// ```
/// use retry_core::{observe::{QueuedEvent, observer_fn}, testing::FakeClock, Class, Policy, Retry};
/// use std::sync::Mutex;
///
/// let (clock, log) = (FakeClock::new(), Mutex::new(Vec::new()));
/// let keep = observer_fn(|event| log.lock().unwrap().push(QueuedEvent::from(event)));
/// let _ = Retry::new(&Policy::DEFAULT, &clock).observe(&keep).run_blocking(|| Ok::<_, Class>(7));
/// assert_eq!(log.lock().unwrap().len(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct QueuedEvent {
    at: Instant,
    operation: Name,
    key: Key,
    attempt: u32,
    text: Option<String>,
    circuit: Name,
    kind: EventKind,
    operation_type: &'static str,
    place: usize,
    tags: Tags,
}

impl QueuedEvent {
    /// Calls `f` with the event, and returns its result.
    ///
    /// ```
    /// use retry_core::{Class, Policy, Retry, observe::{Observer, Queued, observer_fn}, testing::FakeClock};
    ///
    /// let (queued, events) = Queued::new(8);
    /// let clock = FakeClock::new();
    /// let _ = Retry::new(&Policy::DEFAULT, &clock).observe(&queued).run_blocking(|| Ok::<_, Class>(7));
    ///
    /// let slow = observer_fn(|event| assert_eq!(event.attempt, 1)); // at the other end
    /// events.try_iter().for_each(|queued| queued.with(|event| slow.observe(event)));
    /// ```
    pub fn with<U>(&self, f: impl FnOnce(&Event<'_>) -> U) -> U {
        let Self { at, operation, key, attempt, text, circuit, kind, .. } = self;
        let Self { operation_type, place, tags, .. } = self;
        let text = text.as_ref().map(|text| ErrorText::new(text));
        let fixed = operation.as_static();
        f(&Event {
            at: *at,
            operation,
            operation_type,
            key: *key,
            attempt: *attempt,
            text,
            circuit,
            kind: *kind,
            fixed,
            place: *place,
            tags,
        })
    }
}

/// Copies an event, so that it can be kept and sent.
impl From<&Event<'_>> for QueuedEvent {
    fn from(event: &Event<'_>) -> Self {
        let Event { at, key, attempt, text, kind, operation_type, place, .. } = *event;
        let text = text.map(|text| text.to_string());
        let circuit = if event.circuit.is_empty() { Name::NONE } else { Name::kept(event.circuit, None) };
        let (operation, tags) = (event.name(), event.tags.clone());
        Self { at, operation, key, attempt, text, circuit, kind, operation_type, place, tags }
    }
}

/// Shows the event as its own `Display` does.
impl fmt::Display for QueuedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|event| event.fmt(f))
    }
}
