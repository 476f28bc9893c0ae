//! Dead letters: what a call that gave up was to deliver, and the sinks and queues that keep it.
//!
//! Guides: [dead letters](crate::_guides::dead_letters), [metrics, logs and alerts](crate::_guides::operating).
//!
//! [`Retry::dead_letters`](crate::Retry::dead_letters) hands each call that gives up to a sink, which never changes how
//! the call ends. A sink that cannot keep a letter gives it back, and the next one is asked: [`OrElse`].
//!
//! | sink | needs | what survives |
//! |---|---|---|
//! | `JsonLinesSink` | feature `json` | a letter that was acknowledged survives `kill -9` |
//! | `DeadLetterQueue` | feature `std` | nothing, it is memory |
//! | [`FixedDeadLetterQueue`] | nothing | its image outlives a reset |
//! | a `SyncSender`, [`sink_fn`] | feature `std`; nothing | what the other end does with it |
//! | a closure of the letter | nothing | it only looks, and the letter goes on |
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
mod image;
#[cfg(feature = "json")]
mod json;
mod letter;
mod payload;
#[cfg(feature = "std")]
mod queue;
mod reasons;
mod sink;
#[cfg(feature = "std")]
mod std_sinks;

pub use crate::codec::Codec;
pub use crate::verdict::Reason;
pub use buffer::{DeadLetterBuffer, WhenFull};
pub use call::DeadLetterCall;
pub use fixed::FixedDeadLetterQueue;
pub use image::ImageError;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use json::{
    BadLine, BadLineKind, JsonLinesError, JsonLinesReader, JsonLinesSink, OnDisk, StoredLetter, TornLine,
    WhenTorn,
};
pub use letter::DeadLetter;
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use queue::DeadLetterQueue;
pub use reasons::ReasonSet;
pub use sink::{DeadLetterSink, LetterContext, OrElse, SinkFn, sink_fn};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use std_sinks::Counted;
