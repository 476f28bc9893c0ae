//! The signals that end or stop a run. They are passed on to the command, which may end in its own way.

use std::sync::{Arc, OnceLock};
use std::{fs, io};

use nix::sys::signal::{Signal, raise};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Mutex, Notify};

use crate::group::Group;
use crate::runner::Runner;

/// The signals that this process gets.
pub(crate) struct Signals {
    incoming: Mutex<UnboundedReceiver<Signal>>,
    first: Arc<OnceLock<Signal>>,
    again: Arc<Notify>,
}

impl Signals {
    /// Begins to receive signals.
    pub(crate) fn listen() -> io::Result<Self> {
        let (tell, incoming) = unbounded_channel();
        let (first, again) = (Arc::new(OnceLock::new()), Arc::new(Notify::new()));
        let ignored = ignored();
        for passed_on in PASSED_ON {
            // `nohup` and background jobs of scripts ignore signals on purpose.
            if ignored >> (passed_on as u32 - 1) & 1 == 1 {
                continue;
            }
            let mut stream = signal(SignalKind::from_raw(passed_on as i32))?;
            let (tell, first, again) = (tell.clone(), Arc::clone(&first), Arc::clone(&again));
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if passed_on != Signal::SIGTSTP && first.set(passed_on).is_err() {
                        again.notify_waiters();
                    }
                    let _ = tell.send(passed_on);
                }
            });
        }
        Ok(Self { incoming: Mutex::new(incoming), first, again })
    }

    /// Passes signals on to the command, and ends at the first one that comes while no command runs. SIGTSTP stops the
    /// command and then this program, until a SIGCONT comes.
    pub(crate) async fn pass_on_to(&self, runner: &Runner, is_terminal: bool) {
        let mut incoming = self.incoming.lock().await;
        while let Some(signal) = incoming.recv().await {
            let running = runner.running();
            match running {
                None if signal == Signal::SIGTSTP => {}
                None => return,
                // The terminal has sent it to the whole foreground group, which has the command in it.
                Some(Group::Foreground(_)) if is_terminal && OF_TERMINALS.contains(&signal) => {}
                Some(group) => group.send(signal),
            }
            if signal == Signal::SIGTSTP {
                let _ = raise(Signal::SIGSTOP); // returns after a SIGCONT
            }
            if let Some(group) = running {
                group.send(Signal::SIGCONT);
            }
        }
    }

    /// Returns what is notified of each signal that ends the run, after the first one. The user is in a hurry.
    pub(crate) fn again(&self) -> Arc<Notify> {
        Arc::clone(&self.again)
    }

    /// Returns the first signal that came and that ends the run, if one did.
    pub(crate) fn first(&self) -> Option<Signal> {
        self.first.get().copied()
    }
}

/// The signals that this process was started to ignore, one bit each, as Linux shows them; none elsewhere.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

const PASSED_ON: [Signal; 5] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP];

/// The signals that a key of the terminal sends: Ctrl-C, Ctrl-\ and Ctrl-Z.
const OF_TERMINALS: [Signal; 3] = [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP];
