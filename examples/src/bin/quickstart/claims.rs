//! The claims that the quickstart makes about its run, checked against what happened.

use examples::outage::{History, Mode, Outcome, PROBES, Tally};
use retry_core::circuit::Phase;

use crate::client::RequestEnd;

/// The run as the observers, the callers, the client and the server saw it.
pub(crate) struct Run {
    pub(crate) history: History,
    pub(crate) tally: Tally,
    /// How each attempt ended, by its number.
    pub(crate) requests: Vec<RequestEnd>,
    /// The numbers of the attempts that arrived.
    pub(crate) received: Vec<usize>,
}

/// A sentence, and whether it is true of this run.
pub(crate) struct Claim {
    pub(crate) text: String,
    pub(crate) holds: bool,
}

impl Run {
    /// Returns all claims.
    pub(crate) fn claims(&self) -> Vec<Claim> {
        vec![
            self.opened(),
            self.open_means_no_attempt(),
            self.attempts_are_requests(),
            self.probed(),
            self.closed_again(),
            self.hints_were_kept(),
            self.calls_add_up(),
        ]
    }

    fn opened(&self) -> Claim {
        let outages = self.steps(|mode| mode != Mode::Healthy);
        Claim {
            text: format!("the circuit opened in each of {} outages", outages.len()),
            holds: !outages.is_empty() && outages.iter().all(|step| self.changed(*step, Phase::Open)),
        }
    }

    fn open_means_no_attempt(&self) -> Claim {
        let History { attempts_while_open, rejected_while_open, .. } = self.history;
        Claim {
            text: format!(
                "while it was open, {rejected_while_open} attempts were rejected \
                 and {attempts_while_open} were started"
            ),
            holds: attempts_while_open == 0 && rejected_while_open > 0,
        }
    }

    /// Each request at the server belongs to one attempt, so rejected attempts did not reach the server.
    fn attempts_are_requests(&self) -> Claim {
        let mut arrivals = vec![0_u32; self.requests.len()];
        let mut unknown = 0;
        for number in &self.received {
            match arrivals.get_mut(*number) {
                Some(arrivals) => *arrivals += 1,
                None => unknown += 1,
            }
        }
        let possible = self.requests.iter().zip(&arrivals).all(|(end, arrivals)| match end {
            RequestEnd::Answered => *arrivals == 1,
            RequestEnd::Refused => *arrivals == 0,
            RequestEnd::Abandoned | RequestEnd::Broken => *arrivals <= 1,
        });
        let refused = self.requests.iter().filter(|end| **end == RequestEnd::Refused).count();
        let lost = self.requests.len().saturating_sub(self.received.len() + refused);
        let lost = match lost {
            0 => String::new(),
            lost => format!(" + {lost} lost on the way"),
        };
        Claim {
            text: format!(
                "{} attempts = {} requests at the server + {refused} refused connections{lost}",
                self.history.attempts,
                self.received.len(),
            ),
            holds: possible && unknown == 0 && self.requests.len() == self.attempts(),
        }
    }

    fn probed(&self) -> Claim {
        let most = self.history.most_probes;
        Claim {
            text: format!("while it was half-open, at most {most} probes ran at once (limit: {PROBES})"),
            holds: (1..=PROBES).contains(&most),
        }
    }

    fn closed_again(&self) -> Claim {
        let recoveries: Vec<usize> = self.steps(|mode| mode == Mode::Healthy).split_off(1);
        Claim {
            text: format!("it closed again after each of {} outages", recoveries.len()),
            holds: !recoveries.is_empty() && recoveries.iter().all(|step| self.changed(*step, Phase::Closed)),
        }
    }

    fn hints_were_kept(&self) -> Claim {
        let delays = self.history.delays.iter();
        let hinted: Vec<_> = delays.filter_map(|delay| delay.hint.map(|hint| (hint, delay))).collect();
        Claim {
            text: format!("no delay was shorter than its Retry-After ({} delays had one)", hinted.len()),
            holds: !hinted.is_empty()
                && hinted.iter().all(|(hint, delay)| delay.planned >= *hint && delay.actual >= *hint),
        }
    }

    fn calls_add_up(&self) -> Claim {
        let Tally { calls, succeeded, gave_up, rejected } = self.tally;
        Claim {
            text: format!("{calls} calls = {succeeded} succeeded + {gave_up} gave up + {rejected} rejected"),
            holds: calls == succeeded + gave_up + rejected
                && self.history.count(Outcome::Succeeded) == succeeded.try_into().unwrap_or(usize::MAX)
                && (self.history.gave_up, self.history.rejected) == (gave_up, rejected),
        }
    }

    fn attempts(&self) -> usize {
        self.history.attempts.try_into().unwrap_or(usize::MAX)
    }

    /// Returns the positions in the script of the steps with such a mode.
    fn steps(&self, mode: impl Fn(Mode) -> bool) -> Vec<usize> {
        let steps = self.history.steps.iter().enumerate();
        steps.filter(|(_, span)| mode(span.what.mode)).map(|(place, _)| place).collect()
    }

    fn changed(&self, step: usize, to: Phase) -> bool {
        let mut changes = self.history.changes.iter();
        changes.any(|(place, change)| *place == step && change.to == to)
    }
}
