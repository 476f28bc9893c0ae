//! Dead letters in a file, a line of JSON each.

mod file;
mod line;
mod read;
mod stored;
mod write;

pub use file::{OnDisk, TornLine, WhenTorn};
pub use read::{BadLine, BadLineKind, JsonLinesReader};
pub use stored::StoredLetter;
pub use write::{JsonLinesError, JsonLinesSink};
