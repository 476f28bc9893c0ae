//! The processes of one attempt, and the signals that are sent to them.

use core::future::pending;
use core::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::zombies;

/// What gets the signals of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Group {
    /// The command and what it has started, in a process group of their own.
    Whole(Pid),
    /// The command alone, in the process group of this program.
    Foreground(Pid),
}

impl Group {
    /// Returns the group of a command that has just started.
    pub(crate) fn of(child: &Child, foreground: bool) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(child.id()?).ok()?);
        Some(if foreground { Self::Foreground(pid) } else { Self::Whole(pid) })
    }

    /// Sends a signal. If all processes have ended, nothing happens.
    pub(crate) fn send(self, signal: Signal) {
        let _ = match self {
            Self::Whole(group) => killpg(group, signal),
            Self::Foreground(pid) => kill(pid, signal),
        };
    }

    /// Ends the processes: SIGTERM, and SIGKILL if one is still there after `kill_after`, or when `hurry` is notified.
    pub(crate) async fn end(self, mut child: Child, kill_after: Option<Duration>, hurry: &Notify) {
        self.send(Signal::SIGTERM);
        self.send(Signal::SIGCONT); // a stopped process would get the SIGTERM only later
        let ended = async {
            let _ = child.wait().await;
            // The system reports the end of a child, but not of a group, so this asks again and again.
            while !self.has_ended().await {}
        };
        let late = async {
            match kill_after {
                Some(kill_after) => sleep(kill_after).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = ended => return,
            () = late => {}
            () = hurry.notified() => {}
        }
        self.send(Signal::SIGKILL);
        let _ = child.wait().await;
    }

    /// Returns whether all processes have ended, when it is known, or after a while.
    async fn has_ended(self) -> bool {
        let Self::Whole(group) = self else { return true };
        for _ in 0..10 {
            if killpg(group, None) == Err(Errno::ESRCH) {
                return true;
            }
            sleep(Duration::from_millis(10)).await;
        }
        // It takes a look at every process of the system, so it comes last.
        zombies::are_all_of(group)
    }
}
