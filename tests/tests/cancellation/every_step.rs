//! The calls of the table without futures. A loop by hand drops its attempt or its call at every step. A blocking loop
//! is interrupted at every millisecond.

use std::ops::ControlFlow::{self, Break, Continue};

use retry_core::{Call, Instant, Retry, Verdict, testing::FakeClock};

use super::ms;
use super::table::{Fault, Row, Stage, TABLE};

/// Drops the attempt or the call after a number of steps of a loop by hand. Returns `Break` if it did.
fn by_hand(row: &Row, stage: &Stage, clock: &FakeClock, steps: u32) -> ControlFlow<()> {
    let mut left = steps;
    let mut cut = || match left {
        0 => Break(()),
        _ => {
            left -= 1;
            Continue(())
        }
    };
    let now = || clock.now();
    let mut call = Call::new(&row.policy, now).circuit(&stage.circuit).budget(&stage.budget).observe(stage);
    cut()?;
    for (takes, fails) in row.attempts {
        let attempt = call.attempt(now).expect("the circuit has a free slot");
        cut()?; // at the start of the attempt
        clock.advance(ms((*takes).into()));
        cut()?; // at its end
        let Some(class) = fails else {
            attempt.succeed(now);
            break;
        };
        let Verdict::Retry(delay) = attempt.fail(*class, now, &mut clock.words(&[])) else { break };
        cut()?;
        clock.advance(delay);
        cut()?;
    }
    Continue(())
}

#[test]
fn by_hand_a_drop_releases_all_that_is_held() {
    for row in TABLE {
        for steps in 0.. {
            let clock = FakeClock::new();
            let stage = Stage::new(row, clock.now());
            let cut = by_hand(row, &stage, &clock, steps);
            // A drop by hand has no time, so the observer gets no event. Only what the call held is checked.
            stage.check_given_back(clock.now());
            if cut.is_continue() {
                println!("by hand: {} at each of {steps} steps", row.name);
                break;
            }
        }
    }
}

#[test]
fn blocking_and_interrupted_at_every_millisecond() {
    for row in TABLE {
        let (mut ended_by_itself, mut cancelled) = (0, 0);
        for at in 0..=1_000 {
            let clock = FakeClock::new();
            clock.interrupt_at(Instant::from_millis(at));
            let stage = Stage::new(row, clock.now());
            let retry = Retry::new(&row.policy, &clock)
                .circuit(&stage.circuit)
                .budget(&stage.budget)
                .ready(|| false, ms(20))
                .observe(&stage);
            let result = retry.run_blocking_with(|now, _| {
                let (takes, fails) = row.attempts[now.attempt as usize - 1];
                clock.advance(ms(takes.into()));
                match fails {
                    Some(class) => Err(Fault { attempt: now.attempt, class }),
                    None => Ok(now.attempt),
                }
            });
            let over = !result.as_ref().is_err_and(retry_core::Error::is_cancelled);
            *(if over { &mut ended_by_itself } else { &mut cancelled }) += 1;
            stage.check(clock.now(), over, Some(result));
        }
        println!(
            "blocking: {}: {cancelled} times cancelled, {ended_by_itself} times ended by itself",
            row.name
        );
        assert!(cancelled > 0 && ended_by_itself > 0);
    }
}
