//! Memory that the start-up code leaves alone: after a reset it still holds what it held before.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::mailbox::Image;

/// What is kept. All of it are integers: any bytes are values of them, if not meant ones.
pub(crate) struct Retained {
    /// How often the program started, and the same with all bits turned round.
    starts: [u32; 2],
    pub(crate) letters: Image,
}

/// Its section is neither loaded nor cleared, so that what it says here never is in memory.
#[unsafe(link_section = ".uninit.retained")]
static mut RETAINED: Retained = Retained { starts: [0; 2], letters: [0; size_of::<Image>()] };

/// Takes it.
///
/// # Panics
/// The second time.
pub(crate) fn take() -> &'static mut Retained {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    assert!(!TAKEN.swap(true, Ordering::Relaxed), "taken already");
    let retained = &raw mut RETAINED;
    // SAFETY: the only reference to it, as `TAKEN` sees to. Any bytes are a value of its type. That they are not those
    // of its initial value, the compiler learns from the volatile read and write.
    unsafe {
        retained.write_volatile(retained.read_volatile());
        &mut *retained
    }
}

impl Retained {
    /// The number of this start since the power came on, from 1.
    pub(crate) fn count_start(&mut self) -> u32 {
        let [before, check] = self.starts;
        let start = if before == !check { before.wrapping_add(1) } else { 1 };
        self.starts = [start, !start];
        start
    }
}
