//! The queue of dead letters: when letters are lost, and that every loss is counted.

mod forged;
mod image;
mod operations;

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use retry_core::{
    CircuitConfig, Class, ClassSet, Error, GiveUp, Jitter, Key, Policy, Recovery, Retry, Rule, SharedCircuit,
    dead_letter::{DeadLetter, DeadLetterBuffer, Reason, WhenFull},
    runtime::Sleep,
    testing::FakeClock,
};

#[test]
fn a_shared_queue_keeps_its_own_rule_if_its_buffer_is_replaced() {
    use retry_core::{dead_letter::FixedDeadLetterQueue, runtime::LocalLock};
    let rows = [
        // when full, the letters that two pushes into the full queue give back, and what is left
        (WhenFull::Refuse, [Some(3), Some(4)], [1, 2]),
        (WhenFull::DropOldest, [None, None], [3, 4]),
    ];
    for (when_full, refused, left) in rows {
        for other in [WhenFull::Refuse, WhenFull::DropOldest] {
            let queue = FixedDeadLetterQueue::<u32, 2, LocalLock>::with_lock(when_full);
            queue.with(|letters| {
                *letters = DeadLetterBuffer::new(other);
                let _ = (letters.push(letter(1)), letters.push(letter(2)));
            });
            assert_eq!(
                [3, 4].map(|it| payload(queue.push(letter(it)).err())),
                refused,
                "{when_full:?}, {other:?}"
            );
            let here = queue.with(|letters| letters.push(letter(5)));
            let lost = if when_full == WhenFull::Refuse { 5 } else { left[0] };
            assert_eq!(payload(here), Some(lost), "{when_full:?}, {other:?}");
            assert_eq!(payload(queue.pop()), Some(if lost == 5 { left[0] } else { left[1] }));
        }
    }
}

const fn letter(payload: u32) -> DeadLetter<u32> {
    DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload)
}

fn payload(letter: Option<DeadLetter<u32>>) -> Option<u32> {
    letter.map(|letter| letter.payload)
}

enum Step {
    Push(u32),
    Pop,
    /// Puts back the letter of the last `Pop`.
    Requeue,
}

#[test]
fn a_full_queue_refuses_or_drops_and_counts_each_loss() {
    use Step::{Pop, Push, Requeue};
    #[rustfmt::skip]
    let table = [
        // when full,           steps, each with the letter it returns,                                 left,     lost
        (WhenFull::Refuse,     vec![(Push(1), None), (Push(2), None), (Push(3), Some(3))],             vec![1, 2], 1),
        (WhenFull::DropOldest, vec![(Push(1), None), (Push(2), None), (Push(3), Some(1))],             vec![2, 3], 1),
        // A letter that is put back is the first again.
        (WhenFull::Refuse,     vec![(Push(1), None), (Push(2), None), (Pop, Some(1)), (Requeue, None)], vec![1, 2], 0),
        // If others have taken its place, the letter that is put back is lost.
        (WhenFull::Refuse,     vec![(Push(1), None), (Pop, Some(1)), (Push(2), None), (Push(3), None),
                                    (Requeue, Some(1))],                                              vec![2, 3], 1),
        (WhenFull::DropOldest, vec![(Push(1), None), (Pop, Some(1)), (Push(2), None), (Push(3), None),
                                    (Requeue, Some(1))],                                              vec![2, 3], 1),
        (WhenFull::Refuse,     vec![(Pop, None)],                                                     vec![],     0),
    ];
    for (when_full, steps, left, lost) in table {
        let mut queue = DeadLetterBuffer::<u32, 2>::new(when_full);
        let mut taken = None;
        for (step, expected) in steps {
            let given = match step {
                Push(payload) => queue.push(letter(payload)),
                Pop => {
                    taken = queue.pop();
                    taken
                }
                Requeue => queue.requeue(taken.take().unwrap()),
            };
            assert_eq!(payload(given), expected);
        }
        assert_eq!((queue.lost(), queue.len()), (lost, left.len()));
        assert_eq!(queue.pop_each().map(|letter| letter.payload).collect::<Vec<_>>(), left);
        assert!(queue.is_empty());
    }
}

#[test]
fn a_letter_describes_its_call() {
    const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
        .jitter(Jitter::None)
        .max_attempts(3)
        .start_within(Duration::from_secs(60))
        .rules(&[Rule::classes(ClassSet::of(&[Class::NotFound])).recovery(Recovery::Ignore)]);

    let clock = FakeClock::new();
    let circuit = SharedCircuit::new(CircuitConfig::WITHOUT_RULES.consecutive_failures(4));
    let retry = Retry::new(&POLICY, &clock).circuit(&circuit).named("uplink.send").keyed("gateway-2");
    let fail = |class: Class| retry.run_blocking(|| Err::<(), _>(class)).unwrap_err();
    let cancelled = || {
        let stop = (&clock).sleep(Duration::from_millis(50));
        clock.run(retry.until(stop).run(|| async { Err::<(), _>(Class::Server) })).unwrap_err()
    };
    let (ms, of) = (|ms| Some(Duration::from_millis(ms)), |error: &Error<Class>| DeadLetter::of(error, ()));
    #[rustfmt::skip]
    let table = [
        // letter,                    reason,                            class,                 attempts, elapsed
        (of(&fail(Class::Timeout)),   Reason::GaveUp(GiveUp::Attempts), Some(Class::Timeout),  3, ms(300)),
        (of(&fail(Class::Client)),    Reason::GaveUp(GiveUp::Class),    Some(Class::Client),   1, ms(0)),
        (of(&fail(Class::NotFound)),  Reason::GaveUp(GiveUp::Ignored),  Some(Class::NotFound), 1, ms(0)),
        (of(&cancelled()),            Reason::Cancelled,                Some(Class::Server),   1, ms(50)),
        (of(&{ circuit.force_open(clock.now()); fail(Class::Server) }),
                                      Reason::Rejected,                 None,                  0, ms(0)),
    ];
    for (letter, reason, class, attempts, elapsed) in table {
        assert_eq!(
            (letter.reason, letter.class, letter.attempts, letter.elapsed),
            (reason, class, attempts, elapsed)
        );
        assert_eq!((letter.operation, letter.key), (Key::new("uplink.send"), Key::new("gateway-2")));
    }
}

#[test]
fn a_letter_counts_how_often_it_was_put_back() {
    let mut queue = DeadLetterBuffer::<u32, 1>::new(WhenFull::Refuse);
    queue.push(letter(1));
    for times in 1..=3 {
        let letter = queue.pop().unwrap();
        assert_eq!(queue.requeue(letter), None);
        assert_eq!(queue.iter().next().unwrap().requeued, times);
    }
    let mut letter = queue.pop().unwrap();
    letter.requeued = u16::MAX;
    queue.requeue(letter);
    assert_eq!(queue.pop().unwrap().requeued, u16::MAX);
}

#[test]
fn letters_that_are_not_drained_stay() {
    let mut queue = DeadLetterBuffer::<u32, 4>::new(WhenFull::Refuse);
    for payload in 1..=4 {
        queue.push(letter(payload));
    }
    assert_eq!(queue.pop_each().take(2).map(|letter| letter.payload).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(queue.iter().map(|letter| letter.payload).collect::<Vec<_>>(), [3, 4]);
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Push,
    Pop,
    Requeue,
    SaveAndRestore,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Compares the queue with a `VecDeque`, with a reset at any time.
    #[test]
    fn it_is_a_bounded_queue(
        drops in any::<bool>(),
        ops in prop::collection::vec(
            prop_oneof![Just(Op::Push), Just(Op::Push), Just(Op::Pop), Just(Op::Requeue), Just(Op::SaveAndRestore)],
            0..60,
        ),
    ) {
        type Queue = DeadLetterBuffer<u32, 3>;
        let when_full = if drops { WhenFull::DropOldest } else { WhenFull::Refuse };
        let mut queue = Queue::new(when_full);
        let mut image = [0; Queue::IMAGE_SIZE];
        let (mut model, mut lost, mut taken) = (VecDeque::new(), 0, None);
        for (number, op) in ops.into_iter().enumerate() {
            let number = u32::try_from(number).unwrap();
            let (given, expected) = match op {
                Op::Push => {
                    let expected = match (model.len(), when_full) {
                        (3, WhenFull::Refuse) => Some(number),
                        (3, WhenFull::DropOldest) => {
                            model.push_back(number);
                            model.pop_front()
                        }
                        _ => {
                            model.push_back(number);
                            None
                        }
                    };
                    lost += u32::from(expected.is_some());
                    (payload(queue.push(letter(number))), expected)
                }
                Op::Pop => {
                    taken = queue.pop();
                    (payload(taken), model.pop_front())
                }
                Op::Requeue => match taken.take() {
                    None => continue,
                    Some(letter) => {
                        let expected = if model.len() == 3 {
                            lost += 1;
                            Some(letter.payload)
                        } else {
                            model.push_front(letter.payload);
                            None
                        };
                        (payload(queue.requeue(letter)), expected)
                    }
                },
                Op::SaveAndRestore => {
                    queue.save(&mut image).unwrap();
                    queue = Queue::restore(&image, when_full).unwrap();
                    (None, None)
                }
            };
            prop_assert_eq!(given, expected);
            prop_assert_eq!(queue.lost(), lost);
            prop_assert_eq!(queue.iter().map(|letter| letter.payload).collect::<Vec<_>>(), Vec::from(model.clone()));
        }
    }
}
