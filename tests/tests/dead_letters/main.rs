//! Dead letters: when a call leaves one, which sinks keep it, and when it is lost.

mod buffer;
mod files;
mod handed_over;
mod ids;
