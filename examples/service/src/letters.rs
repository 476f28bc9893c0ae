//! Dead letters: a file for the orders that could not be delivered, and a queue in memory if the file fails.

use core::time::Duration;
use std::io;
use std::path::Path;

use retry_core::dead_letter::{
    DeadLetter, DeadLetterQueue, JsonLinesError, JsonLinesSink, LetterLine, RejectedLimit, StoredLetter,
    WhenFull,
};
use retry_tokio::LetterWriter;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

/// An order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Order {
    pub(crate) sku: String,
    pub(crate) count: u32,
}

/// What a letter keeps of an order.
///
/// A queue keeps no metadata, so the key is in the payload there. In the file it is in the metadata, where `redrive` finds
/// it, and the payload is what was sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Undelivered {
    pub(crate) order: Order,
    #[serde(skip)]
    pub(crate) idempotency_key: String,
}

/// The name of an order's key, as a header and in the metadata of a letter.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The longest key of an order, in bytes. The metadata of a letter would cut a longer one.
pub(crate) const LONGEST_KEY: usize = 256;

/// The most bytes of orders in memory: those that wait for the disk, and those that it did not take.
const MEMORY: usize = 16 << 20;

/// How long a call, and the shutdown, wait for the disk.
pub(crate) const DISK: Duration = Duration::from_secs(5);

/// Keeps orders that could not be delivered.
pub(crate) struct Letters {
    /// Writes to the file on a thread of its own.
    pub(crate) writer: LetterWriter,
    pub(crate) memory: DeadLetterQueue<Undelivered>,
}

impl Letters {
    pub(crate) fn new(file: JsonLinesSink) -> io::Result<Self> {
        // The callers do not keep their orders, so those that a circuit refused are kept, too.
        let writer = LetterWriter::start(file.rejected_limit(RejectedLimit::UNLIMITED), 10_000, MEMORY)?;
        // An order comes from a caller, so its text may be long.
        let heap = |kept: &Undelivered| kept.order.sku.capacity() + kept.idempotency_key.capacity();
        let memory = DeadLetterQueue::new(1_000, WhenFull::Refuse)
            .max_bytes(MEMORY, heap)
            .rejected_limit(RejectedLimit::UNLIMITED);
        Ok(Self { writer, memory })
    }

    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::new(JsonLinesSink::open(path)?)
    }

    /// Writes all letters to the file, also those in memory. Logs the ones that the file does not take, each as its line.
    pub(crate) async fn close(&self) {
        let (answers, unwritten) = match timeout(DISK, self.writer.shutdown()).await {
            Ok(unwritten) => (true, unwritten),
            Err(_) => (false, self.writer.shutdown_within(Duration::ZERO).await),
        };
        let mut lines = unwritten.err().map_or(Vec::new(), |unwritten| unwritten.lines);
        for letter in self.memory.drain() {
            match line(letter) {
                Ok(line) => lines.push(line),
                Err(error) => log::error!("dead letter lost: {error}"),
            }
        }
        // A disk that hangs would hold up the end of the service.
        let file = self.writer.sink();
        let is_written = if answers { write(file, &lines) } else { vec![false; lines.len()] };
        for (line, _) in lines.iter().zip(is_written).filter(|(_, is_written)| !is_written) {
            log::error!("dead letter not in {}: {}", file.path().display(), line.as_str());
        }
    }
}

/// Writes the lines, and returns which of them are on disk.
fn write(file: &JsonLinesSink, lines: &[LetterLine]) -> Vec<bool> {
    let written: Vec<_> = file.append_lines(lines).iter().map(Result::is_ok).collect();
    match file.sync() {
        Ok(()) => written,
        Err(_) => vec![false; lines.len()],
    }
}

/// Makes the line of a letter that was in memory, with its key as the metadata.
fn line(letter: DeadLetter<Undelivered>) -> Result<LetterLine, JsonLinesError> {
    let key = letter.payload.idempotency_key.clone();
    let mut stored = StoredLetter::from(letter);
    stored.metadata.push((IDEMPOTENCY_KEY.to_owned(), key));
    LetterLine::again(&stored)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::{env, fs, process};

    use retry_core::GiveUp;
    use retry_core::dead_letter::{DeadLetter, JsonLinesReader, Reason};

    use super::*;

    fn path(name: &str) -> PathBuf {
        env::temp_dir().join(format!("service-letters-{name}-{}.jsonl", process::id()))
    }

    fn letter(sku: &str, key: &str) -> DeadLetter<Undelivered> {
        let order = Order { sku: sku.to_owned(), count: 7 };
        let payload = Undelivered { order, idempotency_key: key.to_owned() };
        DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload)
    }

    #[test]
    fn long_orders_do_not_fill_the_memory() {
        let path = path("long");
        let letters = Letters::open(&path).unwrap();
        let sku = "x".repeat(1 << 20);
        let kept = (0..20).filter(|_| letters.memory.push(letter(&sku, "o-1")).is_ok());
        assert_eq!((kept.count(), letters.memory.refused()), (15, 5));
        assert!(letters.memory.bytes() <= MEMORY);
        fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn at_the_end_letters_in_memory_are_written_with_their_keys() {
        let path = path("close");
        let letters = Letters::open(&path).unwrap();
        letters.memory.push(letter("apple", "o-1")).unwrap();
        letters.memory.push(letter("pear", "o-2")).unwrap();
        letters.close().await;
        assert!(letters.memory.is_empty());
        let stored = JsonLinesReader::<Order>::open(&path).unwrap().map(|stored| stored.unwrap());
        let stored: Vec<_> = stored
            .map(|StoredLetter { letter, metadata, .. }| (letter.payload.sku, metadata[0].clone()))
            .collect();
        let key = |key: &str| (IDEMPOTENCY_KEY.to_owned(), key.to_owned());
        assert_eq!(stored, [("apple".to_owned(), key("o-1")), ("pear".to_owned(), key("o-2"))]);
        fs::remove_file(path).unwrap();
    }
}
