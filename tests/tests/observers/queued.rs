//! [`Queued`], which sends events to another thread.

use std::sync::mpsc::TryRecvError;

use retry_core::observe::{Observer, Queued};

use super::{LINES, fails_once};

#[test]
fn events_that_do_not_fit_are_dropped_and_counted_and_no_call_waits() {
    let (queued, events) = Queued::new(7);
    for _ in 0..4 {
        fails_once(&queued); // the queue is not drained, so a call that waits would not end
    }
    assert_eq!(queued.dropped(), 4 * LINES.len() - 7);
    let kept = Vec::from_iter(events.try_iter().map(|event| event.to_string()));
    assert_eq!(kept, Vec::from_iter(LINES.into_iter().chain(LINES).take(7).map(String::from)));

    fails_once(&queued); // there is space again
    assert_eq!(events.try_iter().count(), LINES.len());
    drop(queued);
    assert_eq!(events.try_recv().unwrap_err(), TryRecvError::Disconnected);
}

#[test]
fn without_a_receiver_all_events_are_dropped_and_counted() {
    let (queued, events) = Queued::new(7);
    drop(events);
    fails_once(&(&queued,));
    assert_eq!(queued.dropped(), LINES.len());
}

#[test]
fn several_calls_share_a_queue_and_one_thread_drains_it() {
    let (queued, events) = Queued::new(4 * 100 * LINES.len());
    let drained = std::thread::scope(|scope| {
        let drained = scope.spawn(move || events.iter().count());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| fails_once(&queued)));
            }
        });
        assert_eq!(queued.dropped(), 0);
        drop(queued);
        drained.join().unwrap()
    });
    assert_eq!(drained, 4 * 100 * LINES.len());
}

#[test]
fn an_invalid_capacity_is_an_error() {
    for (capacity, line) in [
        (0, "capacity = 0: must be at least 1"),
        (Queued::MOST + 1, "capacity = 1048577: must be at most 1048576"),
        (usize::MAX, "capacity = 18446744073709551615: must be at most 1048576"),
    ] {
        assert_eq!(Queued::try_new(capacity).unwrap_err().to_string(), line);
    }
    assert!(Queued::new(1).0.is_enabled());
}
