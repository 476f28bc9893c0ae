//! Dead letters in a file, one line of JSON per letter.

mod exact;
mod file;
mod line;
mod opening;
mod paths;
mod read;
mod write;

pub use file::OnDisk;
pub use line::StoredLetter;
pub use opening::TornLine;
pub use read::{BadLine, BadLineKind, JsonLinesReader};
pub use write::{JsonLinesError, JsonLinesSink};
