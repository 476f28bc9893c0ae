//! Asynchronous handlers.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use retry_core::{
    Class, Policy, Retry,
    dead_letter::{
        DeadLetter, DeadLetterQueue, FixedDeadLetterQueue, LetterContext, Reason, ReasonSet, WhenFull,
        sink_fn,
    },
    runtime::Sleep,
    testing::FakeClock,
};

use super::Seen;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_call_waits_for_the_handler() {
    let (clock, seen) = (FakeClock::new(), Seen::default());
    let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&seen);
    let sent = RefCell::new(Vec::new());
    let (clock, to) = (&clock, &sent);
    let send = |letter: DeadLetter<u32>, about: &LetterContext<'_, Class>| {
        let error = about.error.to_string(); // copied, because the future cannot borrow it
        async move {
            clock.sleep(SECOND).await;
            to.borrow_mut().push((letter.payload, error));
            Ok(())
        }
    };
    let call =
        retry.send_dead_letters(&send, &()).payload(|| 7).run(|| async { Err::<(), _>(Class::Network) });
    assert!(clock.run(call).unwrap_err().is_exhausted());
    assert_eq!(clock.now().as_millis(), 300 + 1_000);
    assert_eq!(
        sent.into_inner(),
        [(7, "gave up after attempt 3 of 3, 300 ms (Network): no attempts left".to_owned())]
    );
    assert_eq!(seen.kept(), [true]);
}

#[test]
fn a_letter_that_a_handler_returns_goes_to_the_sink() {
    let clock = FakeClock::new();
    let send = |letter: DeadLetter<u32>, _: &LetterContext<'_, Class>| async move { Err(letter) };
    for (capacity, kept) in [(8, true), (0, false)] {
        let seen = Seen::default();
        let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&seen);
        let later = DeadLetterQueue::new(capacity, WhenFull::Refuse);
        let call = retry
            .send_dead_letters(&send, &later)
            .payload(|| 7)
            .run(|| async { Err::<(), _>(Class::Network) });
        assert!(clock.run(call).is_err());
        assert_eq!((seen.kept(), later.len()), (vec![kept], usize::from(kept)));
    }
}

/// Panics when it is dropped, unless the thread already panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a bug in the handler");
    }
}

#[test]
fn a_future_that_panics_when_it_is_dropped_changes_only_the_event() {
    let clock = FakeClock::new();
    let hangs = |_: DeadLetter<()>, _: &LetterContext<'_, Class>| {
        let (clock, bomb) = (&clock, Bomb);
        async move {
            let _bomb = &bomb;
            clock.sleep(Duration::MAX).await;
            Ok(())
        }
    };
    // Not an `async` block, because that drops its values when it ends.
    let ends = |_: DeadLetter<()>, _: &LetterContext<'_, Class>| {
        let bomb = Bomb;
        poll_fn(move |_| {
            let _bomb = &bomb;
            Poll::Ready(Ok(()))
        })
    };
    let seen = Seen::default();
    let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&seen);
    let operation = || async { Err::<(), _>(Class::Network) };
    let call = retry.send_dead_letters(&hangs, &()).delivery_timeout(SECOND).run(operation);
    assert!(clock.run(call).unwrap_err().is_exhausted());
    assert!(clock.run(retry.send_dead_letters(&ends, &()).run(operation)).unwrap_err().is_exhausted());
    assert_eq!(seen.kept(), [false, true]);
}

#[test]
fn a_handler_that_panics_at_once_or_later_changes_only_the_event() {
    let clock = FakeClock::new();
    let at_once = |letter: DeadLetter<()>, _: &LetterContext<'_, Class>| {
        if letter.attempts > 0 {
            panic!("a bug in the handler");
        }
        async { Ok(()) }
    };
    let later = |_: DeadLetter<()>, _: &LetterContext<'_, Class>| async {
        (&clock).sleep(SECOND).await;
        panic!("a bug in the handler")
    };
    let seen = Seen::default();
    let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&seen);
    let operation = || async { Err::<(), _>(Class::Network) };
    assert!(clock.run(retry.send_dead_letters(&at_once, &()).run(operation)).unwrap_err().is_exhausted());
    assert!(clock.run(retry.send_dead_letters(&later, &()).run(operation)).unwrap_err().is_exhausted());
    assert_eq!(seen.kept(), [false, false]);
}

#[test]
fn a_call_that_is_dropped_while_its_letter_is_sent_reports_the_loss() {
    let (clock, seen) = (FakeClock::new(), Seen::default());
    let retry = Retry::new(&const { Policy::DEFAULT.max_attempts(1) }, &clock).observe(&seen);
    let never = |letter: DeadLetter<()>, _: &LetterContext<'_, Class>| async move {
        poll_fn(|_| Poll::<()>::Pending).await;
        Err(letter)
    };
    {
        let mut call =
            pin!(retry.send_dead_letters(&never, &()).run(|| async { Err::<(), _>(Class::Network) }));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(seen.kept().is_empty());
    }
    assert_eq!(seen.kept(), [false]);
}

#[test]
fn a_handler_that_takes_too_long_is_dropped_and_its_letter_is_lost() {
    let clock = FakeClock::new();
    let attempts = 300; // the attempts of a call, in milliseconds
    #[rustfmt::skip]
    let table = [
        // time of the handler, its limit, kept, end of the call
        (SECOND,          None,               true,  attempts + 1_000),
        (SECOND,          Some(2 * SECOND),   true,  attempts + 1_000),
        (SECOND,          Some(SECOND),       true,  attempts + 1_000), // both end at the same time
        (2 * SECOND,      Some(SECOND),       false, attempts + 1_000),
        (Duration::MAX,   Some(SECOND),       false, attempts + 1_000),
        (Duration::ZERO,  Some(Duration::ZERO), true, attempts),
        (SECOND,          Some(Duration::ZERO), false, attempts),
    ];
    for (takes, may_take, kept, ends_at) in table {
        let seen = Seen::default();
        let (clock, start) = (&clock, clock.now());
        let retry = Retry::new(&Policy::DEFAULT, clock).observe(&seen);
        let rest = DeadLetterQueue::new(8, WhenFull::Refuse);
        let slow = |_: DeadLetter<u32>, _: &LetterContext<'_, Class>| async move {
            clock.sleep(takes).await;
            Ok(())
        };
        let mut call = retry.send_dead_letters(&slow, &rest).payload(|| 7);
        if let Some(limit) = may_take {
            call = call.delivery_timeout(limit);
        }
        assert!(clock.run(call.run(|| async { Err::<(), _>(Class::Network) })).unwrap_err().is_exhausted());
        assert_eq!((seen.kept(), rest.len()), (vec![kept], 0), "{takes:?} {may_take:?}");
        assert_eq!(clock.now().since(start).as_millis(), ends_at, "{takes:?} {may_take:?}");
    }
}

#[test]
fn a_stopped_call_leaves_a_letter_only_if_configured() {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let letters = DeadLetterQueue::new(8, WhenFull::Refuse);
    let stop = || (&clock).sleep(Duration::from_millis(150));
    for (only, left) in [(ReasonSet::DEFAULT, 0), (ReasonSet::ALL, 1)] {
        let call = retry.until(stop()).dead_letters(&letters).only(only);
        let outcome = clock.run(call.run(|| async { Err::<(), _>(Class::Network) }));
        assert!(outcome.unwrap_err().is_cancelled());
        assert_eq!(letters.len(), left);
    }
    assert_eq!(letters.pop().unwrap().reason, Reason::Cancelled);
}

#[test]
fn an_operation_with_progress_can_leave_a_letter() {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let letters = DeadLetterQueue::new(8, WhenFull::Refuse);
    let told = Cell::new(0);
    let tell = |attempt| told.set(told.get() * 10 + attempt);
    let call = retry.dead_letters(&letters).run_with(|now, _| {
        tell(now.attempt);
        async { Err::<(), _>(Class::Network) }
    });
    assert!(clock.run(call).is_err());
    let never = poll_fn(|_| Poll::<()>::Pending);
    let call = retry.until(never).dead_letters(&letters).run_with(|now, _| {
        tell(now.attempt);
        async { Err::<(), _>(Class::Network) }
    });
    assert!(clock.run(call).is_err());
    let call = retry.dead_letters(&letters);
    let outcome = call.run_blocking_with(|now, last| {
        tell(now.attempt);
        if last.is_some() { Ok(()) } else { Err(Class::Network) }
    });
    assert!(outcome.is_ok());
    assert_eq!((told.get(), letters.len()), (12_312_312, 2));
}

static LETTERS: FixedDeadLetterQueue<usize, 1_000> = FixedDeadLetterQueue::new(WhenFull::Refuse);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_of_many_tasks_go_to_a_tokio_channel_and_to_a_static() {
    const POLICY: Policy = Policy::fixed(Duration::ZERO);
    let (send, mut receive) = tokio::sync::mpsc::channel::<DeadLetter<usize>>(100);
    let tasks: Vec<_> = (0..200)
        .map(|task| {
            let send = send.clone();
            tokio::spawn(async move {
                let retry = retry_tokio::retry(&POLICY);
                let channel = sink_fn(|letter| send.try_send(letter).map_err(|error| error.into_inner()));
                let both = retry_core::dead_letter::OrElse::new(&channel, &LETTERS);
                let call = retry.dead_letters(&both).payload(|| task);
                call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err()
            })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().is_exhausted());
    }
    drop(send);
    let mut payloads =
        LETTERS.with(|letters| letters.pop_each().map(|letter| letter.payload).collect::<Vec<_>>());
    assert_eq!(payloads.len(), 100);
    while let Some(letter) = receive.recv().await {
        payloads.push(letter.payload);
    }
    payloads.sort_unstable();
    assert_eq!(payloads, (0..200).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_asynchronous_handler_may_run_in_a_task() {
    let (send, mut receive) = tokio::sync::mpsc::channel::<DeadLetter<u32>>(1);
    let task = tokio::spawn(async move {
        let handler = |letter, _: &LetterContext<'_, Class>| {
            let send = send.clone();
            async move { send.send(letter).await.map_err(|error| error.0) }
        };
        let retry = retry_tokio::retry(&const { Policy::fixed(Duration::ZERO) });
        for order in 0..10_u32 {
            let call = retry.send_dead_letters(&handler, &()).payload(|| order);
            call.run(|| async { Err::<(), _>(Class::Network) }).await.unwrap_err();
        }
    });
    // The channel holds one letter. The calls wait for it, and no letter is lost.
    for order in 0..10 {
        assert_eq!(receive.recv().await.unwrap().payload, order);
    }
    task.await.unwrap();
}

#[tokio::test]
async fn a_call_with_an_error_that_is_not_sync_can_be_spawned() {
    let task = tokio::spawn(async {
        let retry = retry_tokio::retry(&const { Policy::fixed(Duration::ZERO) });
        let retry = retry.classify_opaque(|_: &Cell<u8>| Class::Network);
        let letters = DeadLetterQueue::new(8, WhenFull::Refuse);
        let operation = || async { Err::<(), _>(Cell::new(7)) };
        let refuse = |letter: DeadLetter<u32>, _: &LetterContext<'_, Cell<u8>>| async move { Err(letter) };
        retry.dead_letters(&letters).payload(|| 1).run(operation).await.unwrap_err();
        let call = retry.send_dead_letters(&refuse, &letters).delivery_timeout(SECOND).payload(|| 2);
        call.run(operation).await.unwrap_err();
        letters.drain().into_iter().map(|letter| letter.payload).collect::<Vec<_>>()
    });
    assert_eq!(task.await.unwrap(), [1, 2]);
}
