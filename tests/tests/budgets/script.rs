//! Scripts for a budget. Each line contains a time, the events, and what the budget then holds.

use retry_core::{
    Class, Instant, SharedBudget,
    budget::{Budget, BudgetRules, Deposit, Price},
    runtime::LocalLock,
};

use crate::{FREE, asked, cancelled, failed, started, succeeded};

/// Plays a script with lines of `milliseconds | events, in order | what the budget then holds`.
///
/// The events:
/// - `granted` and `refused`: a retry is asked for, after an error of this class;
/// - `start` and `retry starts`: an attempt starts;
/// - `succeeds`, `fails` with a class, and `cancelled`: a first attempt ends;
/// - the same after `retry`: the retry that was granted last ends;
/// - `dropped`: the retry that was granted last does not start.
///
/// `3x` before an event repeats it three times.
pub(crate) fn play<B: BudgetRules>(
    rules: B,
    held: impl Fn(&SharedBudget<B, LocalLock>, Instant) -> u64,
    script: &str,
) {
    let (budget, mut prices) = (SharedBudget::with_lock(rules), Vec::new());
    for line in script.lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [at, steps, expected] = columns[..] else {
            panic!("a line needs three columns: {line}");
        };
        let now = Instant::from_millis(at.parse().expect("milliseconds"));
        for step in steps.split(',') {
            let words: Vec<&str> = step.split_whitespace().collect();
            let times = words.first().and_then(|word| word.strip_suffix('x'));
            let (times, words) = match times {
                Some(times) => (times.parse().expect("a number"), &words[1..]),
                None => (1, &words[..]),
            };
            (0..times).for_each(|_| take(&budget, &mut prices, words, now, line));
        }
        assert_eq!(held(&budget, now), expected.parse::<u64>().expect("a number"), "{line}");
    }
}

fn take<B: BudgetRules>(
    budget: &SharedBudget<B, LocalLock>,
    prices: &mut Vec<Price>,
    words: &[&str],
    now: Instant,
    line: &str,
) {
    let class = |name: &str| {
        let class = Class::ALL.into_iter().find(|class| class.name() == name);
        class.unwrap_or_else(|| panic!("{name}: {line}"))
    };
    let mut paid = || prices.pop().expect("a retry was granted");
    let deposit = match words {
        [] => return,
        [answer @ ("granted" | "refused"), name] => {
            let price = budget.withdraw(asked(class(name)), now);
            assert_eq!(price.is_some(), *answer == "granted", "{line}");
            return prices.extend(price);
        }
        ["start"] => started(true),
        ["retry", "starts"] => started(false),
        ["succeeds"] => succeeded(true, FREE),
        ["retry", "succeeds"] => succeeded(false, paid()),
        ["fails", name] => failed(class(name), FREE),
        ["retry", "fails", name] => failed(class(name), paid()),
        ["cancelled"] => cancelled(true, FREE),
        ["retry", "cancelled"] => cancelled(true, paid()),
        ["dropped"] => cancelled(false, paid()),
        _ => panic!("{words:?}: {line}"),
    };
    // A retry that is dropped has no time.
    let now = match deposit {
        Deposit::Cancelled { .. } => Instant::ORIGIN,
        _ => now,
    };
    budget.deposit(deposit, now);
}
