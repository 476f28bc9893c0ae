//! The delays that a configuration computes: initial x multiplier^attempt, capped, plus the spread, which
//! is 0 or up to 10 %. The cap is final.

use std::time::Duration;

use retry_core::runtime::{Entropy, OsRng};
use retry_core::{Policy, Preset};

use crate::report::{Report, ms};

pub(crate) fn run(report: &mut Report) {
    let [conservative, aggressive, fast] =
        [Preset::CONSERVATIVE, Preset::AGGRESSIVE, Preset::FAST].map(|preset| preset.policy);
    table("conservative, 100 ms x 2^n, at most 1000 ms", &conservative, (100.0, 2.0), 0.0, report);
    table("aggressive, 50 ms x 1.5^n, at most 5000 ms", &aggressive, (50.0, 1.5), 0.1, report);
    table("fast, 25 ms x 2.5^n, at most 500 ms", &fast, (25.0, 2.5), 0.1, report);
}

fn table(title: &str, policy: &Policy, (initial, multiplier): (f64, f64), spread: f64, report: &mut Report) {
    println!("  {title}");
    println!("  {:>3}  {:>10}  {:>10}  {:>10}  {:>10}", "n", "computed", "least", "drawn", "most");
    let cap = policy.settings().max_delay.as_secs_f64() * 1_000.0;
    let (mut as_computed, mut below_cap, mut spread_at_cap) = (true, true, true);
    let curve = |n: u8| initial * multiplier.powi(n.into());
    // The last two rows are at the cap.
    for n in 0..=(2..).find(|&n| curve(n - 1) >= cap).unwrap_or(u8::MAX) {
        let computed = curve(n).min(cap);
        let [least, drawn, most] = [0, OsRng.word(), u64::MAX]
            .map(|word| policy.delay(u32::from(n) + 1, Duration::ZERO, word).as_secs_f64() * 1_000.0);
        let row = [computed, least, drawn, most].map(|delay| ms(Duration::from_secs_f64(delay / 1_000.0)));
        println!("  {n:>3}  {:>10}  {:>10}  {:>10}  {:>10}", row[0], row[1], row[2], row[3]);
        let near = |delay: f64, expected: f64| (delay - expected).abs() < 0.001;
        if computed * (1.0 + spread) <= cap {
            as_computed &= near(least, computed) && near(most, computed * (1.0 + spread));
        } else {
            spread_at_cap &= near(most, cap) && near(least, cap - computed * spread);
        }
        below_cap &= most <= cap && (least..=most).contains(&drawn);
    }
    let percent = spread * 100.0;
    let plus = if spread > 0.0 { format!(", plus up to {percent} %") } else { String::new() };
    report.claim(as_computed, format!("each delay is what was computed{plus}"));
    report.claim(below_cap, format!("no delay is above the cap of {cap} ms"));
    if spread > 0.0 {
        report.claim(spread_at_cap, format!("at the cap, the spread of {percent} % lies below it"));
    }
}
