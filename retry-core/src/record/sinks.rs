//! Sinks of a log.

/// A sink of a recorder's log: a [`LogBuffer`], or any `std::io::Write` in a `LogWriter`.
pub trait RecordSink {
    /// Takes a whole record, and returns whether it did. After a `false` or a panic, the recorder writes no more.
    fn append(&mut self, record: &[u8]) -> bool;
}

/// A log in memory of a fixed size.
#[derive(Debug)]
pub struct LogBuffer<'b> {
    bytes: &'b mut [u8],
    length: usize,
}

impl<'b> LogBuffer<'b> {
    /// Makes an empty log in this memory.
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, length: 0 }
    }

    /// Returns the bytes that were written.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl RecordSink for LogBuffer<'_> {
    fn append(&mut self, record: &[u8]) -> bool {
        let room = self.bytes.get_mut(self.length..).and_then(|free| free.get_mut(..record.len()));
        match room {
            Some(room) => {
                room.copy_from_slice(record);
                self.length += record.len();
                true
            }
            None => false,
        }
    }
}

#[cfg(feature = "std")]
mod writer {
    use std::io::Write;

    use super::RecordSink;

    /// A log that is written to any [`std::io::Write`].
    ///
    /// For a file, use a [`std::io::BufWriter`], and flush it after [`into_sink`](crate::record::Recorder::into_sink).
    /// A `BufWriter` that is only dropped hides its errors.
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    #[derive(Clone, Copy, Debug)]
    pub struct LogWriter<W>(pub W);

    impl<W: Write> RecordSink for LogWriter<W> {
        fn append(&mut self, record: &[u8]) -> bool {
            self.0.write_all(record).is_ok()
        }
    }
}
#[cfg(feature = "std")]
pub use writer::LogWriter;

#[cfg(feature = "defmt")]
impl defmt::Format for LogBuffer<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=usize} of {=usize} bytes", self.length, self.bytes.len());
    }
}
