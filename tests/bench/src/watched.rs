//! Calls with an observer, or with an observer that is off.

use std::hint::black_box;

use retry_core::{
    Call, Instant,
    observe::{LogFacade, Metrics, MetricsFacade, Observer, OperationMetrics, TracingLog},
};

use crate::calls::{POLICY, failed_before};

pub(crate) fn nothing(count: u64) {
    (0..count).for_each(|_| {
        black_box(Instant::from_millis(1));
    });
}

static COUNTS: OperationMetrics = OperationMetrics::new("stock.read");
static ALL_COUNTS: Metrics = Metrics::new();

pub(crate) fn by_hand_none(count: u64) {
    (0..count).for_each(|_| call_before(&black_box(None::<&OperationMetrics>)));
}

pub(crate) fn log_off(count: u64) {
    // Unknown at compile time, as in a program with a logger.
    log::set_max_level(black_box(log::LevelFilter::Off));
    (0..count).for_each(|_| call_before(&LogFacade));
}

pub(crate) fn tracing_off(count: u64) {
    // As in a program with a subscriber that takes none of these events.
    let off = tracing::subscriber::NoSubscriber::default();
    black_box(tracing::subscriber::set_global_default(off).is_ok());
    (0..count).for_each(|_| call_before(&TracingLog));
}

pub(crate) fn facade_off(count: u64) {
    static FACADE: MetricsFacade = MetricsFacade::new();
    (0..count).for_each(|_| call_before(&FACADE));
}

pub(crate) fn by_hand(count: u64) {
    (0..count).for_each(|_| call_before(&()));
}

pub(crate) fn counted(count: u64) {
    (0..count).for_each(|_| call_before(&COUNTS));
}

pub(crate) fn counted_by_name(count: u64) {
    (0..count).for_each(|_| call_before(&ALL_COUNTS));
}

/// A call that succeeds at once, with an observer. It is made by hand, so that it reads no clock.
#[inline(always)]
pub(crate) fn call_before(observer: &impl Observer) {
    let now = black_box(Instant::from_millis(1));
    let mut call = Call::new(&POLICY, now).named("stock.read").observe(observer);
    if let Ok(attempt) = call.attempt(now) {
        attempt.succeed(now);
    }
}

pub(crate) fn failed_counted(count: u64) {
    failed_before(count, &COUNTS);
}
