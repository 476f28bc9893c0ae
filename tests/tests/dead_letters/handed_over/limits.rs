//! Limits: letters of refused calls per second and in bytes, and the size of a queue in memory. What is left out or
//! dropped is counted and told.

use std::cell::RefCell;
use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, Error, GiveUp, Instant, Policy, Retry, SharedCircuit,
    circuit::CountWindow,
    dead_letter::{
        DeadLetter, DeadLetterQueue, DeadLetterSink, FixedDeadLetterQueue, JsonLinesError, JsonLinesSink,
        LetterContext, LetterOutcome, Limited, OnDisk, OrElse, Reason, RejectedLimit, WhenFull,
    },
    observe::{EventKind, OperationMetrics, observer_fn},
    runtime::LocalLock,
    testing::FakeClock,
};

fn file(test: &str, limit: RejectedLimit) -> JsonLinesSink {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("limits-{test}.jsonl"));
    let _ = std::fs::remove_file(&path);
    JsonLinesSink::open(path).unwrap().on_disk(OnDisk::WhenTold).rejected_limit(limit)
}

#[test]
fn refused_calls_leave_so_many_letters_per_second_and_the_rest_are_counted() {
    // The time in milliseconds, how many calls are refused then, how many leave a letter, and whether a log is told.
    let script = [
        (0, 12, 10, true),  // a burst of a second
        (100, 5, 1, false), // a tenth of a second brings one more
        (1_000, 20, 9, false),
        (1_100, 1, 1, false),
        (3_000, 3, 3, false), // calm again
        (3_000, 9, 7, true),
        (2_900, 1, 0, false), // a small step back: time stands still, so that none is earned twice
        (3_000, 1, 0, false),
        (2_950, 1, 0, false),
        (3_100, 3, 1, false),
        (2_000, 3, 0, false), // a step back by more than a second: time goes on from there
        (2_500, 9, 5, false),
        (9_000, 10, 10, false),
        (9_000, 1, 0, true),
    ];
    let letters = file("per_second", RejectedLimit::new(10, u64::MAX));
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    let _ = circuit.force_open(Instant::ORIGIN);
    let (mut kept, mut left_out) = (0, 0);
    for (at, refused, leave, told) in script {
        let clock = FakeClock::new();
        clock.advance(Duration::from_millis(at));
        let firsts = RefCell::new(Vec::new());
        let rest = DeadLetterQueue::new(1_000, WhenFull::Refuse);
        let both = OrElse::new(&letters, &rest);
        let retry = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).on_event(|event| {
            if let EventKind::DeadLetterLeftOut { first } = event.kind {
                firsts.borrow_mut().push(first);
            }
        });
        let payloads = std::cell::Cell::new(0);
        let outcomes: Vec<_> = (0..refused)
            .map(|_| {
                let call = retry.dead_letters(&both).payload(|| payloads.set(payloads.get() + 1));
                call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().letter().unwrap()
            })
            .collect();
        kept += leave;
        left_out += refused - leave;
        let expected = |n| if n < leave { LetterOutcome::Kept } else { LetterOutcome::LeftOut };
        assert_eq!(outcomes, (0..refused).map(expected).collect::<Vec<_>>(), "at {at} ms");
        assert_eq!(payloads.get(), leave, "the payload is only made for a letter that is taken");
        assert_eq!(firsts.borrow().len(), (refused - leave) as usize);
        assert_eq!(firsts.borrow().iter().filter(|first| **first).count(), usize::from(told), "at {at} ms");
        assert!(firsts.borrow().first().is_none_or(|first| *first == told));
        assert!(rest.is_empty(), "a letter that is left out does not go to the next sink");
    }
    assert_eq!((letters.kept(), letters.left_out(), letters.failed()), (kept as u64, left_out as u64, 0));
}

/// Makes calls that the circuit refuses, and others that give up. Returns what became of their letters.
fn outage(letters: &JsonLinesSink, calls: u32) -> (Vec<LetterOutcome>, Vec<LetterOutcome>) {
    let clock = FakeClock::new();
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    let _ = circuit.force_open(Instant::ORIGIN);
    let refused = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit);
    let gives_up = Retry::new(&Policy::DEFAULT, &clock);
    let outcome = |error: Error<Class>| error.letter().unwrap();
    let refused =
        |_| refused.dead_letters(letters).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    let gives_up =
        |_| gives_up.dead_letters(letters).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    ((0..calls).map(refused).map(outcome).collect(), (0..calls).map(gives_up).map(outcome).collect())
}

#[test]
fn refused_calls_fill_so_many_bytes_of_a_file_and_other_letters_are_not_limited() {
    let letters = file("bytes", RejectedLimit::new(u32::MAX, 1_000));
    let (refused, gave_up) = outage(&letters, 50);
    let kept = refused.iter().filter(|outcome| **outcome == LetterOutcome::Kept).count();
    let text = std::fs::read_to_string(letters.path()).unwrap();
    let bytes: usize = text.lines().filter(|line| line.contains("rejected")).map(|line| line.len() + 1).sum();
    // The letter that reaches the limit is the last one.
    assert!((1_000..1_500).contains(&bytes) && kept < 10, "{kept} letters, {bytes} bytes");
    assert!(gave_up.iter().all(|outcome| *outcome == LetterOutcome::Kept));
    assert_eq!((letters.left_out(), letters.kept()), (50 - kept as u64, 50 + kept as u64));
    // A new file has room again.
    let taken = letters.path().with_extension("taken");
    let _ = std::fs::remove_file(&taken);
    letters.rotate(taken).unwrap();
    assert_eq!(outage(&letters, 1).0, [LetterOutcome::Kept]);
}

#[test]
fn the_limit_can_be_lifted_and_letters_of_refused_calls_can_be_turned_off() {
    for (limit, outcome, kept) in [
        (RejectedLimit::UNLIMITED, LetterOutcome::Kept, 600),
        (RejectedLimit::OFF, LetterOutcome::LeftOut, 300),
    ] {
        let letters = file("off", limit);
        let (refused, gave_up) = outage(&letters, 300);
        assert!(refused.iter().all(|each| *each == outcome));
        assert!(gave_up.iter().all(|each| *each == LetterOutcome::Kept));
        assert_eq!(letters.kept(), kept);
    }
    let letters = file("default", RejectedLimit::DEFAULT);
    assert_eq!(outage(&letters, 300).0.iter().filter(|each| **each == LetterOutcome::Kept).count(), 100);
}

#[test]
fn letters_that_are_left_out_are_counted_by_metrics() {
    static STOCK: OperationMetrics = OperationMetrics::new("stock");
    let letters = file("metrics", RejectedLimit::new(2, u64::MAX));
    let clock = FakeClock::new();
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    let _ = circuit.force_open(Instant::ORIGIN);
    let stock = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).observe(&STOCK);
    for _ in 0..5 {
        let _ = stock.dead_letters(&letters).run_blocking(|| Err::<(), _>(Class::Network));
    }
    let counts = STOCK.snapshot();
    assert_eq!(
        (counts.dead_letters_kept(), counts.dead_letters_lost(), counts.dead_letters_left_out()),
        (2, 0, 3)
    );
}

/// Makes calls that the circuit refuses, and returns what became of their letters.
fn refused<S: DeadLetterSink<u32, Class> + ?Sized>(sink: &S, calls: u32) -> Vec<LetterOutcome> {
    let clock = FakeClock::new();
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    let _ = circuit.force_open(Instant::ORIGIN);
    let told = RefCell::new(Vec::new());
    let retry = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit).on_event(|event| match event.kind {
        EventKind::DeadLettered { kept: true } => told.borrow_mut().push(LetterOutcome::Kept),
        EventKind::DeadLettered { kept: false } => told.borrow_mut().push(LetterOutcome::Lost),
        EventKind::DeadLetterLeftOut { .. } => told.borrow_mut().push(LetterOutcome::LeftOut),
        _ => {}
    });
    let call = |number| {
        let call = retry.dead_letters(sink).payload(|| number);
        call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().letter().unwrap()
    };
    let outcomes: Vec<_> = (0..calls).map(call).collect();
    assert_eq!(told.into_inner(), outcomes, "the observer is told the same");
    outcomes
}

/// How many letters were kept, left out and lost.
fn counted(outcomes: &[LetterOutcome]) -> [usize; 3] {
    let count = |which| outcomes.iter().filter(|outcome| **outcome == which).count();
    [count(LetterOutcome::Kept), count(LetterOutcome::LeftOut), count(LetterOutcome::Lost)]
}

#[test]
fn each_sink_limits_the_letters_that_another_one_returns() {
    let limit = RejectedLimit::new(2, u64::MAX);
    // A queue that is full, and then a file.
    let (full, second) = (DeadLetterQueue::new(3, WhenFull::Refuse), file("second", limit));
    assert_eq!(counted(&refused(&OrElse::new(&full, &second), 10)), [5, 5, 0]);
    assert_eq!((full.len(), second.kept(), second.left_out(), second.failed()), (3, 2, 5, 0));
    // What one sink leaves out does not go to a third one, however they are put together.
    for left_first in [true, false] {
        let (none, second) = (DeadLetterQueue::new(0, WhenFull::Refuse), file("third", limit));
        let third = DeadLetterQueue::new(10, WhenFull::Refuse);
        let outcomes = match left_first {
            true => refused(&OrElse::new(&OrElse::new(&none, &second), &third), 10),
            false => refused(&OrElse::new(&none, &OrElse::new(&second, &third)), 10),
        };
        assert_eq!((counted(&outcomes), third.len()), ([2, 8, 0], 0));
    }
    // A letter that the second sink takes and cannot keep is lost, and not left out.
    let (none, none_either) =
        (DeadLetterQueue::new(0, WhenFull::Refuse), DeadLetterQueue::new(0, WhenFull::Refuse));
    assert_eq!(counted(&refused(&OrElse::new(&none, &none_either), 3)), [0, 0, 3]);
}

#[test]
fn letters_that_an_asynchronous_handler_returns_are_limited_by_the_sink_that_gets_them() {
    let letters = file("by_future", RejectedLimit::new(2, u64::MAX));
    let clock = FakeClock::new();
    let circuit = SharedCircuit::<CountWindow<20>, LocalLock>::with_window(CircuitConfig::DEFAULT);
    let _ = circuit.force_open(Instant::ORIGIN);
    let retry = Retry::new(&Policy::DEFAULT, &clock).circuit(&circuit);
    let fails = |letter: DeadLetter<()>, _: &LetterContext<'_, Class>| async move { Err(letter) };
    let call = |_| {
        let call = retry.send_dead_letters(&fails, &letters);
        clock.run(call.run(|| async { Err::<(), _>(Class::Network) })).unwrap_err().letter().unwrap()
    };
    assert_eq!(counted(&(0..5).map(call).collect::<Vec<_>>()), [2, 3, 0]);
    assert_eq!((letters.kept(), letters.left_out()), (2, 3));
}

#[test]
fn a_handler_that_appends_to_a_file_is_limited_too() {
    let letters = file("append", RejectedLimit::new(2, u64::MAX));
    let handler = |letter: &DeadLetter<u32>, context: &LetterContext<'_, Class>| {
        let appended = letters.append(letter, context);
        assert!(matches!(appended, Ok(()) | Err(JsonLinesError::LeftOut)), "{appended:?}");
        appended
    };
    assert_eq!(counted(&refused(&handler, 5)), [2, 3, 0]);
    assert_eq!((letters.kept(), letters.left_out(), letters.failed()), (2, 3, 0));
    // If it keeps the letter elsewhere then, the letter is kept.
    let elsewhere = |letter: &DeadLetter<u32>, context: &LetterContext<'_, Class>| {
        letters.append(letter, context).unwrap_err();
    };
    assert_eq!(counted(&refused(&elsewhere, 5)), [5, 0, 0]);
    let left_out = JsonLinesError::LeftOut.to_string();
    assert_eq!(left_out, "left out, because more calls were refused than the limit allows");
    // What is put back is not a new letter, so it is not limited.
    let again = DeadLetter::new(Reason::Rejected, 7);
    (0..9).for_each(|_| letters.store(again).unwrap());
    assert_eq!((letters.kept(), letters.left_out()), (11, 8));
}

#[test]
fn queues_and_any_other_sink_have_a_limit() {
    let queue = DeadLetterQueue::new(1_000, WhenFull::DropOldest);
    assert_eq!(counted(&refused(&queue, 300)), [100, 200, 0]);
    assert_eq!((queue.len(), queue.left_out(), queue.lost(), queue.refused()), (100, 200, 0, 0));
    (0..300).for_each(|number| queue.push(DeadLetter::new(Reason::Rejected, number)).unwrap());
    assert_eq!(queue.len(), 400, "a push by hand is not limited");
    for (limit, expected) in [
        (RejectedLimit::UNLIMITED, [300, 0, 0]),
        (RejectedLimit::new(7, 1), [7, 293, 0]),
        (RejectedLimit::OFF, [0, 300, 0]),
    ] {
        let queue = DeadLetterQueue::new(1_000, WhenFull::Refuse).rejected_limit(limit);
        assert_eq!(counted(&refused(&queue, 300)), expected);
        let fixed = FixedDeadLetterQueue::<u32, 500, LocalLock>::with_lock(WhenFull::Refuse);
        let limited = Limited::<_, LocalLock>::with_lock(fixed, limit);
        assert_eq!(counted(&refused(&limited, 300)), expected);
        assert_eq!((limited.left_out(), limited.sink().len()), (expected[1] as u64, expected[0]));
    }
    // Both limits hold, and letters for other reasons are not limited.
    let queue = DeadLetterQueue::new(1_000, WhenFull::Refuse).rejected_limit(RejectedLimit::new(5, 1));
    let limited = Limited::new(std::sync::Arc::new(queue), RejectedLimit::new(3, 1));
    assert_eq!(counted(&refused(&limited, 300)), [3, 297, 0]);
    let clock = FakeClock::new();
    let gives_up = Retry::new(&Policy::DEFAULT, &clock);
    for number in 0..50 {
        let call = gives_up.dead_letters(&limited).payload(|| number);
        call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    }
    assert_eq!((limited.sink().len(), limited.left_out(), limited.sink().left_out()), (53, 297, 0));
}

fn letter(payload: String) -> DeadLetter<String> {
    DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload)
}

#[test]
fn a_queue_is_bounded_in_bytes_and_drops_or_refuses_what_is_over() {
    const OWN: usize = size_of::<DeadLetter<String>>();
    let text = |bytes: usize| "x".repeat(bytes);
    let most = 3 * OWN + 3_000;
    for (when_full, lengths, lost, refused) in [
        // Three letters of 1000 bytes fit exactly, and a fourth takes the place of the first.
        (WhenFull::DropOldest, vec![1_000, 1_000, 1_000], 1, 0),
        (WhenFull::Refuse, vec![1_000, 1_000, 1_000], 0, 1),
    ] {
        let queue = DeadLetterQueue::new(100, when_full).max_bytes(most, String::capacity);
        let results: Vec<_> = (0..4).map(|_| queue.push(letter(text(1_000))).is_ok()).collect();
        assert_eq!(results, [true, true, true, when_full == WhenFull::DropOldest]);
        assert_eq!((queue.lost(), queue.refused(), queue.bytes()), (lost, refused, most));
        assert_eq!(queue.drain().iter().map(|letter| letter.payload.len()).collect::<Vec<_>>(), lengths);
        assert_eq!((queue.bytes(), queue.len()), (0, 0));
    }
    let queue = DeadLetterQueue::new(100, WhenFull::DropOldest).max_bytes(most, String::capacity);
    (0..3).for_each(|_| queue.push(letter(text(1_000))).unwrap());
    // One byte too many costs a letter, and a large letter costs several.
    queue.push(letter(text(1_001))).unwrap();
    assert_eq!((queue.len(), queue.lost(), queue.bytes()), (2, 2, 2 * OWN + 2_001));
    queue.push(letter(text(2_500))).unwrap();
    assert_eq!((queue.len(), queue.lost(), queue.bytes()), (1, 4, OWN + 2_500));
    // A letter that never fits is refused, and the others stay.
    assert_eq!(queue.push(letter(text(most))).unwrap_err().payload.len(), most);
    assert_eq!((queue.len(), queue.lost(), queue.refused()), (1, 4, 1));
    // A letter that was popped may find its room taken.
    let popped = queue.pop().unwrap();
    assert_eq!(queue.bytes(), 0);
    queue.push(letter(text(2_600))).unwrap();
    assert_eq!(queue.requeue(popped).unwrap_err().requeued, 0);
    let popped = queue.pop().unwrap();
    queue.requeue(popped).unwrap();
    assert_eq!((queue.bytes(), queue.len(), queue.refused()), (OWN + 2_600, 1, 2));
}

#[test]
fn a_letter_that_is_dropped_to_make_room_is_told() {
    let clock = FakeClock::new();
    let told = RefCell::new(Vec::new());
    let observer = observer_fn(|event| {
        if let EventKind::DeadLettered { .. } = event.kind {
            told.borrow_mut().push(event.to_string());
        }
    });
    let retry = |name| Retry::new(&Policy::DEFAULT, &clock).named(name).observe(&observer);
    let (heap, fixed) = (
        DeadLetterQueue::new(1, WhenFull::DropOldest),
        FixedDeadLetterQueue::<u32, 1, LocalLock>::with_lock(WhenFull::DropOldest),
    );
    for name in ["stock.write", "stock.read"] {
        let _ = retry(name).dead_letters(&heap).payload(|| 7).run_blocking(|| Err::<(), _>(Class::Network));
        let _ = retry(name).dead_letters(&fixed).payload(|| 7).run_blocking(|| Err::<(), _>(Class::Network));
    }
    assert_eq!(
        told.into_inner(),
        [
            "stock.write: dead letter",
            "stock.write: dead letter",
            "stock.write: dead letter lost",
            "stock.read: dead letter",
            "stock.write: dead letter lost",
            "stock.read: dead letter",
        ]
    );
}

#[test]
fn a_caller_learns_what_became_of_its_letter() {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let one = DeadLetterQueue::new(1, WhenFull::Refuse);
    let blocking = || retry.dead_letters(&one).run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err();
    assert_eq!(blocking().letter(), Some(LetterOutcome::Kept));
    assert_eq!(blocking().letter(), Some(LetterOutcome::Lost));
    assert_eq!(blocking().map(|class| class.to_string()).letter(), Some(LetterOutcome::Lost));
    one.drain();
    let future =
        || clock.run(retry.dead_letters(&one).run(|| async { Err::<(), _>(Class::Network) })).unwrap_err();
    assert_eq!(future().letter(), Some(LetterOutcome::Kept));
    assert_eq!(future().letter(), Some(LetterOutcome::Lost));
    // Without a sink, or for a reason that leaves none, there is no letter.
    assert_eq!(retry.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().letter(), None);
    let none = retry.dead_letters(&one).only(retry_core::dead_letter::ReasonSet::NONE);
    assert_eq!(none.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().letter(), None);
}
