//! The level of logs in a file: for all operations, for one, and after a reload.

use std::cell::RefCell;

use retry_core::{
    Class, Preset,
    config::OperationsFile,
    observe::{LogLevel, LogThreshold, Observer as _, observer_fn},
    pool::Operations,
    testing::FakeClock,
};

const PRESETS: [Preset; 2] = [Preset::HTTP, Preset::CACHE];

fn presets(file: &str) -> [Preset; 2] {
    let file: OperationsFile = toml::from_str(file).unwrap();
    let written = toml::to_string(&file).unwrap();
    let again: OperationsFile = toml::from_str(&written).unwrap();
    assert_eq!(again.over(PRESETS), file.over(PRESETS), "{written}");
    file.over(PRESETS).unwrap()
}

#[test]
fn a_file_sets_the_level_for_all_and_for_one() {
    let levels = |file| presets(file).map(|preset| preset.log_level);
    assert_eq!(levels(""), [LogLevel::Trace; 2]);
    assert_eq!(levels("log_level = 'info'"), [LogLevel::Info; 2]);
    assert_eq!(levels("cache.log_level = 'off'"), [LogLevel::Trace, LogLevel::Off]);
    assert_eq!(levels("log_level = 'warn'\n[cache]\nlog_level = 'debug'"), [LogLevel::Warn, LogLevel::Debug]);
    // The order of the keys makes no difference.
    let json = r#"{"cache": {"log_level": "debug"}, "log_level": "warn"}"#;
    let file: OperationsFile = serde_json::from_str(json).unwrap();
    assert_eq!(file.over(PRESETS).unwrap().map(|it| it.log_level), [LogLevel::Warn, LogLevel::Debug]);
}

#[test]
fn a_log_gets_the_events_up_to_its_level() {
    let all = Operations::new(presets("cache.log_level = 'off'"));
    let (http, clock) = (all.named("http"), FakeClock::new());
    let lines = RefCell::new(Vec::new());
    let log = observer_fn(|event| lines.borrow_mut().push(event.kind));
    let count = || {
        lines.borrow_mut().clear();
        let retry = http.retry(&clock).observe(http.log_threshold().limit(&log));
        let mut answers = [Err(Class::Server), Ok(7)].into_iter();
        assert_eq!(retry.run_blocking(|| answers.next().unwrap()), Ok(7));
        lines.borrow().len()
    };
    // Two starts, a failure with a retry, a success, and the end of the call.
    let rows = [(LogLevel::Trace, 5), (LogLevel::Debug, 3), (LogLevel::Warn, 0), (LogLevel::Off, 0)];
    for (level, events) in rows {
        all.reload(
            PRESETS.map(|preset| {
                let mut it = preset;
                it.log_level = level;
                it
            }),
            clock.now(),
        )
        .unwrap();
        assert_eq!((http.preset().log_level, count()), (level, events), "{level}");
    }
    let threshold = LogThreshold::new(LogLevel::Off);
    assert!(!threshold.limit(&log).is_enabled());
    threshold.set(LogLevel::Error);
    assert!(threshold.limit(&log).is_enabled());
}
