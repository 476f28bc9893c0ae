//! Dead letters in a file, one line of JSON per letter.

mod counts;
mod error;
mod exact;
mod file;
mod line;
mod opening;
mod paths;
mod read;
mod write;

pub use error::{JsonLinesError, NotALetter};
pub use file::OnDisk;
pub use line::{LetterLine, StoredLetter};
pub use opening::TornLine;
pub use read::{BadLine, BadLineKind, JsonLinesReader};
pub use write::JsonLinesSink;
