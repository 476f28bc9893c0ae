//! Calls that did not succeed, kept until someone reads them: so many, and the rest is counted as lost.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use retry_core::{CallEnd, Event, EventKind, Observer};

use crate::watch::COUNTERS;

const CAPACITY: usize = 64;
const READ_AT_ONCE: usize = 8;

static LETTERS: Mutex<VecDeque<Event>> = Mutex::new(VecDeque::new());

/// Keeps the end of each call that gave up or was rejected, and says whether there was room for it.
pub(crate) struct DeadLetters;

impl Observer for DeadLetters {
    fn observe(&self, event: &Event) {
        if let EventKind::Ended { end: CallEnd::GaveUp(_) | CallEnd::Rejected, .. } = event.kind {
            let mut letter = *event;
            letter.kind = EventKind::DeadLettered { kept: keep(*event) };
            COUNTERS.observe(&letter);
        }
    }
}

/// The lock is held for a push or a few pops, so that a call never waits for long.
fn keep(letter: Event) -> bool {
    let mut letters = LETTERS.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = letters.len() < CAPACITY;
    if kept {
        letters.push_back(letter);
    }
    kept
}

/// Someone who reads a few of them every second.
pub(crate) async fn read_now_and_then() {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut letters = LETTERS.lock().unwrap_or_else(PoisonError::into_inner);
        let read = letters.len().min(READ_AT_ONCE);
        letters.drain(..read);
    }
}
