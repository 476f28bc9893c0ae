//! Everything that happens to a call, as plain data.

use core::fmt;
use core::time::Duration;

use super::error_text::ErrorText;
use crate::circuit::Change;
use crate::circuit::Rejected;
use crate::class::{Class, Severity};
use crate::error::ErrorContext;
use crate::key::Key;
#[cfg(feature = "std")]
use crate::name::Name;
use crate::policy::Failure;
use crate::time::{Instant, Spoken};
use crate::verdict::{GiveUp, Verdict};

/// One thing that happened to one call, or to a circuit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Event<'a> {
    /// When. Orders the events of one call; those of other calls may be under way meanwhile.
    pub at: Instant,
    /// The operation's name, as the call was given it; empty without one. For a circuit by itself, its name.
    pub operation: &'a str,
    /// Which of several like dependencies; [`Key::NONE`] without one.
    pub key: Key,
    /// Which attempt, from 1; 0 before the first was admitted.
    pub attempt: u32,
    /// What the failed attempt's error says of itself, if the classifier gives it: see
    /// [`Classifier::text`](crate::classify::Classifier::text).
    pub text: Option<ErrorText<'a>>,
    /// What.
    pub kind: EventKind,
    /// The operation's name once more, if it is there for as long as the program runs.
    pub(crate) fixed: Option<&'static str>,
}

impl<'a> Event<'a> {
    /// What a circuit did that no call brought about: by hand, or by a health check. `circuit` is a name for it.
    ///
    /// ```
    /// use retry_core::{CircuitConfig, SharedCircuit, observe::{Event, Observer, observer_fn}, testing::FakeClock};
    ///
    /// let observer = observer_fn(|event| assert_eq!((event.operation, event.attempt), ("stock", 0)));
    /// let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CircuitConfig::DEFAULT));
    /// if let Some(change) = circuit.force_open(clock.now()) {
    ///     observer.observe(&Event::phase_changed("stock", change));
    /// }
    /// ```
    pub const fn phase_changed(circuit: &'a str, change: Change) -> Self {
        let kind = EventKind::PhaseChanged(change);
        Self { at: change.at, operation: circuit, key: Key::NONE, attempt: 0, text: None, kind, fixed: None }
    }

    /// What became of the letter of a call that ended like this: for a loop that hands it over by itself.
    pub fn dead_lettered(call: &'a ErrorContext, kept: bool) -> Self {
        let ErrorContext { operation, key, attempt, when, .. } = call;
        let kind = EventKind::DeadLettered { kept };
        let fixed = operation.as_static();
        Self { at: *when, operation, key: *key, attempt: *attempt, text: None, kind, fixed }
    }
}

impl Event<'_> {
    /// The operation's name, to be kept.
    #[cfg(feature = "std")]
    pub(crate) fn name(&self) -> Name {
        Name::kept(self.operation, self.fixed)
    }
}

/// What happened. Causes come before effects: a change of phase before the verdict it led to.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EventKind {
    /// An attempt was admitted.
    Started,
    /// The attempt succeeded, and the call with it.
    Succeeded,
    /// The attempt failed.
    Failed {
        /// As the classifier saw it.
        failure: Failure,
        /// What the call does now.
        verdict: Verdict,
        /// What it had left when that was decided.
        outlook: Outlook,
    },
    /// The budget did not hold the retry that the policy would have made; the verdict follows.
    BudgetEmpty,
    /// The circuit refused the attempt; the call ends.
    Rejected(Rejected),
    /// The attempt was dropped before it ended, or the delay before the next one.
    Cancelled,
    /// The circuit changed its phase.
    PhaseChanged(Change),
    /// The call is over. Always its last event but for its dead letter's.
    Ended {
        /// How.
        end: CallEnd,
        /// The time since it started, delays included; since its first attempt, where it was told of its observer only
        /// after its start.
        elapsed: Option<Duration>,
    },
    /// A call that gave up was handed over as a dead letter.
    DeadLettered {
        /// Whether it was kept; else it is lost, and counted as lost where it was.
        kept: bool,
    },
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CallEnd {
    /// Its last attempt succeeded.
    Succeeded,
    /// The policy or the budget allowed no further attempt.
    GaveUp(GiveUp),
    /// The circuit refused an attempt, or would have.
    Rejected,
    /// It was stopped, or dropped.
    Cancelled,
}

impl CallEnd {
    /// `succeeded`, `gave-up`, `rejected` or `cancelled`, for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::GaveUp(_) => "gave-up",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a call has left after a failed attempt, and what else its verdict was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Outlook {
    /// The most attempts it may make in all; `u32::MAX` for no limit.
    pub max_attempts: u32,
    /// The time since the call started, as the verdict was told it; `None` where it is not counted.
    pub elapsed: Option<Duration>,
    /// What is left of its time, as [`Progress::left`](crate::Progress::left) says it.
    pub left: Option<Duration>,
    /// What its budget holds after the verdict, in the budget's own unit, if it can tell.
    pub budget: Option<u64>,
    /// The random word that was taken for the delay; `None` where no delay was worked out.
    pub word: Option<u64>,
}

impl Outlook {
    /// Without a limit of time and a budget.
    pub const fn new(max_attempts: u32) -> Self {
        Self { max_attempts, elapsed: None, left: None, budget: None, word: None }
    }
}

impl EventKind {
    /// What the call does after this event, if it is about that: of a failed attempt, and of one refused.
    pub const fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Failed { verdict, .. } => Some(*verdict),
            Self::Rejected(rejected) => Some(Verdict::Rejected(*rejected)),
            _ => None,
        }
    }

    /// Whether someone should have a look: an error of class `Unknown` is retried like others, but nobody said what
    /// it is, so that a log should show it as a caution.
    pub const fn is_caution(&self) -> bool {
        matches!(self, Self::Failed { failure: Failure { class: Class::Unknown, .. }, .. })
    }

    /// How bad it is: of a failed attempt, as bad as its class.
    pub const fn severity(&self) -> Option<Severity> {
        match self {
            Self::Failed { failure, .. } => Some(failure.class.severity()),
            _ => None,
        }
    }

    /// The delay that the call sleeps after this event, if it does.
    pub const fn delay(&self) -> Option<Duration> {
        match self {
            Self::Failed { verdict: Verdict::Retry(delay), .. } => Some(*delay),
            _ => None,
        }
    }
}

/// The event in one line, such as `stock.read: retry in 214 ms: Timeout, attempt 2 of 5, 27.1 s left, budget 480`.
///
/// ```
/// use core::cell::RefCell;
/// use retry_core::{
///     runtime::LocalLock, testing::FakeClock, Class, Jitter, Policy, Retry, SharedBudget, TokenBucket,
/// };
///
/// const POLICY: Policy = Policy::DEFAULT.jitter(Jitter::None).start_within(core::time::Duration::from_secs(30));
///
/// let clock = FakeClock::new();
/// let budget = SharedBudget::<_, LocalLock>::with_lock(TokenBucket::DEFAULT);
/// let lines = RefCell::new(Vec::new());
/// let retry = Retry::new(&POLICY, &clock)
///     .budget(&budget)
///     .named("stock.read")
///     .on_event(|event| lines.borrow_mut().push(event.to_string()));
/// let mut answers = [Err(Class::Timeout), Ok(7)].into_iter();
/// retry.run_blocking(|| answers.next().unwrap()).unwrap();
/// assert_eq!(
///     lines.into_inner(),
///     [
///         "stock.read: attempt 1",
///         "stock.read: retry in 100 ms: Timeout, attempt 1 of 3, 30.0 s left, budget 490",
///         "stock.read: attempt 2",
///         "stock.read: attempt 2 succeeded",
///         "stock.read: succeeded after attempt 2, 100 ms",
///     ]
/// );
/// ```
impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt_after(self.operation, f)?;
        let attempt = self.attempt;
        match self.kind {
            EventKind::Started => write!(f, "attempt {attempt}"),
            EventKind::Succeeded => write!(f, "attempt {attempt} succeeded"),
            EventKind::Failed { failure, verdict, outlook } => {
                write!(f, "{verdict}: {}, attempt {attempt}", failure.class)?;
                if outlook.max_attempts < u32::MAX {
                    write!(f, " of {}", outlook.max_attempts)?;
                }
                if failure.hint_unreadable {
                    f.write_str(", unreadable hint")?;
                }
                if let Some(left) = outlook.left {
                    write!(f, ", {} left", Spoken(left))?;
                }
                if let Some(budget) = outlook.budget {
                    write!(f, ", budget {budget}")?;
                }
                match self.text {
                    Some(text) => write!(f, ": {text}"),
                    None => Ok(()),
                }
            }
            EventKind::BudgetEmpty => f.write_str("the budget of retries is empty"),
            EventKind::Rejected(rejected) => write!(f, "rejected: {rejected}"),
            EventKind::Cancelled => write!(f, "attempt {attempt} cancelled"),
            EventKind::PhaseChanged(Change { from, to, cause, .. }) => write!(f, "{from} -> {to}: {cause}"),
            EventKind::Ended { end, elapsed } => {
                write!(f, "{} after attempt {attempt}", end.name())?;
                match elapsed {
                    Some(elapsed) => write!(f, ", {}", Spoken(elapsed)),
                    None => Ok(()),
                }
            }
            EventKind::DeadLettered { kept: true } => f.write_str("dead letter"),
            EventKind::DeadLettered { kept: false } => f.write_str("dead letter lost"),
        }
    }
}

/// Sees every event of a call.
///
/// An observer is called on the path of the call, outside of every lock; it should be quick. `()` is the observer that
/// sees nothing and costs nothing. An event does not say which caller it is about: give each its own observer, such as
/// a closure that knows.
///
/// A closure becomes an observer by [`Retry::on_event`](crate::Retry::on_event) or [`observer_fn`]. References, `Arc`s
/// and boxes of observers are observers. So are a tuple of up to four observers (which may hold tuples), an array, a
/// slice, a `Vec` and an `Option` of them. An observer that may panic belongs into a
/// `Guarded`, one that may block behind a `Queued`.
///
/// ```
/// use core::cell::Cell;
/// use retry_core::{Call, Policy, observe::{EventKind, observer_fn}, testing::FakeClock};
///
/// let started = Cell::new(0);
/// let observer = observer_fn(|event| if event.kind == EventKind::Started { started.set(started.get() + 1) });
///
/// let clock = FakeClock::new();
/// let mut call = Call::new(&Policy::DEFAULT, clock.now()).observe(observer);
/// call.attempt(clock.now()).unwrap().succeed(clock.now());
/// assert_eq!(started.get(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an observer",
    note = "a closure becomes one by `.on_event(|event| ..)`, or by `observer_fn(|event| ..)` inside a tuple",
    note = "a tuple of up to four observers is one, and a tuple may hold tuples"
)]
pub trait Observer {
    /// Sees an event.
    fn observe(&self, event: &Event<'_>);

    /// Whether it looks at events at all. If not, no event is put together and no clock is read for one.
    fn is_enabled(&self) -> bool {
        true
    }
}

impl Observer for () {
    fn observe(&self, _: &Event<'_>) {}

    fn is_enabled(&self) -> bool {
        false
    }
}

/// The observer that calls this closure with each event.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{Class, Policy, Retry, observe::{Metrics, observer_fn}, testing::FakeClock};
///
/// static METRICS: Metrics = Metrics::new();
///
/// let clock = FakeClock::new();
/// let print = observer_fn(|event| println!("{event}"));
/// let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.read").observe((&METRICS, print));
/// assert_eq!(retry.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
/// # }
/// ```
pub const fn observer_fn<F: Fn(&Event<'_>)>(f: F) -> ObserverFn<F> {
    ObserverFn(f)
}

/// A closure as an observer: see [`observer_fn`].
#[derive(Clone, Copy)]
pub struct ObserverFn<F>(F);

impl<F: Fn(&Event<'_>)> Observer for ObserverFn<F> {
    fn observe(&self, event: &Event<'_>) {
        (self.0)(event);
    }
}

impl<F> fmt::Debug for ObserverFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObserverFn(..)")
    }
}
