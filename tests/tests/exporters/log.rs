//! [`LogFacade`] with env_logger. It is one test, because a process has only one logger.

use std::io::Write;

use env_logger::{Builder, Target};
use log::LevelFilter;
use retry_core::{
    Call, Instant, Policy,
    observe::{LogFacade, Observer, Tagged},
    policy::OfType,
};

use super::{Written, letter, story};

#[test]
fn every_event_is_a_line_of_its_level() {
    let written = Written::default();
    Builder::new()
        .filter_level(LevelFilter::Trace)
        .target(Target::Pipe(Box::new(written.clone())))
        .format(|line, record| writeln!(line, "{:5} {}", record.level(), record.args()))
        .init();

    story(&LogFacade);
    let all = written.take();
    assert_eq!(all, STORY);

    // The lines that a program in production keeps.
    log::set_max_level(LevelFilter::Warn);
    story(&LogFacade);
    let expected =
        Vec::from_iter(STORY.lines().filter(|line| line.starts_with("WARN") || line.starts_with("ERROR")));
    assert_eq!(Vec::from_iter(written.take().lines()), expected);

    log::set_max_level(LevelFilter::Off);
    assert!(!LogFacade.is_enabled());
    let clock = || -> Instant { unreachable!("logging is off, so the time is not needed") };
    let untimed = Policy::exponential(super::ms(1));
    let mut call = Call::new(&untimed, clock).observe(&LogFacade);
    call.attempt(clock).unwrap().succeed(clock);

    // Names that would end a line or clear a screen, and very long names.
    log::set_max_level(LevelFilter::Trace);
    for (operation, key, line) in [
        ("stock\nWARN  forged", "", "stock\u{fffd}WARN  forged: dead letter"),
        ("\x1b[2Jstock", "", "\u{fffd}[2Jstock: dead letter"),
        ("stock", "eu\r\n\u{85}", "stock[eu\u{fffd}\u{fffd}\u{fffd}]: dead letter"),
        ("stock", "a\u{2028}b\u{202e}c\u{2069}", "stock[a\u{fffd}b\u{fffd}c\u{fffd}]: dead letter"),
        (&"a".repeat(10_240), "eu", &format!("{}..[eu]: dead letter", "a".repeat(128))),
        (&"\u{20ac}".repeat(3_000), "", &format!("{}..: dead letter", "\u{20ac}".repeat(42))),
    ] {
        let operation = operation.to_owned().into();
        let mut event = letter(&operation, true);
        event.key = key.into();
        LogFacade.observe(&event);
        assert_eq!(written.take(), format!("INFO  {line}\n"));
    }

    // Tags, and the type of the operation.
    let tagged = Tagged::new(&[("region", "eu"), ("tenant", "n\u{202e}orth")], LogFacade);
    let mut call =
        Call::new(OfType::new("database", &untimed), Instant::ORIGIN).named("users.read").observe(&tagged);
    call.attempt(Instant::ORIGIN).unwrap().succeed(Instant::ORIGIN);
    let line = "TRACE users.read (database) {region=eu, tenant=n\u{fffd}orth}: attempt 1";
    assert_eq!(written.take().lines().next(), Some(line));
}

const STORY: &str = "\
TRACE stock.read[eu]: attempt 1
TRACE stock.read[eu]: attempt 1 succeeded
TRACE stock.read[eu]: succeeded after attempt 1, 0 ms
TRACE stock.read[eu]: attempt 1
INFO  stock.read[eu]: retry in 100 ms: Timeout, attempt 1 of 3, budget 5
TRACE stock.read[eu]: attempt 2
DEBUG stock.read[eu]: attempt 2 succeeded
DEBUG stock.read[eu]: succeeded after attempt 2, 100 ms
TRACE stock.read[eu]: attempt 1
WARN  stock.read[eu]: give up: errors like this are not retried: Validation, attempt 1 of 3, budget 15
DEBUG stock.read[eu]: gave up after attempt 1, 0 ms: errors like this are not retried
TRACE stock.read[eu]: attempt 1
WARN  stock.read[eu]: retry in 100 ms: Unknown, attempt 1 of 3, budget 10
TRACE stock.read[eu]: attempt 2
INFO  stock.read[eu]: retry in 200 ms: Network, attempt 2 of 3, budget 5
TRACE stock.read[eu]: attempt 3
WARN  stock.read[eu]: give up: no attempts left: Server, attempt 3 of 3, budget 5
DEBUG stock.read[eu]: gave up after attempt 3, 300 ms: no attempts left
TRACE stock.write: attempt 1
WARN  stock.write: circuit stock: closed -> open: 4 failures in a row
WARN  stock.write: rejected: the circuit is open for another 1.0 s: Server, attempt 1 of 3, budget 5
DEBUG stock.write: rejected after attempt 1, 0 ms
WARN  stock.write: rejected: the circuit is open for another 1.0 s
DEBUG stock.write: rejected before the first attempt, 0 ms
INFO  stock.write: circuit stock: open -> half-open: the open time has passed
TRACE stock.write: attempt 1
INFO  stock.write: circuit stock: half-open -> closed: 1 probe succeeded
TRACE stock.write: attempt 1 succeeded
TRACE stock.write: succeeded after attempt 1, 0 ms
TRACE stock.write: attempt 1
INFO  stock.write: retry in 100 ms: Server, attempt 1 of 3, budget 1
TRACE stock.write: attempt 2
WARN  stock.write: the budget of retries is empty
WARN  stock.write: give up: the budget of retries is empty: Server, attempt 2 of 3, budget 1
DEBUG stock.write: gave up after attempt 2, 100 ms: the budget of retries is empty
TRACE stock.write: attempt 1
DEBUG stock.write: attempt 1 cancelled
DEBUG stock.write: cancelled after attempt 1, 30 ms
INFO  stock.write: dead letter
ERROR stock.write: dead letter lost
WARN  stock.write: too many dead letters of rejected calls: further ones are only counted
TRACE stock.write: dead letter left out
";
