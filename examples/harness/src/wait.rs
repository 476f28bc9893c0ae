//! Waits that end, so that a program whose claim is false says so instead of waiting for it.

use core::time::Duration;
use std::io;

use tokio::time::timeout;

/// How long a program waits for what it claims. It is far longer than a machine under load takes.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The longest time for a part of a program.
const PART: Duration = Duration::from_secs(120);

/// Waits for something, at most for [`PATIENCE`]. Returns whether it came.
pub async fn came(what: impl Future) -> bool {
    timeout(PATIENCE, what).await.is_ok()
}

/// Runs a part of a program.
///
/// # Errors
/// Returns an error if the part does not end within 120 s.
pub async fn part<T>(part: impl Future<Output = T>) -> io::Result<T> {
    timeout(PART, part).await.map_err(|_| io::Error::other(format!("a part did not end within {PART:?}")))
}

#[cfg(test)]
mod tests {
    use core::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_never_comes_ends_all_the_same() {
        assert!(came(ready(7)).await && !came(pending::<u8>()).await);
        assert_eq!(part(ready(7)).await.unwrap(), 7);
        assert_eq!(part(pending::<u8>()).await.unwrap_err().to_string(), "a part did not end within 120s");
    }
}
