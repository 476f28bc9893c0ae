//! One attempt: starts the command, waits for it, and ends it if a time limit cuts the attempt.

use core::cell::Cell;
use core::future::pending;
use core::time::Duration;
use std::ffi::OsString;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

use tokio::process::{Child, Command};
use tokio::sync::{Mutex, Notify};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::group::Group;
use crate::input::Input;
use crate::signals::Signals;
use crate::status::Failed;

/// Runs the command, once per attempt.
pub(crate) struct Runner {
    command: Vec<OsString>,
    foreground: bool,
    /// How long the command may take.
    limit: Option<Duration>,
    kill_after: Option<Duration>,
    /// Notified if a command that is being ended gets no more time.
    hurry: Arc<Notify>,
    input: Input,
    running: Cell<Option<Group>>,
    /// Locked while a command whose attempt was cut is being ended.
    cut_off: Arc<Mutex<()>>,
}

impl Runner {
    pub(crate) fn new(
        command: Vec<OsString>,
        foreground: bool,
        limit: Option<Duration>,
        kill_after: Option<Duration>,
        hurry: Arc<Notify>,
        input: Input,
    ) -> Self {
        Self {
            command,
            foreground,
            limit,
            kill_after,
            hurry,
            input,
            running: Cell::new(None),
            cut_off: Arc::default(),
        }
    }

    /// Runs the command to its end. If it takes too long, or if this future is dropped, the command and its process group
    /// are ended.
    pub(crate) async fn attempt(&self, number: u32, signals: &Signals) -> Result<(), Failed> {
        let not_started = |error| Failed::NotStarted(self.command[0].display().to_string(), error);
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).env("RETRY_ATTEMPT", number.to_string());
        command.stdin(self.input.stdio().map_err(Failed::Input)?);
        if !self.foreground {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(not_started)?;
        let stdin = child.stdin.take();
        let mut running = Running::new(self, child);

        let fed = async {
            self.input.feed(stdin).await?;
            pending::<io::Result<()>>().await
        };
        let limit = async {
            match self.limit {
                Some(limit) => {
                    sleep(limit).await;
                    limit
                }
                None => pending().await,
            }
        };
        let status = tokio::select! {
            biased; // a command that has ended is in time
            status = running.wait() => status.map_err(not_started)?,
            Err(error) = fed => return Err(Failed::Input(error)),
            limit = limit => {
                let stopped = signals.first().is_some();
                drop(running);
                // The end of the command is a part of this attempt, and takes nothing from the limit of the next one.
                self.wait_for_cut_off_command().await;
                return Err(Failed::TimedOut { limit, stopped });
            }
        };
        // A signal that came before the end counts, even if both are seen at once.
        yield_now().await;
        match (status.success(), signals.first()) {
            (true, _) => Ok(()),
            (false, None) => Err(Failed::Ended(status)),
            (false, Some(_)) => Err(Failed::Stopped(status)),
        }
    }

    /// Waits until the command of an attempt that was cut has ended, with everything that it has started.
    pub(crate) async fn wait_for_cut_off_command(&self) {
        drop(self.cut_off.lock().await);
    }

    /// The processes of the attempt under way.
    pub(crate) fn running(&self) -> Option<Group> {
        self.running.get()
    }
}

/// A command that runs.
struct Running<'r> {
    runner: &'r Runner,
    /// `None` when the command has ended.
    child: Option<Child>,
}

impl<'r> Running<'r> {
    fn new(runner: &'r Runner, child: Child) -> Self {
        runner.running.set(Group::of(&child, runner.foreground));
        Self { runner, child: Some(child) }
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let child = self.child.as_mut().expect("it is waited for once");
        let status = child.wait().await?;
        self.child = None;
        Ok(status)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let group = self.runner.running.take();
        if let (Some(child), Some(group)) = (self.child.take(), group) {
            let (kill_after, hurry) = (self.runner.kill_after, Arc::clone(&self.runner.hurry));
            let cut_off = Arc::clone(&self.runner.cut_off).try_lock_owned();
            tokio::spawn(async move {
                group.end(child, kill_after, &hurry).await;
                drop(cut_off);
            });
        }
    }
}
