//! Dead letters together with other options of one call: a stop, the last value, an operation that borrows.

use std::cell::RefCell;
use std::future::pending;

use retry_core::{
    Class, Policy, Retry,
    dead_letter::{DeadLetter, DeadLetterQueue, LetterContext, ReasonSet, WhenFull},
    testing::FakeClock,
};

use super::Seen;

fn unacceptable(status: &u16) -> Option<Class> {
    (*status >= 500).then_some(Class::Server)
}

#[test]
fn a_call_that_returns_its_last_value_leaves_a_letter_too() {
    let (clock, seen) = (FakeClock::new(), Seen::default());
    let letters = DeadLetterQueue::new(8, WhenFull::Refuse);
    let stock = Retry::new(&Policy::DEFAULT, &clock)
        .classify(|class: &Class| *class)
        .classify_ok(unacceptable)
        .observe(&seen);

    let mut statuses = [502, 503, 504].into_iter();
    let call = stock.dead_letters(&letters).payload(|| 1).return_last();
    assert_eq!(call.run_blocking(|| Ok(statuses.next().unwrap())), Ok(504));

    let call = stock.return_last().dead_letters(&letters).payload(|| 2);
    assert_eq!(clock.run(call.run(|| async { Ok(503) })), Ok(503));

    let call = stock.dead_letters(&letters).return_last().payload(|| 3);
    assert_eq!(clock.run(call.run_mut(async || Ok(502))), Ok(502));

    let call = stock.return_last().dead_letters(&letters).payload(|| 4);
    assert_eq!(clock.run(call.run_mut_send(&mut 501, |status| Box::pin(async { Ok(*status) }))), Ok(501));

    // An error is returned as an error. A good value leaves no letter.
    let call = stock.dead_letters(&letters).payload(|| 5).return_last();
    let error = call.run_blocking(|| Err(Class::Validation)).unwrap_err();
    assert_eq!(error.into_inner(), Some(Class::Validation));
    let call = stock.dead_letters(&letters).payload(|| 6).return_last();
    assert_eq!(call.run_blocking(|| Ok(200)), Ok(200));

    let left =
        std::iter::from_fn(|| letters.pop()).map(|letter| (letter.payload, letter.class, letter.attempts));
    let [server, validation] = [Some(Class::Server), Some(Class::Validation)];
    assert_eq!(
        left.collect::<Vec<_>>(),
        [(1, server, 3), (2, server, 3), (3, server, 3), (4, server, 3), (5, validation, 1)]
    );
    assert_eq!(seen.kept(), [true; 5]);
}

#[test]
fn the_options_of_a_call_can_be_in_any_order() {
    let clock = FakeClock::new();
    let letters = DeadLetterQueue::new(8, WhenFull::Refuse);
    let stock =
        Retry::new(&Policy::DEFAULT, &clock).classify(|class: &Class| *class).classify_ok(unacceptable);
    let stopped = || std::future::ready(());

    let first = stock.until(stopped()).dead_letters(&letters).only(ReasonSet::ALL).payload(|| "until first");
    let last = stock.dead_letters(&letters).only(ReasonSet::ALL).payload(|| "until last").until(stopped());
    assert!(clock.run(first.run(|| async { Ok(200) })).unwrap_err().is_cancelled());
    assert!(clock.run(last.run(|| async { Ok(200) })).unwrap_err().is_cancelled());

    let told = RefCell::new(Vec::new());
    let handler = |letter: &DeadLetter<&'static str>, _: &LetterContext<'_, Class>| {
        told.borrow_mut().push(letter.payload)
    };
    let call = stock.return_last().until(pending::<()>()).on_dead_letter(&handler).payload(|| "handler");
    assert_eq!(clock.run(call.run(|| async { Ok(503) })), Ok(503));

    let left: Vec<_> = std::iter::from_fn(|| letters.pop()).map(|letter| letter.payload).collect();
    assert_eq!(left, ["until first", "until last"]);
    assert_eq!(told.into_inner(), ["handler"]);
}

#[test]
fn an_operation_that_borrows_leaves_a_letter() {
    let (clock, letters) = (FakeClock::new(), DeadLetterQueue::new(8, WhenFull::Refuse));
    let stock = Retry::new(&Policy::DEFAULT, &clock);

    let mut queries = 0;
    let query = async || {
        queries += 1;
        Err::<(), _>(Class::Network)
    };
    let call = stock.dead_letters(&letters).payload(|| "run_mut");
    assert!(clock.run(call.run_mut(query)).unwrap_err().is_exhausted());
    assert_eq!(queries, 3);

    let call = stock.dead_letters(&letters).payload(|| "run_mut_send");
    let call = call.run_mut_send(&mut queries, |queries| {
        Box::pin(async {
            *queries += 1;
            Err::<(), _>(Class::Network)
        })
    });
    assert!(clock.run(call).unwrap_err().is_exhausted());
    assert_eq!(queries, 6);

    let left: Vec<_> = std::iter::from_fn(|| letters.pop()).map(|letter| letter.payload).collect();
    assert_eq!(left, ["run_mut", "run_mut_send"]);
}
