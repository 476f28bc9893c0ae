//! An unreliable radio. Its failures are the same in each run.

use core::cell::Cell;
use core::future::pending;
use core::time::Duration;

use embassy_time::{Instant, Timer};
use retry_core::{Class, Classify, Failure};

use crate::sensor::Sample;

/// The time after which the gateway is out of reach.
const OUTAGE_MS: u64 = 1_500;

pub(crate) struct Radio {
    frames: Cell<usize>,
}

/// Why a frame was not acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RadioError {
    NoCarrier,
    Garbled,
    /// The gateway is busy for this time.
    Busy(Duration),
}

impl Classify for RadioError {
    fn classify(&self) -> Failure {
        match self {
            Self::NoCarrier => Class::Network.into(),
            Self::Garbled => Class::Transient.into(),
            Self::Busy(until) => Failure::new(Class::RateLimit).retry_after(*until),
        }
    }
}

/// How the gateway treats one frame.
enum Fate {
    Acknowledged,
    Fails(RadioError),
    NoAnswer,
}

/// How the gateway treats the frames. After the last, the list starts again.
const FATES: [Fate; 7] = [
    Fate::Acknowledged,
    Fate::Acknowledged,
    Fate::Fails(RadioError::Garbled),
    Fate::Acknowledged,
    Fate::NoAnswer,
    Fate::Fails(RadioError::Busy(Duration::from_millis(150))),
    Fate::Acknowledged,
];

impl Radio {
    pub(crate) const fn new() -> Self {
        Self { frames: Cell::new(0) }
    }

    /// Sends a frame and waits for its acknowledgement, without a timeout of its own.
    pub(crate) async fn send(&self, _: Sample) -> Result<(), RadioError> {
        let frame = self.frames.get();
        self.frames.set(frame + 1);
        Timer::after_millis(20).await;
        if Instant::now().as_millis() >= OUTAGE_MS {
            return Err(RadioError::NoCarrier);
        }
        match FATES[frame % FATES.len()] {
            Fate::Acknowledged => Ok(()),
            Fate::Fails(error) => Err(error),
            Fate::NoAnswer => pending().await,
        }
    }
}
