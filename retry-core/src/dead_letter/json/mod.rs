//! Dead letters in a file, one line of JSON per letter.

mod file;
mod line;
mod read;
mod write;

pub use file::{OnDisk, TornLine, WhenTorn};
pub use line::StoredLetter;
pub use read::{BadLine, BadLineKind, JsonLinesReader};
pub use write::{JsonLinesError, JsonLinesSink};
