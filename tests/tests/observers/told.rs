//! The text of an error in logs, spans, dead letters and in the error of the call: with causes, and of values.

use std::cell::RefCell;
use std::error::Error as StdError;
use std::fmt;
use std::io;

use retry_core::{
    BoxError, Cause, Class, Classify, Failure, Policy, Retry,
    classify::{Classifier, ErrorChain},
    observe::{ErrorText, Event},
    testing::FakeClock,
};

const ONCE: Policy = Policy::DEFAULT.max_attempts(1);

/// An error with a cause. It shows its cause itself if it is `open`.
#[derive(Debug)]
struct Layer {
    text: &'static str,
    cause: Option<Box<dyn StdError + Send + Sync>>,
    open: bool,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) if self.open => write!(f, "{}: {cause}", self.text),
            Some(_) if f.alternate() && self.text == "no connection" => f.write_str("no connection at all"),
            _ => f.write_str(self.text),
        }
    }
}

impl StdError for Layer {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

fn layer(text: &'static str, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Layer {
    Layer { text, cause: Some(cause.into()), open: false }
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

#[test]
fn a_chain_shows_each_cause_once() {
    let chain = |error: &(dyn StdError + 'static)| ErrorText::chain(error).to_string();
    let sent = || layer("the request was not sent", layer("no connection", refused()));
    assert_eq!(chain(&refused()), "connection refused");
    assert_eq!(chain(&sent()), "the request was not sent: no connection: connection refused");
    assert_eq!(chain(&io::Error::other(sent())), chain(&sent()));
    let open = |cause: Layer| Layer { text: "order 7", cause: Some(Box::new(cause)), open: true };
    assert_eq!(chain(&open(layer("no connection", refused()))), "order 7: no connection: connection refused");
    let in_short = Layer { text: "order 7: no connection", cause: None, open: false };
    let in_short = Layer { cause: Some(Box::new(layer("no connection", refused()))), ..in_short };
    assert_eq!(chain(&in_short), "order 7: no connection: connection refused");
    let itself = Layer { text: "a", cause: None, open: false };
    assert_eq!(chain(&itself), "a");

    // Each text is clean, and the whole is cut.
    let secret = layer("GET https://me:pw@host/a?token=1", layer("a\nb", "x".repeat(500)));
    let shown = chain(&secret);
    assert!(shown.starts_with("GET https://host/a: a\u{fffd}b: xxx"), "{shown}");
    assert_eq!((shown.len(), shown.ends_with("x..")), (258, true));
}

/// An error whose source is the error itself, which would go on for ever.
#[derive(Debug)]
struct Own;

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("again")
    }
}

impl StdError for Own {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(self)
    }
}

#[test]
fn a_chain_ends_also_if_an_error_is_its_own_cause() {
    assert_eq!(ErrorText::chain(&Own).to_string(), "again");
}

/// Returns the text that events show of an error.
fn told<E, K: Classifier<(), E>>(
    retry: Retry<&FakeClock, Policy, retry_core::circuit::NoCircuit, retry_core::budget::NoBudget, K>,
    error: E,
) -> Option<String> {
    let text = RefCell::new(None);
    let mut error = Some(error);
    let retry = retry.on_event(|event: &Event<'_>| {
        if let Some(told) = event.text {
            *text.borrow_mut() = Some(told.to_string());
        }
    });
    assert!(retry.run_blocking(|| Err::<(), _>(error.take().unwrap())).is_err());
    drop(retry);
    text.into_inner()
}

#[test]
fn each_kind_of_classifier_tells_the_text_of_its_errors() {
    let clock = FakeClock::new();
    let retry = || Retry::new(ONCE, &clock);
    let sent = || layer("not sent", refused());
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(told(retry(), io::Error::other(sent())), some("not sent: connection refused"));
    assert_eq!(told(retry(), BoxError::from(sent())), some("not sent: connection refused"));
    assert_eq!(told(retry().classifier(ErrorChain::new()), sent()), some("not sent: connection refused"));
    let by_closure = || retry().classify(|_: &Layer| Class::Network);
    assert_eq!(told(by_closure(), sent()), some("not sent"));
    assert_eq!(told(by_closure().with_causes(), sent()), some("not sent: connection refused"));
    assert_eq!(told(by_closure().with_causes().without_text(), sent()), None);
    let anyhow = retry().classify(|_: &anyhow::Error| Class::Network);
    assert_eq!(told(anyhow, anyhow::Error::from(sent())), some("not sent: connection refused"));
    // An error without a text, and a failure that says in a few words what it is.
    assert_eq!(told(retry(), Class::Network), None);
    assert_eq!(told(retry(), Failure::new(Class::Network).detail("no route")), some("no route"));
    assert_eq!(
        told(retry(), Failure::new(Class::Server).code("SQLSTATE class", 53)),
        some("SQLSTATE class 53")
    );
}

/// An error type of a program, with a text that it tells.
#[derive(Debug)]
struct Own2(Layer);

impl Classify for Own2 {
    fn classify(&self) -> Failure {
        Class::Network.into()
    }

    fn text(&self) -> Option<ErrorText<'_>> {
        Some(ErrorText::chain(&self.0))
    }
}

#[test]
fn an_error_type_of_the_program_tells_its_text() {
    let clock = FakeClock::new();
    let text = told(Retry::new(ONCE, &clock), Own2(layer("not sent", refused())));
    assert_eq!(text.as_deref(), Some("not sent: connection refused"));
}

#[test]
fn an_unacceptable_value_names_itself_in_the_event_the_error_and_its_cause() {
    let clock = FakeClock::new();
    let lines = RefCell::new(Vec::new());
    let retry = Retry::new(ONCE, &clock)
        .named("stock.read")
        .classify(|class: &Class| *class)
        .classify_ok(|status: &u16| Failure::of_http(*status, None))
        .on_event(|event| lines.borrow_mut().push(event.to_string()));
    let error = retry.run_blocking(|| Ok(503)).unwrap_err();
    let end = "no attempts left: HTTP status 503";
    assert_eq!(error.to_string(), format!("stock.read: gave up after attempt 1 of 1, 0 ms (Server): {end}"));
    assert_eq!(
        lines.borrow()[1],
        "stock.read: give up: no attempts left: Server, attempt 1 of 1, 300.0 s left: HTTP status 503"
    );
    let cause = error.into_cause().unwrap();
    assert_eq!(cause.to_string(), "the value is not acceptable: HTTP status 503");
    let Cause::Unacceptable(Some(detail)) = cause else { panic!("{cause:?}") };
    assert_eq!((detail.text(), detail.code()), ("HTTP status", Some(503)));
}

#[test]
fn a_report_is_the_line_of_the_error_and_its_causes() {
    let clock = FakeClock::new();
    let retry = Retry::new(ONCE, &clock).classify(|_: &Layer| Class::Network);
    let error =
        retry.run_blocking(|| Err::<(), _>(layer("GET https://me:pw@host/?t=1", refused()))).unwrap_err();
    let line = "gave up after attempt 1 of 1, 0 ms (Network): no attempts left";
    assert_eq!(error.to_string(), line);
    assert_eq!(error.report().to_string(), format!("{line}: GET https://host/: connection refused"));
    let slow = Retry::new(ONCE.attempt_timeout(std::time::Duration::from_secs(2)), &clock);
    let error = clock.run(slow.run(std::future::pending::<Result<(), io::Error>>)).unwrap_err();
    assert!(error.report().to_string().ends_with("(Timeout): no attempts left: timed out after 2.0 s"));
}
