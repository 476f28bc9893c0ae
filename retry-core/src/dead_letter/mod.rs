//! Calls that gave up are handed over: dead letters, and what takes them.

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
pub use deliver::{ByFuture, BySink, Deliver};
pub use fixed::FixedDeadLetterQueue;
pub use image::ImageError;
#[cfg(feature = "json")]
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
pub use json::{
    BadLine, BadLineKind, JsonLinesError, JsonLinesReader, JsonLinesSink, OnDisk, StoredLetter, TornLine,
    WhenTorn,
};
pub use letter::DeadLetter;
pub use payload::{NoPayload, Payload, PayloadFn};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use queue::DeadLetterQueue;
pub use reasons::ReasonSet;
pub use sink::{DeadLetterSink, HandlerResult, LetterContext, OrElse, SinkFn, sink_fn};
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub use std_sinks::Counted;
