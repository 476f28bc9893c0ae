//! Random scenarios, and one hash of all their decisions.

mod choices;

use retry_core::{Class, circuit::OnHealthy, runtime::LocalLock};

use crate::by_hand;
use crate::log::{Fnv, Line, Log};
use crate::runtime::split_mix;
use crate::scenario::{
    Manual, Other, Readiness, Scenario, Step, Try, bad, coded, fails, final_fault, good, hinted,
};

/// How many steps a scenario has.
const STEPS: usize = 12;
/// How many attempts of a call are in the script.
const TRIES: usize = 4;

/// Plays random scenarios with a loop by hand until at least `count` decisions are made, and hashes the decisions.
///
/// A decision is a verdict, or a rejection by a circuit. Each scenario gives the seed of the next. The decisions do not
/// depend on the size of a pointer, on the order of bytes or on floats, so the hash is the same on every processor.
///
/// ```
/// let decisions = tests::random_decisions(1, 100);
/// assert!(decisions.counts.decisions() >= 100);
/// assert_eq!(decisions, tests::random_decisions(1, 100));
/// ```
pub fn random_decisions(seed: u64, count: u32) -> Decisions {
    let mut decisions = Decisions { fnv: Fnv::EMPTY, counts: Counts::default() };
    let mut seed = seed;
    while decisions.counts.decisions() < count {
        let drawn = Drawn::new(seed);
        drawn.with(|scenario| by_hand::<LocalLock>(scenario, &mut decisions));
        decisions.counts.scenarios += 1;
        seed = drawn.next;
    }
    decisions
}

/// The result of a million decisions from the seed 1, on every processor.
pub const MILLION: Decisions = Decisions {
    fnv: Fnv::of(0x8053_1106_c56d_5609),
    counts: Counts {
        scenarios: 109_809,
        attempts: 782_126,
        retries: 282_113,
        give_ups: 269_630,
        refusals: 448_263,
        changes: 192_997,
    },
};

/// The decisions of random scenarios.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decisions {
    /// The hash of all lines of the log.
    pub fnv: Fnv,
    /// The numbers by kind.
    pub counts: Counts,
}

/// How many decisions of each kind were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The scenarios played.
    pub scenarios: u32,
    /// The attempts started.
    pub attempts: u32,
    /// The failed attempts that were retried.
    pub retries: u32,
    /// The failed attempts after which the policy or the budget ended the call.
    pub give_ups: u32,
    /// The failed attempts after which the circuit ended the call, and the attempts that it rejected.
    pub refusals: u32,
    /// The changes of phase.
    pub changes: u32,
}

impl Counts {
    /// Returns the number of verdicts and rejections.
    pub const fn decisions(&self) -> u32 {
        self.retries + self.give_ups + self.refusals
    }
}

impl Log for Decisions {
    fn line(&mut self, line: &Line<'_>) {
        self.fnv.line(line);
        let Counts { attempts, retries, give_ups, refusals, changes, .. } = &mut self.counts;
        *match line.words {
            ["started", ..] => attempts,
            ["failed", _, "retry", ..] => retries,
            ["failed", _, "give-up", ..] => give_ups,
            ["failed", _, "rejected", ..] | ["rejected", ..] => refusals,
            ["phase", ..] => changes,
            _ => return,
        } += 1;
    }
}

/// A random scenario.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The scenario without its steps.
    scenario: Scenario<'static>,
    plans: [Plan; STEPS],
    tries: [[Try; TRIES]; STEPS],
    /// The seed of the next one.
    next: u64,
}

/// A step without its attempts.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Call,
    Cut(u32),
    Other(Other),
    Manual(Manual),
    Wait(u32),
}

impl Drawn {
    /// Makes the scenario of this seed.
    pub fn new(seed: u64) -> Self {
        let draw = &mut Draw(seed);
        let scenario = draw.scenario();
        let mut plans = [Plan::Call; STEPS];
        let mut tries = [[good(0); TRIES]; STEPS];
        for (plan, tries) in plans.iter_mut().zip(&mut tries) {
            *plan = draw.plan();
            if let Plan::Call | Plan::Cut(_) = plan {
                *tries = [draw.attempt(), draw.attempt(), draw.attempt(), draw.attempt()];
            }
        }
        Self { scenario, plans, tries, next: draw.word() }
    }

    /// The seed of the next one.
    pub const fn next_seed(&self) -> u64 {
        self.next
    }

    /// Calls `play` with the scenario, which borrows its script.
    pub fn with<T>(&self, play: impl FnOnce(&Scenario<'_>) -> T) -> T {
        let mut steps = [Step::Wait(0); STEPS];
        for ((step, plan), tries) in steps.iter_mut().zip(&self.plans).zip(&self.tries) {
            *step = match *plan {
                Plan::Call => Step::Call(tries),
                Plan::Cut(after) => Step::Cut(after, tries),
                Plan::Other(other) => Step::Other(other),
                Plan::Manual(manual) => Step::Manual(manual),
                Plan::Wait(wait) => Step::Wait(wait),
            };
        }
        play(&Scenario { steps: &steps, ..self.scenario })
    }
}

struct Draw(u64);

impl Draw {
    fn word(&mut self) -> u64 {
        split_mix(&mut self.0)
    }

    /// Returns a number from 0 to `below - 1`.
    #[allow(clippy::cast_possible_truncation)] // less than `below`
    fn number(&mut self, below: u32) -> u32 {
        (((self.word() >> 32) * u64::from(below)) >> 32) as u32
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.number(chances) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        #[allow(clippy::cast_possible_truncation)] // there are few choices
        choices[self.number(choices.len() as u32) as usize]
    }

    fn scenario(&mut self) -> Scenario<'static> {
        let mut policy = self.of(choices::POLICIES).jitter(self.of(choices::JITTERS));
        policy = policy.hints(self.of(choices::HINTS)).max_attempts(1 + self.number(6));
        if self.one_in(2) {
            policy = policy.rules(self.of(choices::RULES));
        }
        if self.one_in(3) {
            policy = policy.start_within(choices::ms(50 + self.number(4_000)));
        }
        if self.one_in(3) {
            policy = policy.attempt_timeout(choices::ms(1 + self.number(250)));
        }
        if self.one_in(4) {
            policy = policy.min_delay(choices::ms(self.number(100)));
        }
        Scenario {
            name: "drawn by chance",
            policy,
            curve: if self.one_in(12) { Some(choices::halving) } else { None },
            circuit: self.of(choices::CIRCUITS),
            budget: self.of(choices::BUDGETS),
            condition: if self.one_in(6) { Some(self.of(choices::CONDITIONS)) } else { None },
            ready: if self.one_in(2) {
                Some(Readiness { denials: self.number(9), every: 1 + self.number(40) })
            } else {
                None
            },
            words: &[],
            seed: self.word(),
            steps: &[],
        }
    }

    fn plan(&mut self) -> Plan {
        match self.number(32) {
            0..20 => Plan::Call,
            20..22 => Plan::Cut(self.number(400)),
            22 | 23 => Plan::Wait(self.number(200)),
            24 => Plan::Wait(self.number(8_000)),
            25..28 => Plan::Other(Other::Begins),
            28 => Plan::Other(Other::Succeeds),
            29 => Plan::Other(Other::Fails(self.class())),
            30 => Plan::Other(Other::Drops),
            _ => Plan::Manual(self.manual()),
        }
    }

    fn attempt(&mut self) -> Try {
        let takes = if self.one_in(4) { 0 } else { self.number(200) };
        match self.number(16) {
            0..4 => good(takes),
            4 => bad(takes, self.class()),
            5 | 6 => hinted(takes, self.class(), self.number(600)),
            7 => final_fault(takes, self.class()),
            8 => coded(takes, self.class(), 28),
            _ => fails(takes, self.class()),
        }
    }

    /// Returns a class, most often one that is retried.
    fn class(&mut self) -> Class {
        if self.one_in(6) { self.of(&Class::ALL) } else { self.of(&Class::ALL[..6]) }
    }

    fn manual(&mut self) -> Manual {
        self.of(&[
            Manual::ForceOpen,
            Manual::Disable,
            Manual::CountOnly,
            Manual::Reset,
            Manual::Reset,
            Manual::Trip(300),
            Manual::Probe,
            Manual::Healthy(OnHealthy::HalfOpen),
            Manual::Healthy(OnHealthy::Close),
            Manual::Restore,
        ])
    }
}
