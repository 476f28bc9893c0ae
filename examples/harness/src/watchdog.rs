//! Ends a server with this program, also if a signal ends the program.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A shell that waits until this program has ended, and then cleans up. Destructors do that only if the program ends by
/// itself, and not after Ctrl-C or a `kill`.
///
/// Dropping it ends the shell without cleaning up, so drop it after that is done.
#[derive(Debug)]
pub struct Watchdog(Child);

impl Watchdog {
    /// Starts a shell that runs a script after this program has ended. In the script, `$1` and so on are these arguments,
    /// and `$server` is the [`server`](Self::server).
    ///
    /// # Errors
    /// Returns an error if no shell can be started.
    pub fn start(script: &str, arguments: &[impl AsRef<OsStr>]) -> io::Result<Self> {
        // The pipe to the shell closes when this program ends, whatever ends it.
        let script = format!("while read -r line; do server=$line; done; {script}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0); // Ctrl-C would end the shell, too
        command.spawn().map(Self)
    }

    /// Says which process the server is, or that it does not run.
    ///
    /// # Errors
    /// Returns an error if the shell has ended.
    pub fn server(&mut self, process: Option<u32>) -> io::Result<()> {
        let process = process.map(|process| process.to_string()).unwrap_or_default();
        writeln!(self.0.stdin.as_ref().expect("it is piped"), "{process}")
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait()); // an error here cannot be reported
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    const SCRIPT: &str = r#"kill -KILL "$server"; rm -r "$1""#;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("watchdog-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    fn sleep() -> Child {
        Command::new("sleep").arg("30").spawn().unwrap()
    }

    #[test]
    fn the_end_of_the_program_ends_the_last_server_and_removes_its_folder() {
        let folder = folder("end");
        let mut watchdog = Watchdog::start(SCRIPT, &[&folder]).unwrap();
        let [mut earlier, mut last] = [sleep(), sleep()];
        watchdog.server(Some(earlier.id())).unwrap();
        watchdog.server(None).unwrap();
        watchdog.server(Some(last.id())).unwrap();
        watchdog.0.stdin = None; // as when this program ends
        assert!(watchdog.0.wait().unwrap().success());
        assert!(!folder.exists() && earlier.try_wait().unwrap().is_none());
        earlier.kill().unwrap();
        assert_eq!(last.wait().unwrap().signal(), Some(9));
        earlier.wait().unwrap();
    }

    #[test]
    fn dropping_it_leaves_all_as_it_is() {
        let folder = folder("drop");
        let mut server = sleep();
        let mut watchdog = Watchdog::start(SCRIPT, &[&folder]).unwrap();
        watchdog.server(Some(server.id())).unwrap();
        drop(watchdog);
        assert!(folder.exists() && server.try_wait().unwrap().is_none());
        server.kill().unwrap();
        server.wait().unwrap();
        fs::remove_dir(&folder).unwrap();
    }
}
