//! Everything that happens to a call, as plain data.

use core::fmt;
use core::time::Duration;

use super::tags::Tags;
use crate::circuit::{Change, Gate, Rejected};
use crate::class::{Class, Severity};
use crate::clean::Shown;
use crate::error::ErrorContext;
use crate::error_text::ErrorText;
use crate::key::Key;
#[cfg(feature = "std")]
use crate::name::Name;
use crate::policy::Failure;
use crate::time::{Instant, Spoken};
use crate::verdict::{GiveUp, Verdict};

/// One thing that happened to a call, or to a circuit.
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Event<'a> {
    /// When it happened. This orders the events of one call; other calls may have events in between.
    pub at: Instant,
    /// The operation's name, as the call was given it; empty if the call is unnamed. For a change that was made by
    /// hand, the name of the circuit.
    pub operation: &'a str,
    /// The type of the operation, such as `"database"`; it is empty if the call has none. It is the name of the
    /// [`Operation`](crate::pool::Operation) that made the call, or what [`Retry::of_type`](crate::Retry::of_type) says.
    pub operation_type: &'static str,
    /// Which one of several similar dependencies; [`Key::NONE`] if it is unset. For a change or a refusal of a pool's
    /// circuit, it is the key of that circuit if the call has none.
    pub key: Key,
    /// The number of the attempt, from 1; 0 before the first attempt was admitted.
    pub attempt: u32,
    /// The text of the failed attempt's error, if the classifier returns one: see
    /// [`Classifier::text`](crate::classify::Classifier::text). Without one, it is the failure's
    /// [detail](Failure::detail), such as the HTTP status of an unacceptable value.
    pub text: Option<ErrorText<'a>>,
    /// The name of the circuit, if the event is a change or a refusal of a [named](crate::SharedCircuit::named) circuit;
    /// otherwise it is empty. A circuit of a pool has the name of its pool.
    pub circuit: &'a str,
    /// What happened.
    pub kind: EventKind,
    /// The operation's name again, if it is a `&'static str`.
    pub(crate) fixed: Option<&'static str>,
    /// The [place](Gate::place) of the circuit, if the event is a change of one; otherwise 0.
    pub(crate) place: usize,
    /// What a [`Tagged`](crate::observe::Tagged) has added.
    pub(crate) tags: &'a Tags,
}

impl<'a> Event<'a> {
    /// Makes the event of a change that came from outside of calls, such as by hand or by a health check. `circuit` is
    /// the name to show for the circuit.
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
        Self::plain(circuit, Key::NONE, 0, change.at, kind)
    }

    /// Says which circuit changed, so that the change is counted for that circuit, as those that its calls cause. The
    /// event gets the circuit's [name](crate::SharedCircuit::named), and its key if it is one of a pool.
    ///
    /// ```
    /// use retry_core::{CircuitConfig, SharedCircuit, observe::Event, testing::FakeClock};
    ///
    /// let (clock, circuit) = (FakeClock::new(), SharedCircuit::new(CircuitConfig::DEFAULT).named("payments"));
    /// let change = circuit.force_open(clock.now()).unwrap();
    /// let event = Event::phase_changed("payments", change).of_circuit(&circuit);
    /// assert_eq!((event.circuit, event.to_string().as_str()), ("payments", "payments: closed -> open: by hand"));
    /// ```
    #[must_use]
    pub fn of_circuit(self, circuit: &impl Gate) -> Self {
        let key = if self.key.is_none() { circuit.key() } else { self.key };
        Self { circuit: circuit.name(), key, place: circuit.place(), ..self }
    }

    /// Makes the event that tells whether a call's dead letter was kept, for a loop that hands over the letter itself.
    pub fn dead_lettered(call: &'a ErrorContext, kept: bool) -> Self {
        Self::after(call, EventKind::DeadLettered { kept })
    }

    /// Makes an event about the letter of a call that has ended before.
    pub(crate) const fn of_letter(
        operation: &'a str,
        key: Key,
        attempt: u32,
        at: Instant,
        kind: EventKind,
    ) -> Self {
        Self::plain(operation, key, attempt, at, kind)
    }

    /// Makes an event without the parts that only some events have.
    const fn plain(operation: &'a str, key: Key, attempt: u32, at: Instant, kind: EventKind) -> Self {
        let (operation_type, text, circuit, fixed, place, tags) = ("", None, "", None, 0, Tags::EMPTY);
        Self { at, operation, operation_type, key, attempt, text, circuit, kind, fixed, place, tags }
    }

    /// Makes an event that comes after the end of a call.
    pub(crate) fn after(call: &'a ErrorContext, kind: EventKind) -> Self {
        let ErrorContext { operation, key, attempt, when, .. } = call;
        let fixed = operation.as_static();
        Self { fixed, ..Self::plain(operation, *key, *attempt, *when, kind) }
    }
}

impl Event<'_> {
    /// Returns the tags, in pairs of name and value, that a [`Tagged`](crate::observe::Tagged) has added.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tags.iter()
    }

    /// Returns the operation's name as a value that can be kept.
    #[cfg(feature = "std")]
    pub(crate) fn name(&self) -> Name {
        Name::kept(self.operation, self.fixed)
    }
}

/// What happened. A cause comes before its effect, such as a change of phase before the verdict that follows from it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EventKind {
    /// An attempt was admitted, and starts.
    Started,
    /// The attempt succeeded, and so did the call.
    Succeeded,
    /// The attempt failed.
    Failed {
        /// The class of its error, with the server's hint and the rule, as the classifier returned them. It is also
        /// neutral if the policy says so of its class.
        failure: Failure,
        /// What the call does next.
        verdict: Verdict,
        /// What the call had left at that time.
        outlook: Outlook,
    },
    /// The budget could not pay for a retry that the policy would have made. The event with the verdict follows.
    BudgetEmpty,
    /// The circuit refused the attempt. The call ends.
    Rejected(Rejected),
    /// The attempt, or the delay before the next one, was dropped.
    Cancelled,
    /// The circuit changed its phase.
    PhaseChanged(Change),
    /// The call has ended. Only [`DeadLettered`](Self::DeadLettered) or
    /// [`DeadLetterLeftOut`](Self::DeadLetterLeftOut) may follow.
    Ended {
        /// How it ended.
        end: CallEnd,
        /// The time since the call started, delays included. A call by hand that got its observer later counts from its
        /// first attempt.
        elapsed: Option<Duration>,
    },
    /// A dead letter was handed over. It comes after the end of the call.
    DeadLettered {
        /// Whether a sink kept the letter; otherwise it is lost.
        kept: bool,
    },
    /// The circuit refused the call, and its dead letter was left out and counted: the circuit refuses more calls than
    /// the sink's [`RejectedLimit`](crate::dead_letter::RejectedLimit) allows. It comes after the end of the call.
    DeadLetterLeftOut {
        /// Whether it is the first one after a calm time.
        first: bool,
    },
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CallEnd {
    /// Its last attempt succeeded.
    Succeeded,
    /// The policy or the budget allowed no further attempt.
    GaveUp(GiveUp),
    /// The circuit refused an attempt, or would have refused the next one.
    Rejected,
    /// The call was stopped or dropped.
    Cancelled,
}

impl CallEnd {
    /// Returns `succeeded`, `gave-up`, `rejected` or `cancelled`, for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::GaveUp(_) => "gave-up",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Writes the end in words, as the error of the call does: `succeeded`, `gave up`, `ignored an error`, `rejected` or
/// `cancelled`.
impl fmt::Display for CallEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GaveUp(GiveUp::Ignored) => "ignored an error",
            Self::GaveUp(_) => "gave up",
            _ => self.name(),
        })
    }
}

/// What a call had left after a failed attempt, and what else its verdict depended on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Outlook {
    /// The number of attempts that the call makes if it goes on failing in this way; `u32::MAX` for no limit.
    pub max_attempts: u32,
    /// The time since the call started; `None` if the call does not count its time.
    pub elapsed: Option<Duration>,
    /// The time that the call has left: see [`Progress::left`](crate::Progress::left).
    pub left: Option<Duration>,
    /// What the budget held after the verdict, in its own unit; `None` if that is unknown.
    pub budget: Option<u64>,
    /// The random word from which the delay got its jitter; `None` if no delay was computed.
    pub word: Option<u64>,
}

impl Outlook {
    /// Makes an outlook with this number of attempts. The other fields are `None`.
    pub const fn new(max_attempts: u32) -> Self {
        Self { max_attempts, elapsed: None, left: None, budget: None, word: None }
    }
}

impl EventKind {
    /// Returns what the call does next, if the event is a failed attempt or a refusal.
    pub const fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Failed { verdict, .. } => Some(*verdict),
            Self::Rejected(rejected) => Some(Verdict::Rejected(*rejected)),
            _ => None,
        }
    }

    /// Returns whether a log should show the event as a warning: an error of class `Unknown` is retried, but its class
    /// should be set.
    pub const fn is_caution(&self) -> bool {
        matches!(self, Self::Failed { failure: Failure { class: Class::Unknown, .. }, .. })
    }

    /// Returns the severity of the error's class, if the event is a failed attempt.
    pub const fn severity(&self) -> Option<Severity> {
        match self {
            Self::Failed { failure, .. } => Some(failure.class.severity()),
            _ => None,
        }
    }

    /// Returns the delay that the call sleeps after this event, if it retries.
    pub const fn delay(&self) -> Option<Duration> {
        match self {
            Self::Failed { verdict: Verdict::Retry(delay), .. } => Some(*delay),
            _ => None,
        }
    }
}

/// Shows the event in one line, with up to 128 bytes of the name. U+FFFD replaces control characters, line separators and
/// marks of text direction.
///
/// An example is `stock.read: retry in 214 ms: Timeout, attempt 2 of 5, 27.1 s left, budget 480`.
///
/// The line of a failed attempt ends with the error's [`text`](Event::text), if there is one.
///
/// The type of the operation follows the name in parentheses, if it differs from the name, and the tags in braces:
/// `users.read (database) {region=eu}: attempt 1`.
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
        let whose = self.operation_type;
        if (whose.is_empty() || whose == self.operation) && self.tags.is_empty() {
            self.key.fmt_after(self.operation, f)?;
        } else {
            self.fmt_beginning(f)?;
        }
        let attempt = self.attempt;
        match self.kind {
            EventKind::Started => write!(f, "attempt {attempt}"),
            EventKind::Succeeded => write!(f, "attempt {attempt} succeeded"),
            EventKind::Failed { failure, verdict, outlook } => {
                let neutral = match failure {
                    Failure { is_pending: true, .. } => ", pending",
                    Failure { is_neutral: true, .. } => ", neutral",
                    _ => "",
                };
                write!(f, "{verdict}: {}{neutral}, attempt {attempt}", failure.class)?;
                if outlook.max_attempts < u32::MAX {
                    write!(f, " of {}", outlook.max_attempts)?;
                }
                if failure.unreadable_hint {
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
            EventKind::PhaseChanged(Change { from, to, cause, .. }) => {
                // A change by hand has the name of the circuit in place of an operation.
                if !self.circuit.is_empty() && self.circuit != self.operation {
                    write!(f, "circuit {}: ", self.circuit)?;
                }
                write!(f, "{from} -> {to}: {cause}")
            }
            EventKind::Ended { end, elapsed } => {
                match attempt {
                    0 => write!(f, "{end} before the first attempt")?,
                    _ => write!(f, "{end} after attempt {attempt}")?,
                }
                if let Some(elapsed) = elapsed {
                    write!(f, ", {}", Spoken(elapsed))?;
                }
                match end {
                    CallEnd::GaveUp(reason) => write!(f, ": {reason}"),
                    _ => Ok(()),
                }
            }
            EventKind::DeadLettered { kept: true } => f.write_str("dead letter"),
            EventKind::DeadLettered { kept: false } => f.write_str("dead letter lost"),
            EventKind::DeadLetterLeftOut { first: true } => {
                f.write_str("too many dead letters of rejected calls: further ones are only counted")
            }
            EventKind::DeadLetterLeftOut { first: false } => f.write_str("dead letter left out"),
        }
    }
}

impl Event<'_> {
    /// Writes the name, the key, the type and the tags. It is a function of its own, because most events have neither
    /// type nor tags.
    #[cold]
    fn fmt_beginning(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if !self.operation.is_empty() || !self.key.is_none() {
            write!(f, "{}", Shown(self.operation))?;
            if !self.key.is_none() {
                write!(f, "[{}]", self.key)?;
            }
            separator = " ";
        }
        if !self.operation_type.is_empty() && self.operation_type != self.operation {
            write!(f, "{separator}({})", Shown(self.operation_type))?;
            separator = " ";
        }
        if !self.tags.is_empty() {
            write!(f, "{separator}{{{}}}", self.tags)?;
        }
        f.write_str(": ")
    }
}

/// Shows all fields, with up to 128 bytes of the name.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, operation, operation_type, key, circuit, attempt, text, kind, tags, .. } = self;
        f.debug_struct("Event")
            .field("at", at)
            .field("operation", &Shown(operation))
            .field("operation_type", &Shown(operation_type))
            .field("tags", tags)
            .field("key", key)
            .field("circuit", &Shown(circuit))
            .field("attempt", attempt)
            .field("text", text)
            .field("kind", kind)
            .finish_non_exhaustive()
    }
}

/// Receives every event of a call.
///
/// The call runs its observer inline, outside of every lock, so an observer should be quick. `()` is a disabled
/// observer, which the compiler removes. To tell callers apart, give each one an observer of its own, such as a
/// closure.
///
/// A closure becomes an observer by [`Retry::on_event`](crate::Retry::on_event) or [`observer_fn`]. These are
/// observers, too: references, `Arc`s and boxes of observers; tuples of up to four observers, which may hold tuples;
/// and an array, a slice, a `Vec` or an `Option` of observers. Put one that may panic into a `Guarded`, and one that
/// may block behind a `Queued`.
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
    /// Receives an event.
    fn observe(&self, event: &Event<'_>);

    /// Returns whether the observer uses events. Only then does a call make events, and read a clock for them.
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

/// Makes an observer of a closure, which is called with each event.
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
