//! The types of operations of a program: a policy and a circuit for each, by name.

use core::fmt;
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::circuit::{
    Admission, AttemptEnd, CountWindow, Gate, Rejected, Settled, SharedCircuit, Ticket, Window,
};
use crate::config_error::{ConfigError, Line, Value, ok_or_panic};
use crate::lock::{DefaultLock, Lock};
use crate::log_level::LogThreshold;
use crate::policy::{Policies, Policy, Preset, Rule};
use crate::retry::Retry;
use crate::time::Now;

/// The types of operations of a program, such as "database" and "http", each with its policy and its circuit.
///
/// It is usually a `static`, made of [`Preset`]s. Each type is looked up once:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use retry_core::{pool::{Operation, Operations}, runtime::StdRuntime, Class, Policy, Preset};
///
/// static ALL: Operations<3> = Operations::new([
///     Preset::DATABASE,
///     Preset::CACHE,
///     Preset::new("search", Policy::fixed(core::time::Duration::from_millis(20))),
/// ]);
/// static DATABASE: &Operation = ALL.named("database"); // another name would not compile
///
/// let retry = DATABASE.retry(StdRuntime);
/// assert_eq!(retry.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
/// assert!(ALL.find("cache").unwrap().circuit().is_none()); // this preset has none
/// # }
/// ```
///
/// With the feature `serde`, a file may change the policies and the circuits: see `OperationsFile`. With `std`,
/// `reload` replaces them while calls are under way. For one circuit per host, use a
/// [`FixedCircuitPool`](crate::pool::FixedCircuitPool) or a `CircuitPool`.
#[doc(alias = "registry")]
pub struct Operations<const N: usize, W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    operations: [Operation<W, L>; N],
}

/// One type of operation: its name, its policy, and its circuit if it has one.
pub struct Operation<W: Window = CountWindow<100>, L: Lock = DefaultLock> {
    name: &'static str,
    policy: Source,
    circuit: Option<SharedCircuit<W, L>>,
    dead_letter: AtomicBool,
    log_threshold: LogThreshold,
}

/// The place of an operation's policy.
#[cfg(feature = "std")]
type Source = crate::policy::ReloadablePolicy;
#[cfg(not(feature = "std"))]
type Source = Policy;

impl<const N: usize> Operations<N> {
    /// Makes one type of operation per preset, with the preset's name. The circuits have the last 100 calls as windows,
    /// and the [`DefaultLock`]. For others, use [`with_window`](Self::with_window).
    ///
    /// # Panics
    /// Panics if two presets have the same name, or if the configuration of a circuit is invalid for its window. In a
    /// `static`, that is a compile error.
    #[track_caller]
    pub const fn new(presets: [Preset; N]) -> Self {
        Self::with_window(presets)
    }

    /// Does the same as [`new`](Self::new), for presets known only at run time.
    ///
    /// # Errors
    /// Returns an error if two presets have the same name, or if the configuration of a circuit is invalid for its
    /// window.
    pub const fn try_new(presets: [Preset; N]) -> Result<Self, ConfigError> {
        Self::try_with_window(presets)
    }
}

impl<const N: usize, W: Window, L: Lock> Operations<N, W, L> {
    /// Makes one type of operation per preset, with the preset's name. The circuits have the window and the lock of
    /// this type.
    ///
    /// ```
    /// use retry_core::{circuit::CountWindow, pool::Operations, Preset};
    ///
    /// let all = Operations::<1, CountWindow<20>>::with_window([Preset::DATABASE]);
    /// assert_eq!(all.iter().count(), 1);
    /// ```
    ///
    /// # Panics
    /// Panics if two presets have the same name, or if the configuration of a circuit is invalid for its window. In a
    /// `static`, that is a compile error.
    #[track_caller]
    pub const fn with_window(presets: [Preset; N]) -> Self {
        ok_or_panic!(Self::check(&presets));
        Self::from_checked(presets)
    }

    /// Does the same as [`with_window`](Self::with_window), for presets known only at run time.
    ///
    /// # Errors
    /// Returns an error if two presets have the same name, or if the configuration of a circuit is invalid for its
    /// window.
    pub const fn try_with_window(presets: [Preset; N]) -> Result<Self, ConfigError> {
        match Self::check(&presets) {
            Ok(()) => Ok(Self::from_checked(presets)),
            Err(error) => Err(error),
        }
    }

    /// Returns the type of operation with this name.
    ///
    /// # Panics
    /// Panics if there is none. In a `static`, that is a compile error.
    #[track_caller]
    pub const fn named(&self, name: &str) -> &Operation<W, L> {
        match self.find(name) {
            Some(operation) => operation,
            None => panic!("{}", Line::EMPTY.text("no operation ").quoted(name).as_str()),
        }
    }

    /// Returns the type of operation with this name, if there is one.
    pub const fn find(&self, name: &str) -> Option<&Operation<W, L>> {
        let mut i = 0;
        while i < N {
            if is_same(self.operations[i].name, name) {
                return Some(&self.operations[i]);
            }
            i += 1;
        }
        None
    }

    /// Iterates over all types in the order of the presets.
    pub fn iter(&self) -> impl Iterator<Item = &Operation<W, L>> {
        self.operations.iter()
    }

    /// Replaces the policies, the configurations of the circuits, [`dead_letter`](Operation::dead_letter) and the
    /// [level of logs](Operation::log_threshold) while calls are under way. `presets` must have the same names and order as those before.
    ///
    /// A call under way keeps the policy that it began with. Circuits change as by [`SharedCircuit::reconfigure`].
    /// `now` is the time on the clock of the calls.
    ///
    /// ```
    /// use retry_core::{pool::Operations, runtime::StdRuntime, CircuitConfig, Preset};
    ///
    /// static ALL: Operations<1> = Operations::new([Preset::DATABASE]);
    ///
    /// let mut database = Preset::DATABASE; // from a file: see `OperationsFile`
    /// database.policy = database.policy.max_attempts(7);
    /// database.circuit = Some(CircuitConfig::DEFAULT.consecutive_failures(2));
    /// ALL.reload([database], StdRuntime.now())?;
    /// assert_eq!(ALL.named("database").preset(), database);
    ///
    /// database.circuit = None;
    /// let error = ALL.reload([database], StdRuntime.now()).unwrap_err();
    /// assert_eq!(error.to_string(), "circuit of preset = \"database\": must be set or unset, as before");
    /// # Ok::<(), retry_core::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if a preset has another name than before, or if a circuit would be added or removed. It also
    /// returns one if the configuration of a circuit is invalid for its window. Then everything stays as it was.
    #[cfg(feature = "std")]
    pub fn reload(&self, presets: [Preset; N], now: impl Now) -> Result<(), ConfigError> {
        Self::check(&presets)?;
        for (i, (operation, preset)) in self.operations.iter().zip(&presets).enumerate() {
            if operation.name != preset.name {
                let place = Value::Count(i as u64);
                return Err(ConfigError::new("name of preset", place, "must be the same as before"));
            }
            if operation.circuit.is_some() != preset.circuit.is_some() {
                let name = Value::Text(preset.name);
                return Err(ConfigError::new("circuit of preset", name, "must be set or unset, as before"));
            }
        }
        let now = now.now();
        for (operation, preset) in self.operations.iter().zip(presets) {
            operation.policy.reload(preset.policy);
            if let (Some(circuit), Some(config)) = (&operation.circuit, preset.circuit) {
                circuit.reconfigure(config, now)?;
            }
            operation.dead_letter.store(preset.dead_letter, Ordering::Relaxed);
            operation.log_threshold.set(preset.log_level);
        }
        Ok(())
    }

    const fn check(presets: &[Preset; N]) -> Result<(), ConfigError> {
        let mut i = 0;
        while i < N {
            if let Some(config) = presets[i].circuit
                && let Err(error) = config.for_window::<W>()
            {
                return Err(error);
            }
            let mut j = 0;
            while j < i {
                if is_same(presets[i].name, presets[j].name) {
                    let place = Value::Count(i as u64);
                    return Err(ConfigError::new(
                        "name of preset",
                        place,
                        "must differ from the names before it",
                    ));
                }
                j += 1;
            }
            i += 1;
        }
        Ok(())
    }

    const fn from_checked(presets: [Preset; N]) -> Self {
        let mut operations = [const { Operation::without_circuit(&Preset::DEFAULT) }; N];
        let mut i = 0;
        while i < N {
            let circuit = match presets[i].circuit {
                Some(config) => Some(SharedCircuit::with_window(config)),
                None => None,
            };
            // The replaced value holds no resources, and a `const fn` cannot drop it.
            let operation = Operation::without_circuit(&presets[i]);
            mem::forget(mem::replace(&mut operations[i], operation));
            mem::forget(mem::replace(&mut operations[i].circuit, circuit));
            i += 1;
        }
        Self { operations }
    }
}

impl<W: Window, L: Lock> Operation<W, L> {
    const fn without_circuit(preset: &Preset) -> Self {
        #[cfg(feature = "std")]
        let policy = Source::new(preset.policy);
        #[cfg(not(feature = "std"))]
        let policy = preset.policy;
        let (dead_letter, log_threshold) =
            (AtomicBool::new(preset.dead_letter), LogThreshold::new(preset.log_level));
        Self { name: preset.name, policy, circuit: None, dead_letter, log_threshold }
    }

    /// Returns the name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the policy of a call that begins now.
    pub fn policy(&self) -> Policy {
        // A reloaded policy holds its rules, so it is complete.
        *Policies::policy(&self.policy, &self.policy.read())
    }

    /// Returns the circuit, if the operation has one.
    pub const fn circuit(&self) -> Option<&SharedCircuit<W, L>> {
        self.circuit.as_ref()
    }

    /// Returns the preset that describes the operation as it is now.
    pub fn preset(&self) -> Preset {
        let circuit = self.circuit.as_ref().map(SharedCircuit::config);
        let (dead_letter, log_level) = (self.dead_letter(), self.log_threshold.level());
        Preset { circuit, dead_letter, log_level, ..Preset::new(self.name, self.policy()) }
    }

    /// Returns `true` if a call that gives up leaves a dead letter, as the preset or the file says.
    ///
    /// So one sink serves all operations: of the calls that [`retry`](Self::retry) makes, only those of such an operation
    /// hand letters to it.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use retry_core::{
    ///     Class, Preset, dead_letter::{DeadLetterQueue, WhenFull}, pool::Operations, testing::FakeClock,
    /// };
    ///
    /// static ALL: Operations<2> = Operations::new([Preset::CACHE, Preset::S3]); // S3 says `dead_letter: true`
    ///
    /// let (clock, letters) = (FakeClock::new(), DeadLetterQueue::new(100, WhenFull::DropOldest));
    /// for name in ["cache", "s3"] {
    ///     let call = ALL.named(name).retry(&clock);
    ///     let _ = call.dead_letters(&letters).payload(|| name).run_blocking(|| Err::<(), _>(Class::Validation));
    /// }
    /// assert_eq!(letters.drain().iter().map(|letter| letter.payload).collect::<Vec<_>>(), ["s3"]);
    /// # }
    /// ```
    ///
    /// If a call says by [`only`](crate::dead_letter::DeadLetterCall::only) which reasons leave a letter, that counts
    /// instead.
    pub fn dead_letter(&self) -> bool {
        self.dead_letter.load(Ordering::Relaxed)
    }

    /// Returns the level of events that the operation logs, as the preset or the file says. Its `limit` puts it before
    /// an observer that logs.
    ///
    /// ```
    /// # #[cfg(all(feature = "log", feature = "std"))] {
    /// use retry_core::{observe::LogFacade, pool::{Operation, Operations}, runtime::StdRuntime, Class, Preset};
    ///
    /// static ALL: Operations<1> = Operations::new([Preset::DATABASE]);
    /// static DATABASE: &Operation = ALL.named("database");
    ///
    /// let retry = DATABASE.retry(StdRuntime).observe(DATABASE.log_threshold().limit(LogFacade));
    /// assert_eq!(retry.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
    /// # }
    /// ```
    pub const fn log_threshold(&self) -> &LogThreshold {
        &self.log_threshold
    }

    /// Makes a [`Retry`] with the operation's policy, circuit and name. If the calls get another name, the operation's
    /// name remains as their type, which events and metrics carry:
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use retry_core::{Class, Preset, observe::Metrics, pool::Operations, testing::FakeClock};
    ///
    /// static ALL: Operations<1> = Operations::new([Preset::DATABASE]);
    /// static METRICS: Metrics = Metrics::new();
    ///
    /// let read = ALL.named("database").retry(FakeClock::new()).named("users.read").observe(&METRICS);
    /// assert_eq!(read.run_blocking(|| Ok::<_, Class>(7)), Ok(7));
    /// assert_eq!(METRICS.operation("users.read").unwrap().operation_type(), "database");
    /// # }
    /// ```
    pub fn retry<R>(&self, runtime: R) -> Retry<R, &Self, &Self> {
        Retry::new(self, runtime).circuit(self).named(self.name)
    }
}

/// Reads the operation's policy.
impl<W: Window, L: Lock> Policies for Operation<W, L> {
    type Read = <Source as Policies>::Read;

    #[inline]
    fn read(&self) -> Self::Read {
        self.policy.read()
    }

    #[inline]
    fn policy<'a>(&'a self, read: &'a Self::Read) -> &'a Policy {
        Policies::policy(&self.policy, read)
    }

    #[inline]
    fn rules<'a>(&'a self, read: &'a Self::Read) -> &'a [Rule] {
        Policies::rules(&self.policy, read)
    }

    fn leaves_letters(&self) -> bool {
        self.dead_letter()
    }

    /// The operation's name: it is a type of operation, of which calls may have names of their own.
    #[inline]
    fn operation_type(&self) -> &'static str {
        self.name
    }
}

/// Asks the operation's circuit. An operation without a circuit admits every attempt.
impl<W: Window, L: Lock> Gate for Operation<W, L> {
    /// `None` for an operation without a circuit.
    type Ticket = Option<Ticket>;

    /// The circuit has the name of the operation.
    #[inline]
    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn place(&self) -> usize {
        self.circuit.place()
    }

    fn admit(&self, now: impl Now) -> Result<Admission<Option<Ticket>>, Rejected> {
        self.circuit.admit(now)
    }

    fn end(&self, ticket: Option<Ticket>, end: AttemptEnd, now: impl Now) -> Settled {
        self.circuit.end(ticket, end, now)
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize, W: Window, L: Lock> defmt::Format for Operations<N, W, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.operations);
    }
}

#[cfg(feature = "defmt")]
impl<W: Window, L: Lock> defmt::Format for Operation<W, L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Operation {{ preset: {}, circuit: {} }}", self.preset(), self.circuit);
    }
}

impl<const N: usize, W: Window, L: Lock> fmt::Debug for Operations<N, W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.operations).finish()
    }
}

impl<W: Window, L: Lock> fmt::Debug for Operation<W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("preset", &self.preset()).field("circuit", &self.circuit).finish()
    }
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}
