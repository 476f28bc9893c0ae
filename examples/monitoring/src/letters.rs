//! Dead letters: failed writes are kept, and sent again later.

use core::time::Duration;

use retry_core::dead_letter::{FixedDeadLetterQueue, WhenFull};

use crate::callers::Caller;

/// The dead letters of failed writes. The queue keeps 64 letters. If it is full, it refuses further letters, which are
/// then counted as lost.
pub(crate) static LETTERS: FixedDeadLetterQueue<u32, 64> = FixedDeadLetterQueue::new(WhenFull::Refuse);

const AT_ONCE: usize = 8;

/// Sends up to eight letters again every second.
pub(crate) async fn send_again(caller: Caller) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..AT_ONCE {
            let Some(letter) = LETTERS.pop() else { break };
            if !caller.write_again(letter.payload).await {
                // The letter is the oldest again. If the queue is full by now, it counts the letter as refused.
                let _ = LETTERS.requeue(letter);
                break;
            }
        }
    }
}
