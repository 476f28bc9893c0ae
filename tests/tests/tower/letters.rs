//! Dead letters of calls through the tower layer.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{LazyLock, Mutex};

use retry_core::{
    CircuitConfig, Class, GiveUp, SharedCircuit,
    dead_letter::{DeadLetter, DeadLetterQueue, LetterContext, OrElse, Reason, ReasonSet, WhenFull},
    observe::{Event, EventKind},
};
use retry_tokio::{RetryLayer, ServiceError};
use tokio::time::timeout;
use tower::{BoxError, Layer, ServiceExt};
use tower_test::mock;

use super::{POLICY, class, judge, ms, play};

type Queue = LazyLock<DeadLetterQueue<u32>>;

fn queue() -> DeadLetterQueue<u32> {
    DeadLetterQueue::new(10, WhenFull::Refuse)
}

/// The last digit of a request says how often it may still be sent. Each row has a request, its script, its answer if
/// there is one, and its letter.
#[tokio::test(start_paused = true)]
async fn a_call_that_gives_up_leaves_a_letter_with_its_request() {
    static LETTERS: Queue = Queue::new(queue);
    const ATTEMPTS: Reason = Reason::GaveUp(GiveUp::Attempts);
    const CLASS: Reason = Reason::GaveUp(GiveUp::Class);

    type Left = Option<(Reason, Class, u32, u32)>;
    let rows: &[(u32, &[&str], Option<&str>, Left)] = &[
        (15, &["200"], Some("200"), None),
        (15, &["!down", "503", "200"], Some("200"), None),
        (15, &["!down"; 4], None, Some((ATTEMPTS, Class::Server, 4, 11))),
        // The caller gets the answer, and the sink gets the request.
        (15, &["503"; 4], Some("503"), Some((ATTEMPTS, Class::Server, 4, 11))),
        (15, &["!bad"], None, Some((CLASS, Class::Validation, 1, 14))),
        (15, &["!down", "!bad"], None, Some((CLASS, Class::Validation, 2, 13))),
        // May be sent only once.
        (11, &["200"], Some("200"), None),
        (11, &["503"], Some("503"), Some((ATTEMPTS, Class::Server, 1, 11))),
        (11, &["!down"], None, Some((ATTEMPTS, Class::Server, 1, 11))),
        (11, &["!bad"], None, Some((CLASS, Class::Validation, 1, 11))),
        (12, &["!down", "503"], Some("503"), Some((ATTEMPTS, Class::Server, 2, 11))),
    ];
    for (request, script, answer, left) in rows {
        let (mock, handle) = mock::pair();
        let retry = retry_tokio::retry(&POLICY).classify(class).classify_ok(judge).named("stock.write");
        let layer = RetryLayer::new(retry)
            .clone_request(|request: &u32| (request % 10 > 1).then(|| request - 1))
            .dead_letters(&*LETTERS, |request: &u32| *request);
        let (ended, seen) = tokio::join!(layer.layer(mock).oneshot(*request), play(handle, script));
        if let Err(error) = &ended {
            let may_not_be_repeated = matches!(error, ServiceError::NotRepeatable(_));
            assert_eq!(may_not_be_repeated, *request == 11 && script[0] != "!bad", "{script:?}: {error}");
        }
        assert_eq!((ended.ok(), seen.len()), (*answer, script.len()), "{request} {script:?}");
        let letter = LETTERS.pop().map(|letter| {
            assert_eq!(letter.operation.as_str(), "stock.write");
            (letter.reason, letter.class.unwrap(), letter.attempts, letter.payload)
        });
        assert_eq!((letter, LETTERS.len()), (*left, 0), "{request} {script:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_call_leaves_a_letter_unless_configured_otherwise() {
    static LETTERS: Queue = Queue::new(queue);
    static CIRCUIT: SharedCircuit = SharedCircuit::new(CircuitConfig::DEFAULT);
    CIRCUIT.force_open(retry_core::Instant::ORIGIN);
    for (reasons, left) in [
        (ReasonSet::DEFAULT, Some((Reason::Rejected, 0, 7))),
        (ReasonSet::DEFAULT.without(Reason::Rejected), None),
    ] {
        let (mock, _handle) = mock::pair::<u32, &'static str>();
        let layer = RetryLayer::new(retry_tokio::retry(&POLICY).circuit(&CIRCUIT).classify(class))
            .clone_all()
            .dead_letters(&*LETTERS, |request: &u32| *request)
            .only(reasons);
        assert!(layer.layer(mock).oneshot(7).await.unwrap_err().is_circuit_open());
        let letter = LETTERS.pop().map(|letter| (letter.reason, letter.attempts, letter.payload));
        assert_eq!(letter, left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_leaves_none() {
    static LETTERS: Queue = Queue::new(queue);
    let (mock, mut handle) = mock::pair::<u32, &'static str>();
    let layer = RetryLayer::new(retry_tokio::retry(&POLICY).classify(class))
        .clone_all()
        .dead_letters(&*LETTERS, |request: &u32| *request);
    let call = timeout(ms(50), layer.layer(mock).oneshot(7));
    let server = async { handle.next_request().await.unwrap().1.send_error("down") };
    let (cut, ()) = tokio::join!(call, server);
    assert!(cut.is_err() && LETTERS.is_empty());
}

/// If the layer keeps the request for retries, the payload is made only when it is needed. If the request may be sent
/// only once, the payload is made before it is sent.
#[tokio::test(start_paused = true)]
async fn a_payload_is_made_when_it_is_needed() {
    static LETTERS: Queue = Queue::new(queue);
    static MADE: AtomicU32 = AtomicU32::new(0);
    let rows: &[(u32, &[&str], u32)] =
        &[(14, &["200"], 0), (14, &["!down", "200"], 0), (14, &["!down"; 4], 1), (11, &["200"], 1)];
    for (request, script, made) in rows {
        let (mock, handle) = mock::pair();
        let layer = RetryLayer::new(retry_tokio::retry(&POLICY).classify(class))
            .clone_request(|request: &u32| (*request == 14).then_some(14))
            .dead_letters(&*LETTERS, |request: &u32| {
                MADE.fetch_add(1, SeqCst);
                *request
            });
        let _ = tokio::join!(layer.layer(mock).oneshot(*request), play(handle, script));
        assert_eq!(MADE.swap(0, SeqCst), *made, "{request} {script:?}");
    }
}

/// Whatever a sink or a payload does, the call ends in the same way, and its observer is told.
#[tokio::test(start_paused = true)]
async fn neither_sink_nor_payload_changes_the_end_of_a_call() {
    static KEPT: Mutex<Vec<bool>> = Mutex::new(Vec::new());
    fn log(event: &Event) {
        if let EventKind::DeadLettered { kept } = event.kind {
            KEPT.lock().unwrap().push(kept);
        }
    }
    type Handler = fn(&DeadLetter<u32>, &LetterContext<'_, BoxError>) -> bool;
    static TAKES: Handler = |_, about| about.error.is_exhausted();
    static REFUSES: Handler = |_, _| false;
    static PANICS: Handler = |_, _| panic!("a handler that panics");
    static SECOND: LazyLock<OrElse<&'static Handler, &'static Handler>> =
        LazyLock::new(|| OrElse::new(&PANICS, &TAKES));

    let run = async |may_be_repeated: bool, panics: bool, sink: &'static Handler| {
        let (mock, handle) = mock::pair();
        let retry = retry_tokio::retry(&POLICY).classify(class).on_event(log);
        let layer = RetryLayer::new(retry)
            .clone_request(move |request: &u32| may_be_repeated.then_some(*request))
            .dead_letters(sink, move |request: &u32| {
                assert!(!panics, "a payload that panics");
                *request
            });
        let (ended, _) = tokio::join!(layer.layer(mock).oneshot(7), play(handle, &["!down"; 4]));
        ended.unwrap_err().to_string()
    };
    for may_be_repeated in [true, false] {
        let mut ends = Vec::new();
        for (panics, sink, kept) in
            [(false, &TAKES, true), (false, &REFUSES, false), (false, &PANICS, false), (true, &TAKES, false)]
        {
            ends.push(run(may_be_repeated, panics, sink).await);
            assert_eq!(std::mem::take(&mut *KEPT.lock().unwrap()), [kept], "{may_be_repeated} {panics}");
        }
        assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    }

    let (mock, handle) = mock::pair();
    let layer = RetryLayer::new(retry_tokio::retry(&POLICY).classify(class).on_event(log))
        .clone_all()
        .dead_letters(&*SECOND, |request: &u32| *request);
    let (ended, _) = tokio::join!(layer.layer(mock).oneshot(7), play(handle, &["!down"; 4]));
    assert!(
        ended.is_err() && *KEPT.lock().unwrap() == [true],
        "the second sink keeps what the first one does not"
    );
}
