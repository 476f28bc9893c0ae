//! Where a log of decisions is written.

/// Where a recorder writes: a [`LogBuffer`], or any `std::io::Write` in a `LogWriter`.
pub trait RecordSink {
    /// Takes this record as a whole. `false` where it is not taken: the recorder writes no more then, nor where this
    /// panics.
    fn append(&mut self, record: &[u8]) -> bool;
}

/// A log in memory of a fixed size.
#[derive(Debug)]
pub struct LogBuffer<'b> {
    bytes: &'b mut [u8],
    length: usize,
}

impl<'b> LogBuffer<'b> {
    /// An empty log, in as much memory as there is.
    pub const fn new(bytes: &'b mut [u8]) -> Self {
        Self { bytes, length: 0 }
    }

    /// What is written.
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

    /// A log into any [`std::io::Write`]; into a file through a [`std::io::BufWriter`], which is to be flushed at the
    /// [end](crate::record::Recorder::into_sink): one that is only dropped says nothing of what it could not write.
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
