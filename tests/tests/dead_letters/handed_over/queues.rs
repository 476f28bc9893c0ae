//! The two queues: they have the same rules, and account for every letter from many threads.

use std::cell::RefCell;

use proptest::prelude::*;
use retry_core::{
    Class, GiveUp, Policy, Retry,
    dead_letter::{DeadLetter, DeadLetterQueue, FixedDeadLetterQueue, Reason, WhenFull},
    runtime::LocalLock,
    testing::FakeClock,
};

const CAPACITY: usize = 4;

fn letter(payload: u32) -> DeadLetter<u32> {
    DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Push,
    Pop,
    Requeue,
    Drain,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn both_queues_behave_the_same_and_account_for_every_letter(
        steps in prop::collection::vec(
            prop_oneof![6 => Just(Step::Push), 3 => Just(Step::Pop), 2 => Just(Step::Requeue), 1 => Just(Step::Drain)],
            0..60,
        ),
        drops: bool,
    ) {
        let when_full = if drops { WhenFull::DropOldest } else { WhenFull::Refuse };
        let fixed = FixedDeadLetterQueue::<u32, CAPACITY>::new(when_full);
        let heap = DeadLetterQueue::new(CAPACITY, when_full);
        let (mut pushed, mut out) = (0, 0);
        let mut taken = None;
        for step in steps {
            match step {
                Step::Push => {
                    pushed += 1;
                    prop_assert_eq!(fixed.push(letter(pushed)), heap.push(letter(pushed)));
                }
                Step::Pop => {
                    out += u32::from(taken.is_some());
                    taken = fixed.pop();
                    prop_assert_eq!(taken, heap.pop());
                }
                Step::Requeue => {
                    if let Some(letter) = taken.take() {
                        prop_assert_eq!(fixed.requeue(letter), heap.requeue(letter));
                    }
                }
                Step::Drain => {
                    let drained = fixed.with(|letters| letters.pop_each().collect::<Vec<_>>());
                    out += drained.len() as u32;
                    prop_assert_eq!(drained, heap.drain());
                }
            }
            prop_assert_eq!(fixed.len(), heap.len());
            prop_assert_eq!((fixed.lost() as usize, fixed.refused() as usize), (heap.lost(), heap.refused()));
            let inside = fixed.len() as u32 + u32::from(taken.is_some());
            prop_assert_eq!(pushed, inside + out + fixed.lost() + fixed.refused());
        }
    }
}

#[test]
fn letters_of_many_threads_are_all_accounted_for() {
    const EACH: u32 = 1_000;
    static FIXED: FixedDeadLetterQueue<u32, 100> = FixedDeadLetterQueue::new(WhenFull::DropOldest);
    static HEAP: DeadLetterQueue<u32> = DeadLetterQueue::new(100, WhenFull::Refuse);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let clock = FakeClock::new();
                let retry = Retry::new(&Policy::DEFAULT, &clock);
                for call in 0..EACH {
                    let operation = || Err::<(), _>(Class::Network);
                    let payload = || thread * EACH + call;
                    retry.dead_letters(&FIXED).payload(payload).run_blocking(operation).unwrap_err();
                    retry.dead_letters(&HEAP).payload(payload).run_blocking(operation).unwrap_err();
                }
            });
        }
    });
    assert_eq!((FIXED.len(), FIXED.lost(), FIXED.refused()), (100, 4 * EACH - 100, 0));
    assert_eq!((HEAP.len(), HEAP.lost(), HEAP.refused()), (100, 0, 4 * EACH as usize - 100));
    // The letters of each thread are in order.
    let kept = FIXED.with(|letters| letters.pop_each().map(|letter| letter.payload).collect::<Vec<_>>());
    for thread in 0..4 {
        assert!(kept.iter().filter(|payload| *payload / EACH == thread).is_sorted());
    }
}

#[test]
fn a_queue_of_capacity_0_refuses_every_letter() {
    for when_full in [WhenFull::Refuse, WhenFull::DropOldest] {
        let queue = DeadLetterQueue::new(0, when_full);
        assert_eq!(queue.push(letter(1)), Err(letter(1)));
        assert_eq!((queue.refused(), queue.lost(), queue.len()), (1, 0, 0));
    }
}

thread_local! {
    static HEAP: DeadLetterQueue<Watching> = const { DeadLetterQueue::new(2, WhenFull::DropOldest) };
    static FIXED: FixedDeadLetterQueue<Watching, 2, LocalLock> =
        const { FixedDeadLetterQueue::with_lock(WhenFull::DropOldest) };
    /// Returns for each queue the number of its letters and of its lost letters.
    static SEEN: RefCell<Vec<[usize; 4]>> = const { RefCell::new(Vec::new()) };
}

fn look() -> [usize; 4] {
    let (len, lost) = FIXED.with(|fixed| (fixed.len(), fixed.lost() as usize));
    HEAP.with(|heap| [heap.len(), heap.lost(), len, lost])
}

/// A payload that reads both queues when it is dropped, or panics then.
struct Watching {
    panics: bool,
}

impl Drop for Watching {
    fn drop(&mut self) {
        assert!(!self.panics, "a bug in the payload");
        SEEN.with_borrow_mut(|seen| seen.push(look()));
    }
}

#[test]
fn a_lost_letter_is_dropped_when_the_queue_is_consistent_and_unlocked() {
    for (panics, lost) in [(true, 1), (false, 2)] {
        let letter = || DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), Watching { panics });
        // Two letters that are kept, and one more.
        (0..3).for_each(|_| HEAP.with(|heap| assert!(heap.push(letter()).is_ok())));
        assert_eq!(look(), [2, lost, 0, lost - 1]);
        (0..3).for_each(|_| FIXED.with(|fixed| assert!(fixed.push(letter()).is_ok())));
        assert_eq!(look(), [2, lost, 2, lost]);
        HEAP.with(DeadLetterQueue::drain).into_iter().for_each(std::mem::forget);
        FIXED.with(|fixed| fixed.with(|letters| letters.pop_each().for_each(std::mem::forget)));
    }
    assert_eq!(SEEN.take(), [[2, 2, 0, 1], [2, 2, 2, 2]]);
}

#[test]
fn a_queue_is_empty_until_the_first_letter_and_after_the_last() {
    let (fixed, heap) =
        (FixedDeadLetterQueue::<u32, 2>::new(WhenFull::Refuse), DeadLetterQueue::new(2, WhenFull::Refuse));
    assert!(fixed.is_empty() && heap.is_empty());
    fixed.push(DeadLetter::new(Reason::Rejected, 1)).expect("there is room");
    heap.push(DeadLetter::new(Reason::Rejected, 1)).expect("there is room");
    assert!(!fixed.is_empty() && !heap.is_empty());
    assert!(fixed.pop().is_some() && heap.pop().is_some());
    assert!(fixed.is_empty() && heap.is_empty());
}
