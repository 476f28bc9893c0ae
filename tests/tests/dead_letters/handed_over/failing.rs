//! Sinks that fail. The letter goes to the next sink, or its loss is reported. The call ends in the same way.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use retry_core::{
    Class, Policy, Retry,
    dead_letter::{
        Counted, DeadLetter, DeadLetterQueue, DeadLetterSink, LetterContext, OrElse, Reason, WhenFull,
        sink_fn,
    },
    testing::FakeClock,
};

use super::Seen;

type Letter = DeadLetter<String>;

/// A sink that panics while it owns the letter.
struct Careless;

impl<T, E> DeadLetterSink<T, E> for Careless {
    fn accept(&self, _: DeadLetter<T>, _: &LetterContext<'_, E>) -> Result<(), DeadLetter<T>> {
        panic!("a bug in the sink")
    }
}

/// Makes one call that gives up and leaves a dead letter. Returns what the observer saw of the letter.
fn give_up(sink: &(impl DeadLetterSink<String, Class> + ?Sized)) -> Vec<bool> {
    let (clock, seen) = (FakeClock::new(), Seen::default());
    let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.write").observe(&seen);
    let blocking = retry
        .dead_letters(sink)
        .payload(|| "7 apples".to_owned())
        .run_blocking(|| Err::<(), _>(Class::Network))
        .unwrap_err();
    let future = retry
        .dead_letters(sink)
        .payload(|| "3 pears".to_owned())
        .run(|| async { Err::<(), _>(Class::Network) });
    let asynchronous = clock.run(future).unwrap_err();
    for error in [blocking, asynchronous] {
        assert!(error.is_exhausted());
        assert_eq!((error.context().attempt, error.into_inner()), (3, Some(Class::Network)));
    }
    seen.kept()
}

fn payloads(queue: &DeadLetterQueue<String>) -> Vec<String> {
    queue.drain().into_iter().map(|letter| letter.payload).collect()
}

#[test]
fn a_handler_returns_whether_it_kept_the_letter() {
    let rest = || DeadLetterQueue::new(8, WhenFull::Refuse);
    let nothing = |_: &Letter, _: &LetterContext<'_, Class>| ();
    let yes = |_: &Letter, _: &LetterContext<'_, Class>| true;
    let no = |_: &Letter, _: &LetterContext<'_, Class>| false;
    let error = |_: &Letter, _: &LetterContext<'_, Class>| Err::<(), _>("disk full");
    let panic = |_: &Letter, _: &LetterContext<'_, Class>| -> bool { panic!("a bug in the handler") };
    let kept: [&dyn DeadLetterSink<String, Class>; 2] = [&nothing, &yes];
    let not: [&dyn DeadLetterSink<String, Class>; 4] = [&no, &error, &panic, &()];
    for sink in kept {
        let rest = rest();
        assert_eq!(give_up(&OrElse::new(sink, &rest)), [true, true]);
        assert!(rest.is_empty());
    }
    for sink in not {
        let rest = rest();
        assert_eq!(give_up(&OrElse::new(sink, &rest)), [true, true]);
        assert_eq!(payloads(&rest), ["7 apples", "3 pears"]);
        // Without another sink, the loss is reported.
        assert_eq!(give_up(&OrElse::new(sink, &())), [false, false]);
    }
}

#[test]
fn a_handler_gets_the_letter_and_its_context() {
    let clock = FakeClock::new();
    let told = Cell::new(0);
    let handler = |letter: &DeadLetter<u32>, about: &LetterContext<'_, &str>| {
        assert_eq!((letter.operation.as_str(), letter.key.as_str()), ("stock.write", "eu"));
        assert_eq!((letter.class, letter.attempts, letter.payload), (Some(Class::Network), 3, 7));
        assert_eq!(letter.elapsed.unwrap().as_millis(), 300);
        assert_eq!(letter.reason.to_string(), "gave up: no attempts left");
        assert_eq!(about.error.cause(), Some(&retry_core::Cause::Failed("refused")));
        assert_eq!(about.metadata, [("tenant", "north"), ("shard", "12")]);
        told.set(told.get() + 1);
    };
    let retry = Retry::new(&Policy::DEFAULT, &clock).classify(|_: &&str| Class::Network);
    let retry = retry.named("stock.write").keyed("eu");
    let call = retry.on_dead_letter(&handler).metadata(&[("tenant", "north"), ("shard", "12")]).payload(|| 7);
    let error = call.run_blocking(|| Err::<(), _>("refused")).unwrap_err();
    assert_eq!((told.get(), error.into_inner()), (1, Some("refused")));
}

#[test]
fn a_letter_in_a_panicking_sink_is_lost_and_counted() {
    let rest = DeadLetterQueue::new(8, WhenFull::Refuse);
    let forward = sink_fn(|_: Letter| -> Result<(), Letter> { panic!("a bug in the handler") });
    let careless: [&dyn DeadLetterSink<String, Class>; 2] = [&Careless, &forward];
    for sink in careless {
        assert_eq!(give_up(sink), [false, false]);
        assert_eq!((give_up(&OrElse::new(sink, &rest)), rest.len()), (vec![false, false], 0));
    }
    let counted = Counted::new(Careless);
    assert_eq!(give_up(&counted), [false, false]);
    assert_eq!((counted.kept(), counted.returned(), counted.panicked()), (0, 0, 2));

    let handler =
        Counted::new(|_: &Letter, _: &LetterContext<'_, Class>| -> bool { panic!("a bug in the handler") });
    assert_eq!(give_up(&handler), [false, false]);
    assert_eq!((handler.kept(), handler.returned(), handler.panicked()), (0, 2, 0));
}

#[test]
fn a_panic_payload_that_panics_when_dropped_changes_nothing_else() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("dropped");
            }
        }
    }
    let handler =
        |_: &Letter, _: &LetterContext<'_, Class>| -> bool { std::panic::panic_any(Mutex::new(Bomb)) };
    assert_eq!(catch_unwind(AssertUnwindSafe(|| give_up(&handler))).unwrap(), [false, false]);
}

#[test]
fn a_payload_that_panics_loses_the_letter_and_changes_nothing_else() {
    let (clock, seen) = (FakeClock::new(), Seen::default());
    let letters = DeadLetterQueue::<u32>::new(8, WhenFull::Refuse);
    let retry = Retry::new(&Policy::DEFAULT, &clock).observe(&seen);
    let call = retry.dead_letters(&letters).payload(|| panic!("a bug in the payload"));
    assert!(call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_exhausted());
    assert_eq!((seen.kept(), letters.len()), (vec![false], 0));
}

#[test]
fn behind_a_channel_a_handler_that_never_ends_delays_no_call() {
    let (send, letters) = sync_channel::<Letter>(2);
    let (block, blocked) = sync_channel::<()>(0);
    let sink = Counted::new(send);
    let spill = DeadLetterQueue::new(1, WhenFull::DropOldest);
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let first = letters.recv().unwrap();
            let _ = blocked.recv(); // hangs until the end of the test
            (first.payload, letters.iter().count())
        });
        // The channel holds two letters, and the worker has one or none. The others go to the queue, which keeps the
        // last.
        let both = OrElse::new(&sink, &spill);
        for _ in 0..4 {
            // A letter that the queue drops is told as lost.
            assert_eq!(give_up(&both).into_iter().filter(|kept| *kept).count(), 2);
        }
        let returned = sink.returned();
        assert!((5..=6).contains(&returned), "{returned}");
        assert_eq!((sink.kept(), sink.kept() + returned), (8 - returned, 8));
        assert_eq!((spill.len(), spill.lost()), (1, returned - 1));
        let kept = sink.kept();
        drop(sink);
        drop(block);
        let (first, others) = worker.join().unwrap();
        assert_eq!((first.as_str(), 1 + others), ("7 apples", kept));
    });
}

#[test]
fn a_channel_without_a_receiver_returns_letters() {
    let (send, letters) = sync_channel::<Letter>(2);
    drop(letters);
    assert_eq!(give_up(&send), [false, false]);
    let spill = DeadLetterQueue::new(8, WhenFull::Refuse);
    assert_eq!(give_up(&OrElse::new(&send, &spill)), [true, true]);
    assert_eq!(spill.pop().unwrap().reason, Reason::GaveUp(retry_core::GiveUp::Attempts));
}
