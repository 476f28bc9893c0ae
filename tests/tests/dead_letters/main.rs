//! Dead letters: when a call leaves one, which sinks keep it, and when it is lost.

mod buffer;
#[cfg(target_os = "linux")]
mod faults;
mod files;
mod handed_over;
mod ids;
