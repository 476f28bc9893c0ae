//! Orders that could not be delivered: a file, and memory for those that the file does not take.

use std::io;
use std::path::Path;

use retry_core::dead_letter::{DeadLetterQueue, JsonLinesSink, WhenFull};
use serde::{Deserialize, Serialize};

/// What a caller orders.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Order {
    pub(crate) sku: String,
    pub(crate) count: u32,
}

/// Keeps orders that could not be delivered.
pub(crate) struct Letters {
    pub(crate) file: JsonLinesSink,
    pub(crate) memory: DeadLetterQueue<Order>,
}

impl Letters {
    pub(crate) fn new(file: JsonLinesSink) -> Self {
        Self { file, memory: DeadLetterQueue::new(1_000, WhenFull::Refuse) }
    }

    #[expect(clippy::disallowed_methods, reason = "a letter says when it was written")]
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(JsonLinesSink::open(path)?.stamped(std::time::SystemTime::now)))
    }

    /// Makes sure that the letters are on disk, and logs those that the file did not take.
    pub(crate) fn close(&self) -> io::Result<()> {
        for letter in self.memory.drain() {
            log::error!("not in {}: {letter:?}", self.file.path().display());
        }
        self.file.sync()
    }
}
