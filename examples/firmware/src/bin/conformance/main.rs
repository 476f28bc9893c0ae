//! The scenarios that every runtime plays, and a million random decisions, on a Cortex-M.
//!
//! It prints the log of a loop by hand, the log of embassy, and hashes of the blocking loop's log and of the decisions.
//! All of them must be the same as on the host.

#![no_std]
#![no_main]

mod driver;
mod output;

use core::fmt::Write;

use cortex_m as _; // for its critical section
use cortex_m_rt::{ExceptionFrame, entry, exception};
use output::Output;
use retry_core::{
    runtime::{CriticalSectionLock, LocalLock},
    testing::FakeClock,
};
use retry_embassy::Embassy;
use tests::{Fnv, Log, MILLION, Scenario, Text, random_decisions, table};

#[entry]
fn main() -> ! {
    let mut text = Text(Output::new());

    text.0.title("by hand");
    for scenario in table::all() {
        tests::by_hand::<LocalLock>(scenario, &mut text);
    }

    text.0.title("embassy");
    let embassy = Embassy::seeded(1);
    for scenario in table::all() {
        driver::block_on(tests::with_futures::<CriticalSectionLock>(scenario, &embassy, &mut text));
    }

    text.0.title("blocking");
    let hash = |play: fn(&Scenario<'_>, &mut dyn Log)| {
        let mut hash = Fnv::EMPTY;
        let fitting = table::all().filter(|scenario| scenario.fits_blocking_loops());
        fitting.for_each(|scenario| play(scenario, &mut hash));
        hash.hash()
    };
    let blocking = hash(|scenario, log| tests::blocking::<LocalLock>(scenario, FakeClock::new(), log));
    assert_eq!(blocking, hash(tests::by_hand::<LocalLock>));
    writeln!(text.0, "{blocking:#018x}").expect("the output takes all text");

    text.0.title("a million decisions");
    let decisions = random_decisions(1, 1_000_000);
    writeln!(text.0, "{:#018x} {:?}", decisions.fnv.hash(), decisions.counts)
        .expect("the output takes all text");
    assert_eq!(decisions, MILLION);

    text.0.flush();
    semihosting::process::exit(0)
}

#[panic_handler]
fn panicked(info: &core::panic::PanicInfo<'_>) -> ! {
    semihosting::eprintln!("{info}");
    semihosting::process::exit(101)
}

#[exception]
unsafe fn HardFault(_: &ExceptionFrame) -> ! {
    semihosting::process::exit(102)
}
