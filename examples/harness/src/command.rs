//! Commands that start, stop and signal servers.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::{fs, io};

/// Runs a command to its end.
///
/// # Errors
/// Returns an error if the command fails. It has what the command wrote.
pub fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output();
    ended(command, output.map(|output| (output.status, String::from_utf8_lossy(&output.stderr).into_owned())))
}

/// Runs a command that starts a server. The server would keep a pipe of this program open, so it gets none.
///
/// # Errors
/// Returns an error if the command fails. It has the server's log.
pub fn run_detached(command: &mut Command, log: &Path) -> io::Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ended(command, status.map(|status| (status, fs::read_to_string(log).unwrap_or_default())))
}

/// Sends a signal, such as `STOP`, to processes. `kill` is a part of the shell, so no package is needed.
///
/// # Errors
/// Returns an error if one of them does not run.
pub fn signal(name: &str, processes: &[u32]) -> io::Result<()> {
    let processes: Vec<_> = processes.iter().map(u32::to_string).collect();
    run(Command::new("sh").arg("-c").arg(format!("kill -{name} {}", processes.join(" "))))
}

fn ended(command: &Command, result: io::Result<(ExitStatus, String)>) -> io::Result<()> {
    match result {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((status, said)) => Err(io::Error::other(format!("{command:?}: {status}: {said}"))),
        Err(error) => Err(io::Error::other(format!("{command:?}: {error}"))),
    }
}
