//! Any operations on a queue of any size, saved and restored in between, against a plain list.

use std::collections::VecDeque;

use proptest::prelude::*;
use retry_core::{
    GiveUp,
    dead_letter::{DeadLetter, DeadLetterBuffer, LetterIds, Reason, WhenFull},
};

#[derive(Clone, Copy, Debug)]
enum Step {
    Push,
    Pop,
    /// Pops a letter and puts it back, with this many pushes in between.
    Requeue(u8),
    /// Puts a new letter at the front.
    Front,
    /// Saves the queue and goes on with the restored one.
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Push),
        2 => Just(Step::Pop),
        2 => (0_u8..3).prop_map(Step::Requeue),
        3 => Just(Step::Front),
        3 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 1..60)
}

fn letter(payload: u32) -> DeadLetter<u32> {
    DeadLetter::new(Reason::GaveUp(GiveUp::Attempts), payload)
}

/// The queue, and a list that does the same.
struct Pair<const N: usize> {
    queue: DeadLetterBuffer<u32, N>,
    list: VecDeque<DeadLetter<u32>>,
    ids: LetterIds,
    next: u32,
    image: Vec<u8>,
}

impl<const N: usize> Pair<N> {
    fn new() -> Self {
        let mut queue = DeadLetterBuffer::new(WhenFull::DropOldest);
        queue.set_ids(LetterIds::new(7));
        let (list, ids) = (VecDeque::new(), LetterIds::new(7));
        Self { queue, list, ids, next: 0, image: vec![0xa5; DeadLetterBuffer::<u32, N>::IMAGE_SIZE] }
    }

    fn push(&mut self) {
        self.next += 1;
        let mut expected = letter(self.next);
        expected.id = self.ids.make();
        let lost = self.queue.push(letter(self.next));
        let oldest = if self.list.len() == N { self.list.pop_front() } else { None };
        self.list.push_back(expected);
        assert_eq!(lost, oldest);
    }

    fn requeue(&mut self, letter: DeadLetter<u32>) {
        let lost = self.queue.requeue(letter);
        let mut back = letter;
        back.requeued += 1;
        match self.list.len() == N {
            true => assert_eq!(lost, Some(back)),
            false => self.list.push_front(back),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Push => self.push(),
            Step::Pop => assert_eq!(self.queue.pop(), self.list.pop_front()),
            Step::Requeue(pushes) => {
                let Some(letter) = self.queue.pop() else { return };
                assert_eq!(Some(letter), self.list.pop_front());
                (0..pushes).for_each(|_| self.push());
                self.requeue(letter);
            }
            Step::Front => {
                self.next += 1;
                let mut letter = letter(self.next);
                letter.id = self.ids.make();
                self.requeue(letter);
                self.queue.set_ids(self.ids.clone()); // so that both count the same
            }
            Step::Reset => {
                self.queue.save(&mut self.image).unwrap();
                let lost = self.queue.lost();
                self.queue = DeadLetterBuffer::restore(&self.image, WhenFull::DropOldest).unwrap();
                self.queue.set_ids(self.ids.clone());
                assert_eq!(self.queue.lost(), lost);
            }
        }
        assert!(self.queue.iter().eq(self.list.iter()), "{step:?}: {:?} {:?}", self.queue, self.list);
    }
}

fn play<const N: usize>(steps: &[Step]) {
    let mut pair = Pair::<N>::new();
    steps.iter().for_each(|step| pair.step(*step));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn a_restored_queue_of_any_size_is_the_saved_one(steps in steps()) {
        play::<1>(&steps);
        play::<2>(&steps);
        play::<3>(&steps);
        play::<5>(&steps);
        play::<6>(&steps);
        play::<7>(&steps);
        play::<8>(&steps);
        play::<100>(&steps);
    }
}

#[test]
fn a_letter_put_back_in_front_of_the_first_one_is_saved() {
    let mut queue = DeadLetterBuffer::<u32, 3>::new(WhenFull::Refuse);
    queue.push(letter(2));
    queue.push(letter(3));
    queue.requeue(letter(1)); // its number is before the first one
    let mut image = [0; DeadLetterBuffer::<u32, 3>::IMAGE_SIZE];
    queue.save(&mut image).unwrap();
    let restored = DeadLetterBuffer::<u32, 3>::restore(&image, WhenFull::Refuse).unwrap();
    assert_eq!(restored.iter().map(|letter| letter.payload).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(restored.lost(), 0);
}
