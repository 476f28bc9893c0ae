//! Memory that the start-up code does not touch. It keeps its content over a reset.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::mailbox::Image;

/// The retained data. It consists of integers, so any bytes are a valid value of it.
pub(crate) struct Retained {
    /// How often the program started, and the same number with all bits inverted.
    starts: [u32; 2],
    pub(crate) letters: Image,
}

/// The start-up code skips its section, so memory never contains this initial value.
#[unsafe(link_section = ".uninit.retained")]
static mut RETAINED: Retained = Retained { starts: [0; 2], letters: [0; size_of::<Image>()] };

/// Returns the retained memory.
///
/// # Panics
/// Panics if it was taken before.
pub(crate) fn take() -> &'static mut Retained {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    assert!(!TAKEN.swap(true, Ordering::Relaxed), "taken already");
    let retained = &raw mut RETAINED;
    // SAFETY: this is the only reference to it, because `TAKEN` prevents a second one. Any bytes are a valid value. The
    // volatile read and write keep the compiler from assuming the initial value.
    unsafe {
        retained.write_volatile(retained.read_volatile());
        &mut *retained
    }
}

impl Retained {
    /// Counts this start, and returns the number of starts since the power came on.
    pub(crate) fn count_start(&mut self) -> u32 {
        let [before, check] = self.starts;
        let start = if before == !check { before.wrapping_add(1) } else { 1 };
        self.starts = [start, !start];
        start
    }
}
