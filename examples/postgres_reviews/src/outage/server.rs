//! A PostgreSQL server in a temporary directory, which is restarted, stopped and paused by real means.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{env, fs, io};

use harness::command::{run, run_detached, signal};
use harness::watchdog::Watchdog;
use tokio_postgres::{Client, Config, NoTls};

/// The role of the repository. It is not a superuser, because the server keeps some connections for superusers.
pub const ROLE: &str = "reviews";

/// The number of connections that the server has for [`ROLE`].
pub const CONNECTIONS: usize = 20;

const SUPERUSER: &str = "postgres";

/// A running server. Dropping it stops the server and removes its directory. If a signal ends the program, the watchdog
/// does that.
pub struct Server {
    binaries: PathBuf,
    directory: PathBuf,
    port: u16,
    is_root: bool,
    watchdog: Option<Watchdog>,
}

/// Ends a pause, stops the server by the other arguments, and removes its directory, `$1`.
const CLEAN_UP: &str = r#"
directory=$1; shift; cd "$directory"
postmaster=$(head -n 1 data/postmaster.pid) && kill -CONT "$postmaster" $(pgrep -P "$postmaster")
"$@"; rm -rf "$directory"
"#;

impl Server {
    /// Starts a server on a free port of the loopback interface. Returns `None` if PostgreSQL is not installed.
    ///
    /// # Errors
    /// Returns an error if the server does not start.
    pub async fn start() -> io::Result<Option<Self>> {
        let Some(binaries) = binaries() else { return Ok(None) };
        let server = tokio::task::spawn_blocking(move || Self::create(binaries)).await??;
        let sql = format!("CREATE ROLE {ROLE} LOGIN; GRANT ALL ON SCHEMA public TO {ROLE};");
        let superuser = connect(&server.config(SUPERUSER)).await.map_err(io::Error::other)?;
        superuser.batch_execute(&sql).await.map_err(io::Error::other)?;
        let owner = connect(&server.database()).await.map_err(io::Error::other)?;
        owner.batch_execute(include_str!("../../schema.sql")).await.map_err(io::Error::other)?;
        Ok(Some(server))
    }

    fn create(binaries: PathBuf) -> io::Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let directory = env::temp_dir().join(format!("postgres-reviews-{}-{port}", process::id()));
        fs::create_dir(&directory)?;
        let is_root = fs::metadata(&directory)?.uid() == 0;
        let mut server = Self { binaries, directory, port, is_root, watchdog: None };
        let stop = server.stop_at_once();
        let clean_up: Vec<_> =
            [server.directory.as_os_str(), stop.get_program()].into_iter().chain(stop.get_args()).collect();
        server.watchdog = Some(Watchdog::start(CLEAN_UP, &clean_up)?);
        if is_root {
            run(Command::new("chown").arg(SUPERUSER).arg(&server.directory))?;
        }
        let data = server.data();
        run(server.tool("initdb").arg("-D").arg(data).args([
            "-A",
            "trust",
            "-U",
            SUPERUSER,
            "--locale=C",
            "--encoding=UTF8",
            "--no-sync",
        ]))?;
        server.start_again()?;
        Ok(server)
    }

    /// Where the repository connects to.
    pub fn database(&self) -> Config {
        self.config(ROLE)
    }

    /// The same server by its unix socket.
    pub fn by_socket(&self) -> Config {
        let mut config = Config::new();
        config.host_path(&self.directory).port(self.port).user(ROLE).dbname(SUPERUSER);
        config
    }

    /// The server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Opens a session of a superuser, which has a connection even if the server is full.
    ///
    /// # Errors
    /// Returns an error if the server cannot be reached.
    pub async fn superuser(&self) -> Result<Client, tokio_postgres::Error> {
        connect(&self.config(SUPERUSER)).await
    }

    /// Restarts the server while it is used. It ends all sessions at once, with SQLSTATE 57P01.
    ///
    /// # Errors
    /// Returns an error if the server does not start again.
    pub fn restart(&self) -> io::Result<()> {
        self.detached(&["-m", "fast", "restart"])
    }

    /// Stops the server. It ends all sessions at once, with SQLSTATE 57P01.
    ///
    /// # Errors
    /// Returns an error if it does not stop.
    pub fn stop(&self) -> io::Result<()> {
        run(self.tool("pg_ctl").arg("-D").arg(self.data()).args(["-w", "-m", "fast", "stop"]))
    }

    /// Starts the server, which was stopped.
    ///
    /// # Errors
    /// Returns an error if it does not start. The server's log is then in the error.
    pub fn start_again(&self) -> io::Result<()> {
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c max_connections={} -c superuser_reserved_connections=3 \
             -c deadlock_timeout=100ms -c fsync=off",
            self.port,
            self.directory.display(),
            CONNECTIONS + 3,
        );
        self.detached(&["start", "-o", &options])
    }

    fn detached(&self, arguments: &[&str]) -> io::Result<()> {
        let (data, log) = (self.data(), self.directory.join("log"));
        run_detached(
            self.tool("pg_ctl").arg("-D").arg(data).arg("-l").arg(&log).arg("-w").args(arguments),
            &log,
        )
    }

    /// Pauses all processes of the server by SIGSTOP. Connections stay open, and nothing answers.
    ///
    /// # Errors
    /// Returns an error if its processes are not found.
    pub fn pause(&self) -> io::Result<Paused> {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid"))?;
        let postmaster = pid_file.lines().next().unwrap_or_default();
        let mut processes: Vec<u32> = postmaster.parse().into_iter().collect();
        signal("STOP", &processes)?; // first, so that it starts no others
        let children = Command::new("pgrep").args(["-P", postmaster]).output()?;
        processes
            .extend(String::from_utf8_lossy(&children.stdout).split_whitespace().flat_map(str::parse::<u32>));
        signal("STOP", &processes)?;
        Ok(Paused { processes })
    }

    /// A command that stops the server as a crash would, which takes no time.
    fn stop_at_once(&self) -> Command {
        let mut stop = self.tool("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-w", "-m", "immediate", "stop"]);
        stop
    }

    fn config(&self, user: &str) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user(user).dbname(SUPERUSER);
        config
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// A command of PostgreSQL's, as a user that it accepts: the server refuses to run as root.
    fn tool(&self, name: &str) -> Command {
        let program = self.binaries.join(name);
        let mut command = if self.is_root {
            let mut command = Command::new("runuser");
            command.args(["-u", SUPERUSER, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.directory);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = run(&mut self.stop_at_once());
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A server that is paused until this is dropped.
pub struct Paused {
    processes: Vec<u32>,
}

impl Drop for Paused {
    fn drop(&mut self) {
        let _ = signal("CONT", &self.processes);
    }
}

/// Opens a session, and runs its connection on the runtime.
///
/// # Errors
/// Returns an error if the server cannot be reached, or refuses the session.
pub async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection); // its end is seen by the client
    Ok(client)
}

/// The directory of PostgreSQL's programs: from `POSTGRES_PROGRAMS`, from the path, or of the newest Debian package.
fn binaries() -> Option<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    if let Some(only) = env::var_os("POSTGRES_PROGRAMS") {
        directories.push(only.into());
    } else {
        directories.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        let packages = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut packages: Vec<_> = packages.map(|version| version.path().join("bin")).collect();
        packages.sort();
        directories.extend(packages.into_iter().rev());
    }
    directories.into_iter().find(|directory| has(directory, "initdb") && has(directory, "pg_ctl"))
}

fn has(directory: &Path, program: &str) -> bool {
    directory.join(program).is_file()
}
