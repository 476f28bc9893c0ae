//! Dead letters: a file for the orders that could not be delivered, and a queue in memory if the file fails.

use std::io;
use std::path::Path;

use retry_core::dead_letter::{DeadLetterQueue, JsonLinesSink, WhenFull};
use serde::{Deserialize, Serialize};

/// An order.
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

    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::new(JsonLinesSink::open(path)?))
    }

    /// Syncs the file to disk, and logs the letters that are only in memory.
    pub(crate) fn close(&self) -> io::Result<()> {
        for letter in self.memory.drain() {
            log::error!("dead letter not in {}: {letter:?}", self.file.path().display());
        }
        self.file.sync()
    }
}
