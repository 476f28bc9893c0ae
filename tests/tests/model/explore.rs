//! The breadth-first search, so that the first counterexample is one of the shortest.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use retry_core::circuit::{Mode, Phase};

use super::check::{Check, Happened};
use super::machine::Machine;
use super::normal::Form;
use super::rules::Rules;
use super::setups::Bounds;
use super::state::State;
use super::step::{Hand, Step};

/// The size of the explored graph.
pub(crate) struct Size {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
}

/// A shortest path to a violation.
pub(crate) struct Counterexample {
    check: Check,
    what: String,
    path: Vec<Step>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: Vec<String> = self.path.iter().map(Step::to_string).collect();
        write!(f, "{}: {} | {}", self.check, path.join(", "), self.what)
    }
}

/// More states than any configuration has. If a machine has more, one of its counters grows without end.
const MOST_STATES: usize = 1_000_000;

/// Visits every state that can be reached from `machine`.
pub(crate) fn explore<M: Machine>(
    machine: M,
    rules: &Rules,
    bounds: &Bounds,
    checks: &[Check],
) -> Result<Size, Counterexample> {
    let config = rules.config();
    let mut graph = Graph::default();
    let mut transitions = 0;
    let mut waiting = VecDeque::new();
    let first = State::new(machine, rules, bounds);
    let (form, start) = (Form::of(&first, rules), first.now);
    graph.place(&form, None);
    graph.note(0, &first);
    waiting.push_back((first, form));
    for here in 0.. {
        let Some((before, before_form)) = waiting.pop_front() else { break };
        let path = graph.path_to(here);
        for step in before.steps(rules, bounds) {
            transitions += 1;
            let mut after = before.clone();
            let [seen, expected] = after.make(step, rules, &config);
            let after_form = Form::of(&after, rules);
            let happened = Happened {
                before: &before,
                before_form: &before_form,
                step,
                seen: &seen,
                expected: &expected,
                after: &after,
                after_form: &after_form,
                rules,
                config: &config,
                path: &path,
                start,
            };
            for check in checks {
                if let Err(what) = check.holds(&happened) {
                    let path = path.into_iter().chain([step]).collect();
                    return Err(Counterexample { check: *check, what, path });
                }
            }
            let (there, is_new) = graph.place(&after_form, Some((here, step)));
            if step.is_automatic() || before.machine.breaker().mode() == Mode::ForcedOpen && step == RESET {
                graph.edges.push((here, there));
            }
            if is_new {
                graph.note(there, &after);
                waiting.push_back((after, after_form));
            }
        }
        assert!(graph.came_by.len() <= MOST_STATES, "more than {MOST_STATES} states");
    }
    match graph.first_wedged() {
        Some(state) if checks.contains(&Check::Wedge) => {
            let what = "from here, calls and time do not lead back to closed".into();
            Err(Counterexample { check: Check::Wedge, what, path: graph.path_to(state) })
        }
        _ => Ok(Size { states: graph.came_by.len(), transitions }),
    }
}

const RESET: Step = Step::Hand(Hand::Reset);

/// The states by number, in the order in which they were found.
#[derive(Default)]
struct Graph {
    numbers: HashMap<Box<str>, usize>,
    /// For each state, the state and the step from which it was found first.
    came_by: Vec<Option<(usize, Step)>>,
    closed: Vec<usize>,
    /// The steps without manual operations, lost probes and a clock that steps back.
    edges: Vec<(usize, usize)>,
}

impl Graph {
    /// Returns the number of the state with this normal form, and whether it is new.
    fn place(&mut self, form: &Form, by: Option<(usize, Step)>) -> (usize, bool) {
        if let Some(number) = self.numbers.get(&form.key) {
            return (*number, false);
        }
        let number = self.came_by.len();
        self.numbers.insert(form.key.clone(), number);
        self.came_by.push(by);
        (number, true)
    }

    fn note<M: Machine>(&mut self, number: usize, state: &State<M>) {
        if state.machine.breaker().phase() == Phase::Closed {
            self.closed.push(number);
        }
    }

    fn path_to(&self, state: usize) -> Vec<Step> {
        let mut path = Vec::new();
        let mut at = state;
        while let Some((from, step)) = self.came_by[at] {
            path.push(step);
            at = from;
        }
        path.reverse();
        path
    }

    /// Returns the first state without a path to a closed state. It searches backwards from the closed states.
    fn first_wedged(&self) -> Option<usize> {
        let mut into = vec![Vec::new(); self.came_by.len()];
        for (from, to) in &self.edges {
            into[*to].push(*from);
        }
        let mut leads_to_closed = vec![false; self.came_by.len()];
        let mut waiting = self.closed.clone();
        while let Some(state) = waiting.pop() {
            if !leads_to_closed[state] {
                leads_to_closed[state] = true;
                waiting.extend(&into[state]);
            }
        }
        leads_to_closed.iter().position(|leads| !leads)
    }
}
