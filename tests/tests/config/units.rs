//! Durations, percentages and numbers in the forms that people write them.

use std::time::Duration;

use retry_core::{CircuitConfig, Jitter, Policy};

use super::read;

#[test]
fn a_duration_that_means_one_thing_is_read() {
    const MS: u64 = 1_000_000;
    let rows: &[(&str, u64)] = &[
        ("250ms", 250 * MS),
        ("250 ms", 250 * MS),
        ("500MS", 500 * MS),
        ("5 S", 5_000 * MS),
        ("5 seconds", 5_000 * MS),
        ("0.5s", 500 * MS),
        ("1.5 h", 5_400_000 * MS),
        ("1_000ms", 1_000 * MS),
        ("1min", 60_000 * MS),
        ("1 Min", 60_000 * MS),
        ("1m 30s", 90_000 * MS),
        ("1h30m", 5_400_000 * MS),
        ("2H", 7_200_000 * MS),
        ("1d", 86_400_000 * MS),
        ("1w", 7 * 86_400_000 * MS),
        ("PT1S", 1_000 * MS),
        ("PT1M30.5S", 90_500 * MS),
        ("pt2h", 7_200_000 * MS),
        ("P1DT1H", 90_000_000 * MS),
        ("10us", 10_000),
        ("10\u{b5}s", 10_000),
        ("10\u{3bc}s", 10_000),
        ("1.000000001s", 1_000_000_001),
        ("18446744073709551615ns", u64::MAX),
        ("0", 0),
        ("0s", 0),
    ];
    for (text, nanos) in rows {
        let file = format!("base_delay = '{text}'\nmax_delay = '18446744073709551615ns'");
        let policy: Policy = toml::from_str(&file).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(policy.settings().backoff.base_delay(), Duration::from_nanos(*nanos), "{text}");
    }
}

#[test]
fn a_duration_that_may_mean_several_things_is_refused_with_the_right_one() {
    let rows = [
        ("'1M'", "write \"1m\" for minutes"),
        ("'5 M'", "write \"5m\" for minutes"),
        ("'1 month'", "has a month, whose length varies, write days such as \"30d\""),
        ("'P1M'", "has a month, whose length varies, write days such as \"30d\""),
        ("'1y'", "has a year, whose length varies, write days such as \"365d\""),
        ("'100'", "has no unit, write \"100ms\" or \"100s\""),
        ("100", "has no unit, write \"100ms\" or \"100s\""),
        ("0.5", "has no unit, write \"0.5ms\" or \"0.5s\""),
        ("'1m30'", "the 30 has no unit, write \"1m 30s\""),
        ("'1h 30'", "the 30 has no unit, write \"1h 30m\""),
        ("'1s500'", "the 500 has no unit, write \"1s 500ms\""),
        ("'5 parsecs'", "\"parsecs\" is not a unit, expected ns, us, ms, s, m, h, d or w"),
        ("'-5s'", "must not be negative"),
        ("-5", "must not be negative"),
        ("inf", "must be finite"),
        ("'0.5ns'", "is finer than a nanosecond"),
        ("'600y'", "has a year"),
        ("'99999999w'", "is longer than 584 years"),
        ("'99999999999999999999s'", "is longer than 584 years"),
        ("'1,5s'", "must be a duration such as \"250ms\""),
        ("'soon'", "must be a duration such as \"250ms\""),
        ("''", "must be a duration such as \"250ms\""),
        ("'1..5s'", "must be a duration such as \"250ms\""),
        ("'1__0s'", "must be a duration such as \"250ms\""),
        ("'P'", "must be a duration such as \"250ms\""),
        ("'PT'", "must be a duration such as \"250ms\""),
        ("true", "must be a duration such as \"250ms\""),
        ("[]", "must be a duration such as \"250ms\""),
        ("{}", "must be a duration such as \"250ms\""),
    ];
    for (value, rule) in rows {
        let error = read("policy", &format!("base_delay = {value}")).unwrap_err();
        let shown = value.replace('\'', "\"").replace("[]", "[..]").replace("{}", "{..}");
        assert!(error.starts_with(&format!("base_delay = {shown}: {rule}")), "{value}: {error}");
    }
    for value in ["inf", "'never'", "'Infinity'", "'unlimited'", "'off'", "false", "''"] {
        let error = read("policy", &format!("total_timeout = {value}")).unwrap_err();
        assert!(error.ends_with("write \"none\" for no limit"), "{error}");
    }
    let long = "9".repeat(100);
    for value in ["1h\\n2m\\n30", &long, &format!("1h {long}")] {
        let error = read("policy", &format!("base_delay = \"{value}\"")).unwrap_err();
        assert!(error.contains("has no unit") && error.len() < 200, "{error}");
        assert!(!error.contains(char::is_control), "{error:?}");
    }
    let error = read("policy", "total_timeout = -1").unwrap_err();
    assert_eq!(error, "total_timeout = -1: must not be negative, write \"none\" for no limit");
}

#[test]
fn percentages_fractions_and_thousandths() {
    for (value, percent) in
        [("50", 50), ("'50%'", 50), ("'50 %'", 50), ("'500\u{2030}'", 50), ("50.0", 50), ("'50'", 50)]
    {
        let config: CircuitConfig = toml::from_str(&format!("failure_rate = {value}")).unwrap();
        assert_eq!(config.settings().failure_rate, Some(percent), "{value}");
    }
    let rows = [
        ("0.5", "failure_rate = 0.5: is a fraction, write 50 for 50 %"),
        ("0.07", "failure_rate = 0.07: is a fraction, write 7 for 7 %"),
        ("1.0", "failure_rate = 1.0: write 1 for one percent, or 100 for all"),
        ("12.5", "failure_rate = 12.5: must be a whole percentage from 1 to 100"),
        ("'12.5%'", "failure_rate = \"12.5%\": must be a whole percentage from 1 to 100"),
        ("0", "failure_rate = 0: must be a percentage from 1 to 100"),
        ("101", "failure_rate = 101: must be a percentage from 1 to 100"),
        ("500", "failure_rate = 500: must be a whole percentage from 1 to 100"),
        ("'half'", "failure_rate = \"half\": must be a whole percentage from 1 to 100"),
    ];
    for (value, line) in rows {
        assert_eq!(read("circuit", &format!("failure_rate = {value}")).unwrap_err(), line);
    }

    for (value, share) in [
        ("0.1", 0.1),
        ("'10%'", 0.1),
        ("'100\u{2030}'", 0.1),
        ("'14.3 %'", 0.143),
        ("'0.1'", 0.1),
        ("1", 1.0),
    ] {
        let policy: Policy =
            toml::from_str(&format!("jitter = 'proportional'\ndeviation = {value}")).unwrap();
        assert_eq!(policy.settings().jitter, Jitter::proportional(share), "{value}");
    }
    let rows = [
        ("'0,1'", "deviation = \"0,1\": must be a number, write 0.1"),
        ("'2x'", "deviation = \"2x\": must be a number, write 2"),
        ("'some'", "deviation = \"some\": must be a number"),
        ("10", "deviation = 10: write \"10%\" for 10 %, or 10.0 for 1000 %"),
        ("'2'", "deviation = \"2\": write \"2%\" for 2 %, or 2.0 for 200 %"),
        ("true", "deviation = true: must be a number"),
        ("-0.5", "deviation = -0.5: must be a finite number of at least 0"),
        ("nan", "deviation = NaN: must be a finite number of at least 0"),
    ];
    for (value, line) in rows {
        let error = read("policy", &format!("jitter = 'additive'\ndeviation = {value}")).unwrap_err();
        assert_eq!(error, line);
    }
    let budget = |value| read("budget", &format!("kind = 'request_share'\nshare = {value}"));
    for value in ["0.2", "'20%'", "20.0", "'2000%'", "1", "0"] {
        assert_eq!(budget(value), Ok(()), "{value}");
    }
    assert_eq!(budget("20"), Err("share = 20: write \"20%\" for 20 %, or 20.0 for 2000 %".into()));
    for value in ["3", "3.0", "'3'", "0x3"] {
        assert_eq!(
            toml::from_str::<Policy>(&format!("max_attempts = {value}")),
            Ok(Policy::DEFAULT),
            "{value}"
        );
    }
    for value in ["'three'", "2.5", "-1", "4294967296", "1e300", "inf", "true", "[3]"] {
        let error = read("policy", &format!("max_attempts = {value}")).unwrap_err();
        assert!(error.ends_with("must be a whole number from 0 to 4294967295"), "{value}: {error}");
    }
}

/// Each duration is written in a form that is read back to the nanosecond.
#[test]
fn what_is_written_is_read_back() {
    let rows = [
        (Duration::from_secs(300), "5m"),
        (Duration::from_millis(5_400_250), "1h 30m 250ms"),
        (Duration::from_secs(14 * 86_400), "14d"),
        (Duration::from_nanos(1_001_001), "1ms 1us 1ns"),
    ];
    for (limit, text) in rows {
        let policy = Policy::DEFAULT.total_timeout(limit);
        let file = toml::to_string(&policy).unwrap();
        assert!(file.contains(&format!("total_timeout = \"{text}\"\n")), "{file}");
        assert_eq!(toml::from_str(&file), Ok(policy));
    }
}
