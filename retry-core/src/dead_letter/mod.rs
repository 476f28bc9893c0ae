//! Dead letters: the payloads of calls that gave up, kept in a queue, a file or a channel to be delivered later.
//!
//! Guides: [dead letters](crate::_guides::dead_letters), [metrics, logs and alerts](crate::_guides::operating).
//!
//! A *dead letter* is what is kept of a call that gave up: the operation, the reason, the last error's class and the
//! call's payload. A *sink* takes dead letters. It is a queue, a file, a channel or a closure.
//!
//! [`Retry::dead_letters`](crate::Retry::dead_letters) sets the sink of a call. A sink never changes how the call ends:
//! the caller gets the same error. If a sink cannot keep a letter, it returns it, and [`OrElse`] hands it to a second
//! sink. By default, every failed call leaves a letter, except for ignored errors and cancelled calls: see
//! [`ReasonSet`].
//!
//! | sink | feature | what survives |
//! |---|---|---|
//! | `JsonLinesSink` | `json` | letters that were acknowledged survive `kill -9` |
//! | `DeadLetterQueue` | `std` | letters are in memory, and end with the process |
//! | [`FixedDeadLetterQueue`] | | letters are in memory; an image of them survives a reset |
//! | `SyncSender<DeadLetter<T>>` | `std` | what the receiver does with the letters |
//! | [`sink_fn`], a closure of `&DeadLetter` | | what the closure does with the letters |
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use retry_core::{
//!     Class, Policy, Retry,
//!     dead_letter::{DeadLetterQueue, WhenFull},
//!     testing::FakeClock,
//! };
//!
//! let letters = DeadLetterQueue::new(1_000, WhenFull::DropOldest);
//! let clock = FakeClock::new();
//! let stock = Retry::new(&Policy::DEFAULT, &clock).named("stock.write");
//!
//! let order = "7 apples".to_owned();
//! let write = stock.dead_letters(&letters).payload(|| order.clone());
//! assert!(write.run_blocking(|| Err::<(), _>(Class::Network)).is_err());
//!
//! let letter = letters.pop().unwrap();
//! assert_eq!((letter.payload.as_str(), letter.attempts), ("7 apples", 3));
//! # }
//! ```

mod buffer;
mod call;
mod deliver;
mod fixed;
mod id;
mod image;
#[cfg(feature = "json")]
mod json;
mod letter;
mod limited;
mod payload;
#[cfg(feature = "std")]
mod queue;
mod reasons;
mod rejected_limit;
mod sink;
#[cfg(feature = "std")]
mod std_sinks;

pub use crate::codec::Codec;
pub use crate::error::LetterOutcome;
pub use crate::verdict::Reason;
pub use buffer::{DeadLetterBuffer, WhenFull};
pub use call::DeadLetterCall;
pub use deliver::Deliver;
pub use fixed::FixedDeadLetterQueue;
pub use id::{LetterId, LetterIds, NotAnId};
pub use image::ImageError;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use json::{
    BadLine, BadLineKind, JsonLinesError, JsonLinesReader, JsonLinesSink, LetterLine, NotALetter, OnDisk,
    StoredLetter, TornLine,
};
pub use letter::DeadLetter;
pub use limited::Limited;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use queue::DeadLetterQueue;
pub use reasons::ReasonSet;
pub use rejected_limit::{LetterAdmission, RejectedLimit};
pub use sink::{DeadLetterSink, LetterContext, OrElse, SinkFn, sink_fn};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use std_sinks::Counted;
