//! Standard input, which each attempt reads from the beginning.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::thread;

use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, channel};

/// What the command gets as its standard input.
pub(crate) enum Input {
    /// An empty file.
    Empty,
    /// The terminal. Each attempt asks anew.
    Terminal,
    /// A file. Each attempt begins where the first one did.
    File(File, u64),
    /// A pipe or a socket. What was read is kept.
    Pipe(Mutex<Recording>),
}

/// The bytes of a pipe.
pub(crate) struct Recording {
    seen: Vec<u8>,
    more: Option<Receiver<io::Result<Vec<u8>>>>,
}

impl Input {
    /// Returns the input of this process.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        if io::stdin().is_terminal() {
            return Ok(Self::Terminal);
        }
        let mut file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(match file.stream_position() {
            Ok(start) => Self::File(file, start),
            Err(_) => Self::Pipe(Mutex::new(Recording { seen: Vec::new(), more: Some(read_ahead()) })),
        })
    }

    /// Returns what a new attempt is started with.
    pub(crate) fn stdio(&self) -> io::Result<Stdio> {
        Ok(match self {
            Self::Empty => Stdio::null(),
            Self::Terminal => Stdio::inherit(),
            Self::File(file, start) => {
                (&mut &*file).seek(SeekFrom::Start(*start))?;
                Stdio::inherit()
            }
            Self::Pipe(_) => Stdio::piped(),
        })
    }

    /// Writes all input to the command: what earlier attempts got, and then what comes. It ends early if the command
    /// stops reading.
    pub(crate) async fn feed(&self, command: Option<ChildStdin>) -> io::Result<()> {
        let (Self::Pipe(recording), Some(mut command)) = (self, command) else { return Ok(()) };
        let Recording { seen, more } = &mut *recording.lock().await;
        let mut sent = 0;
        loop {
            if command.write_all(&seen[sent..]).await.is_err() {
                return Ok(()); // the command does not read any more
            }
            sent = seen.len();
            match more {
                None => return Ok(()),
                Some(next) => match next.recv().await {
                    Some(bytes) => seen.extend(bytes?),
                    None => *more = None,
                },
            }
        }
    }
}

/// Reads standard input on a thread of its own, because such a read cannot be cancelled.
fn read_ahead() -> Receiver<io::Result<Vec<u8>>> {
    let (tell, told) = channel(1);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match stdin.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => Ok(buffer[..length].to_vec()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let is_last = read.is_err();
            if tell.blocking_send(read).is_err() || is_last {
                return;
            }
        }
    });
    told
}
