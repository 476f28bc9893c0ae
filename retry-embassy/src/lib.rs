//! Retries and circuit breakers on embassy, with [`retry_core`]: `no_std`, without an allocator.
//!
//! Guides: [choosing a policy](../retry_core/_guides/choosing_a_policy/index.html),
//! [circuit breakers](../retry_core/_guides/circuits/index.html),
//! [dead letters](../retry_core/_guides/dead_letters/index.html),
//! [testing](../retry_core/_guides/testing/index.html).
//!
//! ```
//! use core::time::Duration;
//! use retry_core::{CircuitConfig, Class, Policy, SharedCircuit, circuit::CountWindow};
//! use retry_embassy::{CriticalSectionLock, Embassy};
//!
//! const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
//!     .max_attempts(4)
//!     .attempt_timeout(Duration::from_secs(2))
//!     .total_timeout(Duration::from_secs(30));
//! static UPLINK: SharedCircuit<CountWindow<32>, CriticalSectionLock> =
//!     SharedCircuit::with_window(CircuitConfig::WITHOUT_RULES.consecutive_failures(3));
//!
//! # async fn send(_: &[u8]) -> Result<usize, ()> { Ok(4) }
//! # fn random_word_of_this_chip() -> u64 { 7 }
//! # embassy_futures::block_on(async {
//! let embassy = Embassy::seeded(random_word_of_this_chip());
//!
//! let uplink = retry_embassy::retry(&POLICY, &embassy)
//!     .circuit(&UPLINK)
//!     .classify_opaque(|_: &()| Class::Network)
//!     .named("uplink.send");
//! assert_eq!(uplink.run(|| send(b"21.5")).await, Ok(4));
//! # });
//! ```
//!
//! [`Embassy`] is the runtime: embassy's clock, its timers, and a random generator with a seed of your own. Circuits and
//! budgets stand behind a critical section ([`CriticalSectionLock`]) or a mutex of embassy-sync ([`EmbassyLock`]).
//!
//! # Stopping a call
//!
//! [`until`](Retry::until) takes any future as the signal to stop, such as a
//! [`Signal`](embassy_sync::signal::Signal). The error then has what the last attempt ended with. A call is also cancelled if
//! its future is dropped, as `select` does. Both release what the call held:
//!
//! ```
//! use embassy_futures::select::{Either, select};
//! use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal};
//! use retry_core::{Class, Policy};
//! use retry_embassy::Embassy;
//!
//! static SHUTDOWN: Signal<CriticalSectionRawMutex, ()> = Signal::new();
//!
//! # embassy_futures::block_on(async {
//! # let embassy = Embassy::seeded(7);
//! let uplink = retry_embassy::retry(&Policy::DEFAULT, &embassy).classify(|class: &Class| *class);
//! let hangs = core::future::pending::<Result<(), Class>>;
//!
//! SHUTDOWN.signal(());
//! let error = uplink.until(SHUTDOWN.wait()).run(hangs).await.unwrap_err();
//! assert!(error.is_cancelled());
//!
//! SHUTDOWN.signal(());
//! let first = select(uplink.run(hangs), SHUTDOWN.wait()).await;
//! assert!(matches!(first, Either::Second(())));
//! # });
//! ```
//!
//! # Time
//!
//! A sleep is rounded up to whole ticks. On embassy's clock it lasts at least as long as the delay. That clock shows whole
//! ticks, so the first one may have begun before the sleep, as with all timers of embassy.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `defmt` | `defmt::Format` on all types, and the observer `DefmtLog` |

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod lock;
mod time;

use core::cell::RefCell;
use core::fmt;
use core::time::Duration;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, RawMutex};
use embassy_time::Timer;
pub use lock::{EmbassyLock, Guarded};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro128PlusPlus;
#[cfg(feature = "defmt")]
#[cfg_attr(docsrs, doc(cfg(feature = "defmt")))]
pub use retry_core::observe::DefmtLog;
pub use retry_core::runtime::CriticalSectionLock;
use retry_core::{
    Instant, Retry,
    policy::Policies,
    runtime::{Clock, Entropy, Sleep},
};

/// Makes a [`Retry`] for async code on embassy, with the random words of `embassy`.
///
/// The policy is given by reference, usually to a `const`, or by value. If the policy is made in the same line, give it
/// by value. With a reference, `let calls = retry(&Policy::DEFAULT.max_attempts(5), &embassy);` fails: "temporary value
/// dropped while borrowed".
pub const fn retry<P: Policies, R: Rng, M: RawMutex>(
    policy: P,
    embassy: &Embassy<R, M>,
) -> Retry<&Embassy<R, M>, P> {
    Retry::new(policy, embassy)
}

/// The embassy runtime for a [`Retry`]: embassy's clock and timers, and a random generator that all calls share.
///
/// Make it once at start-up, in a `StaticCell` or on the stack of the main task, and give a reference to every
/// [`retry`].
///
/// It needs a seed. If all devices had the same seed, they would retry at the same instants, and jitter is meant to
/// prevent that.
///
/// `R` is the generator, and `M` the raw mutex that guards it.
pub struct Embassy<R = Xoshiro128PlusPlus, M = CriticalSectionRawMutex> {
    rng: Mutex<M, RefCell<R>>,
}

impl Embassy {
    /// Makes a runtime with the generator [xoshiro128++] of D. Blackman and S. Vigna, and this seed.
    ///
    /// The seed is a word of the chip's random generator, or its serial number mixed with a value that differs at each
    /// start.
    ///
    /// [xoshiro128++]: https://prng.di.unimi.it/
    pub fn seeded(seed: u64) -> Self {
        Self::with_rng(Xoshiro128PlusPlus::seed_from_u64(seed))
    }
}

impl<R: Rng, M: RawMutex> Embassy<R, M> {
    /// Makes a runtime with this generator, such as that of the chip. Each delay takes one 64-bit word from it, under
    /// the mutex.
    pub const fn with_rng(rng: R) -> Self {
        Self { rng: Mutex::const_new(M::INIT, RefCell::new(rng)) }
    }
}

impl<R, M> Clock for Embassy<R, M> {
    fn now(&self) -> Instant {
        time::instant(embassy_time::Instant::now().as_ticks())
    }
}

impl<R, M> Sleep for Embassy<R, M> {
    type Sleep = Timer;

    fn sleep(&self, duration: Duration) -> Timer {
        // `Timer::after` panics if the end is past the last tick.
        let now = embassy_time::Instant::now().as_ticks();
        Timer::at(embassy_time::Instant::from_ticks(now.saturating_add(time::ticks(duration))))
    }
}

impl<R: Rng, M: RawMutex> Entropy for Embassy<R, M> {
    fn word(&self) -> u64 {
        self.rng.lock(|rng| rng.borrow_mut().next_u64())
    }
}

#[cfg(feature = "defmt")]
impl<R, M> defmt::Format for Embassy<R, M> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Embassy");
    }
}

impl<R, M> fmt::Debug for Embassy<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embassy").finish_non_exhaustive()
    }
}
