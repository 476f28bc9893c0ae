//! What each type of operation gets, by name.

use core::fmt;
use core::mem;

use crate::circuit::Rejected;
use crate::circuit::{Admission, AttemptEnd, Gate, Settled, SharedCircuit, Ticket, Window};
use crate::config_error::{ConfigError, Line, Value, ok_or_panic};
use crate::lock::Lock;
use crate::policy::{Policy, Preset};
use crate::retry::Retry;
use crate::time::Now;

macro_rules! operations {
    ({ $($window:tt)* } { $($lock:tt)* }) => {
        /// The types of operations of a program, such as "database" and "http": a policy and a circuit for each.
        ///
        /// Usually a `static`, made of [`Preset`]s, and asked once for each type, at the start:
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
        /// assert!(ALL.find("cache").unwrap().circuit().is_none()); // a cache is not worth one
        /// # }
        /// ```
        ///
        /// With the feature `serde`, a file may say otherwise: see `OperationsFile`. For a circuit a host instead of one
        /// a type, take a pool.
        pub struct Operations<const N: usize, W: Window $($window)*, L: Lock $($lock)*> {
            operations: [Operation<W, L>; N],
        }

        /// One type of operations: its policy, and its circuit where it has one.
        pub struct Operation<W: Window $($window)*, L: Lock $($lock)*> {
            preset: Preset,
            circuit: Option<SharedCircuit<W, L>>,
        }
    };
}
#[cfg(feature = "std")]
operations!({ = crate::circuit::CountWindow<100> } { = crate::lock::StdLock });
#[cfg(not(feature = "std"))]
operations!({} {});

impl<const N: usize, W: Window, L: Lock> Operations<N, W, L> {
    /// These types, each by its preset and under its name.
    ///
    /// # Panics
    /// On two of one name, and on a circuit that does not fit the window: in a `static`, a compile error.
    #[track_caller]
    pub const fn new(presets: [Preset; N]) -> Self {
        ok_or_panic!(Self::check(&presets));
        Self::from_checked(presets)
    }

    /// [`new`](Self::new) for presets known only at run time.
    ///
    /// # Errors
    /// Two of one name, and a circuit that does not fit the window.
    pub const fn try_new(presets: [Preset; N]) -> Result<Self, ConfigError> {
        match Self::check(&presets) {
            Ok(()) => Ok(Self::from_checked(presets)),
            Err(error) => Err(error),
        }
    }

    /// The type of this name.
    ///
    /// # Panics
    /// Where there is none: in a `static`, a compile error.
    #[track_caller]
    pub const fn named(&self, name: &str) -> &Operation<W, L> {
        match self.find(name) {
            Some(operation) => operation,
            None => panic!("{}", Line::EMPTY.text("no operation ").quoted(name).as_str()),
        }
    }

    /// The type of this name, if there is one.
    pub const fn find(&self, name: &str) -> Option<&Operation<W, L>> {
        let mut i = 0;
        while i < N {
            if is_same(self.operations[i].preset.name, name) {
                return Some(&self.operations[i]);
            }
            i += 1;
        }
        None
    }

    /// All types, as they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Operation<W, L>> {
        self.operations.iter()
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
                    return Err(ConfigError::new("name of preset", place, "must be none of those before"));
                }
                j += 1;
            }
            i += 1;
        }
        Ok(())
    }

    const fn from_checked(presets: [Preset; N]) -> Self {
        let mut operations = [const { Operation { preset: Preset::DEFAULT, circuit: None } }; N];
        let mut i = 0;
        while i < N {
            let preset = presets[i];
            let circuit = match preset.circuit {
                Some(config) => Some(SharedCircuit::new(config)),
                None => None,
            };
            // What was there holds nothing, and a constant function cannot drop.
            mem::forget(mem::replace(&mut operations[i], Operation { preset, circuit }));
            i += 1;
        }
        Self { operations }
    }
}

impl<W: Window, L: Lock> Operation<W, L> {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.preset.name
    }

    /// What one call may do.
    pub const fn policy(&self) -> &Policy {
        &self.preset.policy
    }

    /// Its circuit, if it has one.
    pub const fn circuit(&self) -> Option<&SharedCircuit<W, L>> {
        self.circuit.as_ref()
    }

    /// What it was made of.
    pub const fn preset(&self) -> &Preset {
        &self.preset
    }

    /// Whether a call that gave up is worth keeping as a dead letter: as its preset says, or the file.
    pub const fn dead_letter(&self) -> bool {
        self.preset.dead_letter
    }

    /// Retries by its policy and through its circuit, under its name.
    pub fn retry<R>(&self, runtime: R) -> Retry<R, &Policy, &Self> {
        Retry::new(&self.preset.policy, runtime).circuit(self).named(self.preset.name)
    }
}

/// The circuit's answers; without one, it admits everything.
impl<W: Window, L: Lock> Gate for Operation<W, L> {
    /// `None`: there is no circuit.
    type Ticket = Option<Ticket>;

    fn admit(&self, now: impl Now) -> Result<Admission<Option<Ticket>>, Rejected> {
        match &self.circuit {
            Some(circuit) => {
                let Admission { ticket, change } = circuit.admit(now)?;
                Ok(Admission { ticket: Some(ticket), change })
            }
            None => Ok(Admission { ticket: None, change: None }),
        }
    }

    fn end(&self, ticket: Option<Ticket>, end: AttemptEnd, now: impl Now) -> Settled {
        match (&self.circuit, ticket) {
            (Some(circuit), Some(ticket)) => circuit.end(ticket, end, now),
            _ => Settled::NOTHING,
        }
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
        defmt::write!(f, "Operation {{ preset: {}, circuit: {} }}", self.preset, self.circuit);
    }
}

impl<const N: usize, W: Window, L: Lock> fmt::Debug for Operations<N, W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.operations).finish()
    }
}

impl<W: Window, L: Lock> fmt::Debug for Operation<W, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation").field("preset", &self.preset).field("circuit", &self.circuit).finish()
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
