//! Sends text to the host in large blocks, because each write interrupts the program.

use core::fmt;

use semihosting::io::{self, Stdout, Write};

pub(crate) struct Output {
    host: Stdout,
    waiting: [u8; 4096],
    len: usize,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { host: io::stdout().expect("a debugger is attached"), waiting: [0; 4096], len: 0 }
    }

    /// Begins the next part.
    pub(crate) fn title(&mut self, title: &str) {
        fmt::Write::write_fmt(self, format_args!("== {title}\n")).expect("the output takes all text");
    }

    pub(crate) fn flush(&mut self) {
        self.host.write_all(&self.waiting[..self.len]).expect("the host accepts the text");
        self.len = 0;
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.len == self.waiting.len() {
                self.flush();
            }
            self.waiting[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}
