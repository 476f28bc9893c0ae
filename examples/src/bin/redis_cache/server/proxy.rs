//! A proxy on loopback that cuts and holds up connections.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Passes connections on to a server until it is told otherwise. It ends with the program.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Connections that are closed as soon as they are opened: so many more, or all.
    cuts: u32,
    is_shut: bool,
    is_held: bool,
    open: Vec<TcpStream>,
}

impl Proxy {
    /// Starts a proxy for `target`, as `host:port`.
    pub(crate) fn start(target: String) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { target, state: Mutex::default(), changed: Condvar::new() });
        let accepting = shared.clone();
        thread::spawn(move || listener.incoming().flatten().for_each(|client| accepting.accept(client)));
        Ok(Self { address, shared })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts all connections, and each of the next ones until `more` were cut.
    pub(crate) fn cut(&self, more: u32) {
        let mut state = self.shared.state();
        state.cuts = more;
        state.close_all();
    }

    /// Cuts all connections, and all new ones until `open` is called.
    pub(crate) fn shut(&self) {
        let mut state = self.shared.state();
        state.is_shut = true;
        state.close_all();
    }

    /// Ends `shut`.
    pub(crate) fn open(&self) {
        self.shared.state().is_shut = false;
    }

    /// Holds all bytes up, or lets them pass again.
    pub(crate) fn hold(&self, is_held: bool) {
        self.shared.state().is_held = is_held;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to pass a connection on. If that fails, the connection is closed.
    fn accept(self: &Arc<Self>, client: TcpStream) {
        let _ = self.pass_on(client); // the client notices
    }

    fn pass_on(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        {
            let mut state = self.state();
            if state.is_shut || state.cuts > 0 {
                state.cuts = state.cuts.saturating_sub(1);
                return Ok(());
            }
        }
        let server = TcpStream::connect(&self.target)?;
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
            let stream = stream.try_clone()?;
            self.state().open.push(stream);
        }
        for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            let shared = self.clone();
            thread::spawn(move || shared.pump(from, to));
        }
        Ok(())
    }

    /// Passes bytes in one direction until either side closes.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            let held = self.changed.wait_while(self.state(), |state| state.is_held);
            drop(held.unwrap_or_else(PoisonError::into_inner));
            if to.write_all(&bytes[..read]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)); // either may be closed already
    }
}

impl State {
    fn close_all(&mut self) {
        for stream in self.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both); // it may be closed already
        }
    }
}
