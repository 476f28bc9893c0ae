//! Sends the messages in the file of dead letters again.

use std::io;
use std::path::Path;

use retry_core::dead_letter::JsonLinesReader;

use crate::outbox::Message;
use crate::uplink::Uplink;

/// What became of the letters.
#[derive(Debug, PartialEq, Eq)]
pub struct Redriven {
    pub delivered: u32,
    /// They failed again, and are in the file again.
    pub put_back: u32,
    /// Lines that are no letters. They stay in the file at `taken`, with `.bad` as its extension.
    pub damaged: u32,
}

/// Moves the file to `taken`, and sends each of its messages. If the program ends in the middle, the next run begins with
/// the same file, so some messages are sent twice.
///
/// # Errors
/// Returns an error if a file cannot be moved, read or written.
pub async fn redrive(uplink: &Uplink, taken: &Path) -> io::Result<Redriven> {
    let file = uplink.letters().sink();
    if !taken.exists() {
        tokio::task::block_in_place(|| file.rotate(taken))?;
    }
    let mut redriven = Redriven { delivered: 0, put_back: 0, damaged: 0 };
    for stored in JsonLinesReader::<Message>::open(taken)? {
        match stored {
            Err(_) => redriven.damaged += 1,
            Ok(stored) if uplink.send_again(&stored.letter.payload).await.is_ok() => redriven.delivered += 1,
            Ok(stored) => {
                tokio::task::block_in_place(|| file.requeue(stored)).map_err(io::Error::other)?;
                redriven.put_back += 1;
            }
        }
    }
    match redriven.damaged {
        0 => std::fs::remove_file(taken)?,
        _ => std::fs::rename(taken, taken.with_extension("bad"))?,
    }
    Ok(redriven)
}
