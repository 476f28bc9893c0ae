//! Limits: letters of refused calls per second and in bytes, and the size of a queue in memory. What is left out or
//! dropped is counted and told.

use std::cell::RefCell;
use std::time::Duration;

use retry_core::{
    CircuitConfig, Class, Error, GiveUp, Instant, Policy, Retry, SharedCircuit,
    circuit::CountWindow,
    dead_letter::{
        DeadLetter, DeadLetterQueue, FixedDeadLetterQueue, JsonLinesSink, LetterOutcome, OnDisk, OrElse,
        Reason, RejectedLimit, WhenFull,
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
        (2_000, 3, 0, false), // the clock steps back: time stands still
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
