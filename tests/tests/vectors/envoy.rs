//! Envoy: its backoff strategies. Its budgets are replayed in `budgets/`.

use std::time::Duration;

use retry_core::{Backoff, Jitter, Policy};
use serde_json::Value;

use crate::json::{Fields, Ms, Replayed, fail, replay};
use crate::machine::{LONGEST, built, policy};
use crate::outcome::Outcome;
use crate::{budgets, draw, rules};

pub(crate) fn cases(meta: &Value, case: &Value) -> Outcome {
    if let Some(outcome) = budgets::envoy(meta, case) {
        return outcome;
    }
    replay(case, |case| {
        let (given, config) = (case.fields("given")?, case.fields("config")?);
        if config.has("kind") {
            strategy(case, &config)
        } else if given.has("stdev_factor") {
            given.comments(&["success_rates", "stdev_factor"]);
            case.fields("expect")?.comments(&["mean", "ejection_threshold"]);
            Ok(Outcome::Declared(rules::NO_LOAD_BALANCER))
        } else {
            validity(case, &given)
        }
    })
}

/// Whether a base and a cap go together.
fn validity(case: &Fields<'_>, given: &Fields<'_>) -> Replayed {
    let (base, cap): (Ms, Ms) = (given.get("base_ms")?, given.get("max_ms")?);
    let valid: bool = case.fields("expect")?.get("valid")?;
    let ours = Policy::exponential(base.0).try_max_delay(cap.0).is_ok();
    if ours && !valid && base.0.is_zero() {
        return Ok(Outcome::Declared(rules::ZERO_BASE));
    }
    Ok(Outcome::same("valid", ours, valid))
}

/// A strategy that is asked for one delay after the other.
struct Strategy {
    kind: Kind,
    base: Duration,
    cap: Option<Duration>,
    /// The draw of every delay.
    random: u64,
    /// The delays asked for since the start.
    asked: u32,
}

#[derive(Clone, Copy)]
enum Kind {
    /// `random % min(base * 2^asked, cap)`.
    Exponential,
    /// `base + random % (base / 2)`.
    LowerBound,
    /// `base`.
    Fixed,
}

enum Op {
    Next {
        repeat: u32,
        exactly: Option<Ms>,
        at_most: Option<Ms>,
    },
    /// Starts anew, perhaps from another base.
    Reset(Option<Ms>),
}

impl Op {
    fn read(step: &Fields<'_>) -> Replayed<Self> {
        let expect = step.fields("expect")?;
        match step.get("op")? {
            "next" => Ok(Self::Next {
                repeat: step.find("repeat")?.unwrap_or(1),
                exactly: expect.find("ms")?,
                at_most: expect.find("le")?,
            }),
            "reset" => Ok(Self::Reset(step.find("base_ms")?)),
            other => fail(format!("unknown op: {other}")),
        }
    }
}

fn strategy(case: &Fields<'_>, config: &Fields<'_>) -> Replayed {
    let cap: Option<Ms> = config.find("max_ms")?;
    let mut strategy = Strategy {
        kind: match config.get("kind")? {
            "jittered_exponential" => Kind::Exponential,
            "jittered_lower_bound" => Kind::LowerBound,
            "fixed" => Kind::Fixed,
            other => return fail(format!("unknown kind: {other}")),
        },
        base: config.get::<Ms>("base_ms")?.0,
        cap: cap.map(|Ms(cap)| cap.min(LONGEST)),
        random: if config.get::<&str>("kind")? == "fixed" { 0 } else { config.get("random_u64")? },
        asked: 0,
    };
    let ops = case.list("steps")?;
    let ops = ops.iter().map(Op::read).collect::<Replayed<Vec<_>>>()?;
    let mut outcome = Outcome::Pass;
    for op in ops {
        match op {
            Op::Next { repeat, exactly, at_most } => {
                for _ in 0..repeat {
                    outcome = outcome.and(strategy.next(exactly, at_most)?);
                }
            }
            Op::Reset(base) => {
                strategy.base = base.map_or(strategy.base, |Ms(base)| base);
                strategy.asked = 0;
            }
        }
    }
    Ok(outcome)
}

impl Strategy {
    /// Our ceiling of the next delay, cap included.
    fn ceiling(&self) -> Duration {
        let ceiling = Backoff::exponential(self.base).ceiling(self.asked.saturating_add(1));
        ceiling.min(self.cap.unwrap_or(LONGEST))
    }

    fn next(&mut self, exactly: Option<Ms>, at_most: Option<Ms>) -> Replayed {
        let (ours, saturates) = (self.delay()?, self.ceiling() == LONGEST);
        self.asked = self.asked.saturating_add(1);
        let mut outcome = match exactly {
            Some(Ms(theirs)) if theirs > LONGEST && saturates => Outcome::Declared(rules::SATURATES),
            Some(Ms(theirs)) => Outcome::same("delay", ours, theirs),
            None => Outcome::Pass,
        };
        if let Some(Ms(most)) = at_most {
            let holds = ours <= most;
            outcome = outcome.and(Outcome::check(holds, || format!("delay: {ours:?}, above {most:?}")));
        }
        Ok(outcome)
    }

    /// The delay by the word of which our jitter makes what the peer draws, in whole milliseconds.
    fn delay(&self) -> Replayed<Duration> {
        let (curve, jitter, failed, range) = match self.kind {
            Kind::Fixed => {
                let policy = policy(Backoff::fixed(self.base), self.cap)?;
                return Ok(policy.delay(self.asked.saturating_add(1), Duration::ZERO, 0));
            }
            Kind::Exponential => {
                let curve = Backoff::exponential(self.base);
                (curve, Jitter::Full, self.asked.saturating_add(1), self.ceiling())
            }
            Kind::LowerBound => {
                let jitter = built(Jitter::try_additive(0.5))?;
                (Backoff::fixed(self.base), jitter, 1, self.base / 2)
            }
        };
        let drawn = match u64::try_from(range.as_millis()) {
            Ok(ms @ 1..) => Duration::from_millis(self.random % ms),
            _ => return fail(format!("a draw below {range:?}")),
        };
        let policy = policy(curve, self.cap)?.jitter(jitter);
        Ok(policy.delay(failed, Duration::ZERO, draw::word_for(drawn, range)?))
    }
}
