//! Each wrapper of a classifier leaves what it does not decide to the classifier before it.

use std::cell::Cell;
use std::io;

use retry_core::classify::Classifier;
use retry_core::observe::ErrorText;
use retry_core::testing::FakeClock;
use retry_core::{Cause, Class, Failure, GiveUp, Policy, Progress, Recovery, Retry, Rule, Verdict};

/// A classifier with an answer of its own in every method.
#[derive(Default)]
struct Whole {
    told: Cell<u32>,
}

const OF_ERROR: Failure = Failure::new(Class::NotFound);
const OF_TIMEOUT: Failure = Failure::new(Class::Network);
const OF_VALUE: Failure = Failure::new(Class::RateLimit);

impl Classifier<u8, io::Error> for Whole {
    fn failure(&self, _: &io::Error, _: Progress) -> Failure {
        OF_ERROR
    }

    fn timed_out(&self) -> Failure {
        OF_TIMEOUT
    }

    fn classify_ok(&self, value: &u8) -> Option<Failure> {
        (*value == 7).then_some(OF_VALUE)
    }

    fn text<'e>(&self, _: &'e io::Error) -> Option<ErrorText<'e>> {
        Some(ErrorText::new(&"of the whole"))
    }

    fn failed(&self, _: &Cause<io::Error>, _: Progress, _: Verdict) {
        self.told.set(self.told.get() + 1);
    }
}

/// Asks each method of `wrapped`, which is `whole` with a wrapper around it.
fn leaves_the_rest<K>(what: &str, whole: &Whole, wrapped: &K, asks_time: bool, text: Option<&str>)
where
    K: Classifier<u8, io::Error>,
{
    let progress = {
        let clock = FakeClock::new();
        let seen = Cell::new(None);
        let retry = Retry::new(Policy::DEFAULT, &clock).timed();
        let _ = retry.run_blocking_with(|progress, _| {
            seen.set(Some(progress));
            Ok::<(), Class>(())
        });
        seen.get().expect("an attempt was made")
    };
    let error = || io::Error::other("of the error");
    assert_eq!(K::ASKS_TIME, asks_time, "{what}");
    assert_eq!(wrapped.failure(&error(), progress), OF_ERROR, "{what}");
    assert_eq!(wrapped.timed_out(), OF_TIMEOUT, "{what}");
    assert_eq!(wrapped.classify_ok(&7), Some(OF_VALUE), "{what}");
    assert_eq!(wrapped.classify_ok(&1), None, "{what}");
    assert_eq!(wrapped.text(&error()).map(|text| text.to_string()).as_deref(), text, "{what}");
    whole.told.set(0);
    wrapped.failed(&Cause::Failed(error()), progress, Verdict::GiveUp(GiveUp::Class));
    assert_eq!(whole.told.get(), 1, "{what}");
}

#[test]
fn each_wrapper_leaves_the_rest_to_the_classifier_before_it() {
    const NO: &Rule = &Rule::ANY.recovery(Recovery::Fail);

    let (clock, whole) = (FakeClock::new(), Whole::default());
    let retry = || Retry::new(Policy::DEFAULT, &clock).classifier(&whole);
    let of_whole = Some("of the whole");
    let told = Cell::new(0);
    leaves_the_rest("itself", &whole, &whole, false, of_whole);
    let _ = retry().map_classifier(|it| leaves_the_rest("by reference", &whole, &it, false, of_whole));
    let _ = retry()
        .when(|_: &io::Error, _| false, NO)
        .map_classifier(|it| leaves_the_rest("when", &whole, &it, true, of_whole));
    let _ = retry()
        .classify_ok(|value: &u8| (*value > 7).then_some(Class::Server))
        .map_classifier(|it| leaves_the_rest("classify_ok", &whole, &it, false, of_whole));
    let _ = retry()
        .on_error(|_: &Cause<io::Error>, _, _| told.set(told.get() + 1))
        .map_classifier(|it| leaves_the_rest("on_error", &whole, &it, false, of_whole));
    assert_eq!(told.get(), 1);
    let _ = retry()
        .with_causes()
        .map_classifier(|it| leaves_the_rest("with_causes", &whole, &it, false, Some("of the error")));
    let _ = retry().timed().map_classifier(|it| leaves_the_rest("timed", &whole, &it, true, of_whole));
    let _ =
        retry().without_text().map_classifier(|it| leaves_the_rest("without_text", &whole, &it, false, None));
    // What the wrapper further in asks for, the outer ones ask for, too.
    let _ = retry()
        .timed()
        .classify_ok(|_: &u8| None::<Class>)
        .on_error(|_: &Cause<io::Error>, _, _| {})
        .with_causes()
        .without_text()
        .map_classifier(|it| leaves_the_rest("all", &whole, &it, true, None));
}
