//! A sensor, and its samples.

use embassy_time::Instant;
use retry_core::dead_letter::Codec;

/// A voltage, and its time since the start.
#[derive(Clone, Copy, Debug, defmt::Format)]
pub(crate) struct Sample {
    at_ms: u32,
    millivolts: u16,
}

pub(crate) fn read() -> Sample {
    let at_ms = Instant::now().as_millis() as u32;
    let swing = (at_ms / 4 % 500) as u16;
    Sample { at_ms, millivolts: 1_500 + swing.min(500 - swing) }
}

impl Codec for Sample {
    const SIZE: usize = 6;

    fn write(&self, bytes: &mut [u8]) {
        let (at_ms, millivolts) = bytes.split_at_mut(4);
        self.at_ms.write(at_ms);
        self.millivolts.write(millivolts);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (at_ms, millivolts) = bytes.split_at_checked(4)?;
        Some(Self { at_ms: u32::read(at_ms)?, millivolts: u16::read(millivolts)? })
    }
}
