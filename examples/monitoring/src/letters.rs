//! Writes that did not succeed: kept, and sent again by and by.

use core::time::Duration;

use retry_core::dead_letter::{FixedDeadLetterQueue, WhenFull};

use crate::callers::Caller;

/// What a write was to deliver: so many of a thing. There is room for 64; more are refused, and counted as lost.
pub(crate) static LETTERS: FixedDeadLetterQueue<u32, 64> = FixedDeadLetterQueue::new(WhenFull::Refuse);

const AT_ONCE: usize = 8;

/// Sends a few of them again every second, for ever.
pub(crate) async fn send_again(caller: Caller) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..AT_ONCE {
            let Some(letter) = LETTERS.pop() else { break };
            if !caller.write_again(letter.payload).await {
                // It keeps its place; if it is full by now, it is counted.
                let _ = LETTERS.requeue(letter);
                break;
            }
        }
    }
}
