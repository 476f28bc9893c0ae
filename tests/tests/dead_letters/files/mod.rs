//! Dead letters in files. An acknowledged letter survives `kill -9`, torn writes and full disks.

mod bounds;
mod damage;
mod exact;
#[cfg(target_os = "linux")]
mod failing;
mod full;
mod killed;
mod syncs;
mod uses;
mod writers;

use std::path::PathBuf;

use retry_core::{
    Class, Policy, Retry,
    dead_letter::{JsonLinesReader, JsonLinesSink, StoredLetter},
    testing::FakeClock,
};
use serde::de::DeserializeOwned;

/// Creates an empty directory for this test.
fn directory(test: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dead_letters").join(test);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).unwrap();
    }
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Makes one call that gives up and leaves a dead letter.
fn give_up(letters: &JsonLinesSink, payload: &str) {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock).named("stock.write").keyed("eu");
    let call = retry.dead_letters(letters).payload(|| payload.to_owned());
    assert!(call.run_blocking(|| Err::<(), _>(Class::Network)).unwrap_err().is_exhausted());
}

/// Returns the letters of a file that contains only letters.
fn read<T: DeserializeOwned>(path: &PathBuf) -> Vec<StoredLetter<T>> {
    JsonLinesReader::open(path).unwrap().map(|line| line.unwrap()).collect()
}

fn payloads(path: &PathBuf) -> Vec<String> {
    read(path).into_iter().map(|stored| stored.letter.payload).collect()
}
