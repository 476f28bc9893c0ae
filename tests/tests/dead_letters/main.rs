//! Dead letters: who gets them, what keeps them, and what is lost.

mod buffer;
mod files;
mod handed_over;
