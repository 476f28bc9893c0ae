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

/// The most bytes of orders in memory.
const MEMORY: usize = 16 << 20;

/// Keeps orders that could not be delivered.
pub(crate) struct Letters {
    pub(crate) file: JsonLinesSink,
    pub(crate) memory: DeadLetterQueue<Order>,
}

impl Letters {
    pub(crate) fn new(file: JsonLinesSink) -> Self {
        // An order comes from a caller, so its text may be long.
        let memory = DeadLetterQueue::new(1_000, WhenFull::Refuse)
            .max_bytes(MEMORY, |order: &Order| order.sku.capacity());
        Self { file, memory }
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

#[cfg(test)]
mod tests {
    use retry_core::GiveUp;
    use retry_core::dead_letter::{DeadLetter, Reason};

    use super::*;

    #[test]
    fn long_orders_do_not_fill_the_memory() {
        let path = std::env::temp_dir().join(format!("service-letters-{}.jsonl", std::process::id()));
        let letters = Letters::open(&path).unwrap();
        let order = || Order { sku: "x".repeat(1 << 20), count: 7 };
        let kept = (0..20).filter(|_| {
            letters.memory.push(DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), order())).is_ok()
        });
        assert_eq!((kept.count(), letters.memory.refused()), (15, 5));
        assert!(letters.memory.bytes() <= MEMORY);
        std::fs::remove_file(path).unwrap();
    }
}
