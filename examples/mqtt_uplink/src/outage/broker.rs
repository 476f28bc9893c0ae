//! A mosquitto in a temporary directory, which is killed, paused and started again; or a broker that runs already.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io, process, thread};

use harness::watchdog::Watchdog;
use rumqttc::v5::MqttOptions;

/// Which user a client is.
#[derive(Clone, Copy, Debug)]
pub enum User {
    /// The uplink, which may write to `meters/#`.
    Meter,
    /// The subscriber, which may read everything.
    Collector,
}

/// A broker.
pub struct Broker {
    host: String,
    port: u16,
    /// User and password, if the URL of a broker that runs already has them.
    credentials: Option<(String, String)>,
    own: Option<Mosquitto>,
}

/// A broker of this program's own. Dropping it ends the broker and removes its directory. If a signal ends the program,
/// the watchdog does that.
struct Mosquitto {
    programs: Programs,
    directory: PathBuf,
    watchdog: Watchdog,
    process: Option<Child>,
}

/// Kills the broker, and removes its directory, `$1`.
const CLEAN_UP: &str = r#"[ -z "$server" ] || kill -KILL "$server"; rm -rf "$1""#;

impl Broker {
    /// Uses the broker at `MQTT_URL`, or makes one on a free port of the loopback interface and starts it. Returns
    /// `None` if mosquitto is not installed.
    ///
    /// # Errors
    /// Returns an error if the URL cannot be read, or if the broker does not start.
    pub fn start() -> io::Result<Option<Self>> {
        let Some(mut broker) = Self::stopped()? else { return Ok(None) };
        if broker.is_own() {
            broker.run()?;
        }
        Ok(Some(broker))
    }

    /// The same, but the broker is started by [`run`](Self::run).
    ///
    /// # Errors
    /// Returns an error if the URL cannot be read, or if the broker's files cannot be written.
    pub fn stopped() -> io::Result<Option<Self>> {
        match env::var("MQTT_URL") {
            Ok(url) => Self::at(&url).map(Some),
            Err(_) => Programs::find().map(Self::create).transpose(),
        }
    }

    /// Reads `mqtt://user:password@host:port`.
    fn at(url: &str) -> io::Result<Self> {
        let read = || {
            let rest = url.strip_prefix("mqtt://")?.trim_end_matches('/');
            let (user, address) =
                rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
            let (host, port) = address.rsplit_once(':').unwrap_or((address, "1883"));
            let credentials = match user {
                Some(user) => Some(user.split_once(':').map(|(user, word)| (user.into(), word.into()))?),
                None => None,
            };
            Some(Self { host: host.into(), port: port.parse().ok()?, credentials, own: None })
        };
        let wrong = || io::Error::other("MQTT_URL is not like mqtt://user:password@host:1883");
        read().ok_or_else(wrong)
    }

    fn create(programs: Programs) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let directory = env::temp_dir().join(format!("mqtt-uplink-{}-{port}", process::id()));
        fs::create_dir(&directory)?;
        let watchdog = Watchdog::start(CLEAN_UP, &[&directory])?;
        let mosquitto = Mosquitto { programs, directory, watchdog, process: None };
        mosquitto.configure(port)?;
        for user in [User::Meter, User::Collector] {
            mosquitto.set_password(user, password(user))?;
        }
        Ok(Self { host: "127.0.0.1".into(), port, credentials: None, own: Some(mosquitto) })
    }

    /// Whether this program may kill and pause it.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Where the broker is.
    pub fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The options of a client.
    pub fn options(&self, user: User, id: &str) -> MqttOptions {
        self.options_at(self.address(), user, id)
    }

    /// The options of a client that connects by a proxy.
    pub fn options_by(&self, proxy: SocketAddr, user: User, id: &str) -> MqttOptions {
        self.options_at((&proxy.ip().to_string(), proxy.port()), user, id)
    }

    fn options_at(&self, (host, port): (&str, u16), user: User, id: &str) -> MqttOptions {
        let mut options = MqttOptions::new(id, host, port);
        if let Some((user, word)) = &self.credentials {
            options.set_credentials(user, word);
        } else if self.is_own() {
            options.set_credentials(name(user), password(user));
        }
        options
    }

    /// Starts the broker, and waits until it accepts connections.
    ///
    /// # Errors
    /// Returns an error if it does not start. Its log is then in the error.
    pub fn run(&mut self) -> io::Result<()> {
        let port = self.port;
        self.own()?.run(port)
    }

    /// Kills the broker by SIGKILL.
    ///
    /// # Errors
    /// Returns an error if it does not run.
    pub fn kill(&mut self) -> io::Result<()> {
        let mosquitto = self.own()?;
        let mut process = mosquitto.process.take().ok_or_else(|| io::Error::other("it does not run"))?;
        process.kill()?;
        mosquitto.ended(process)
    }

    /// Pauses the broker by SIGSTOP: connections stay open, and nothing answers.
    ///
    /// # Errors
    /// Returns an error if it does not run.
    pub fn pause(&mut self) -> io::Result<()> {
        self.own()?.signal("STOP")
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// Returns an error if it does not run.
    pub fn go_on(&mut self) -> io::Result<()> {
        self.own()?.signal("CONT")
    }

    /// Stops the broker by SIGTERM, as a service manager does.
    ///
    /// # Errors
    /// Returns an error if it does not run.
    pub fn terminate(&mut self) -> io::Result<()> {
        let mosquitto = self.own()?;
        mosquitto.signal("TERM")?;
        mosquitto.process.take().map_or(Ok(()), |process| mosquitto.ended(process))
    }

    /// Gives a user another password, and starts the broker again.
    ///
    /// # Errors
    /// Returns an error if the password cannot be set, or if the broker does not start.
    pub fn set_password(&mut self, user: User, word: &str) -> io::Result<()> {
        self.own()?.set_password(user, word)?;
        self.terminate()?;
        self.run()
    }

    fn own(&mut self) -> io::Result<&mut Mosquitto> {
        self.own.as_mut().ok_or_else(|| io::Error::other("the broker at MQTT_URL is not this program's own"))
    }
}

impl Mosquitto {
    fn configure(&self, port: u16) -> io::Result<()> {
        let directory = self.directory.display();
        let is_root = fs::metadata(&self.directory)?.uid() == 0;
        let user = if is_root { "user root\n" } else { "" }; // so that it can read its own directory
        fs::write(
            self.directory.join("mosquitto.conf"),
            format!(
                "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {directory}/passwords\n\
                 acl_file {directory}/acl\npersistence false\nlog_dest stderr\n{user}"
            ),
        )?;
        fs::write(
            self.directory.join("acl"),
            "user meter\ntopic write meters/#\nuser collector\ntopic read #\n",
        )?;
        fs::write(self.directory.join("passwords"), "")
    }

    fn set_password(&self, user: User, word: &str) -> io::Result<()> {
        let mut command = Command::new(&self.programs.passwords);
        let status =
            command.arg("-b").arg(self.directory.join("passwords")).args([name(user), word]).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("mosquitto_passwd: {status}"))) }
    }

    fn run(&mut self, port: u16) -> io::Result<()> {
        let log = self.directory.join("log");
        let mut command = Command::new(&self.programs.broker);
        command.arg("-c").arg(self.directory.join("mosquitto.conf"));
        let output = fs::File::create(&log)?;
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output).spawn()?;
        let process = self.process.insert(process);
        self.watchdog.server(Some(process.id()))?;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = process.try_wait()? {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(io::Error::other(format!("mosquitto: {status}: {said}")));
            }
            #[expect(clippy::disallowed_methods, reason = "another process starts in real time")]
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Waits for the end of the process, and says it to the watchdog.
    fn ended(&mut self, mut process: Child) -> io::Result<()> {
        process.wait()?;
        self.watchdog.server(None)
    }

    /// `kill` is a part of the shell, so no other package is needed.
    fn signal(&self, name: &str) -> io::Result<()> {
        let process = self.process.as_ref().ok_or_else(|| io::Error::other("it does not run"))?;
        let kill = format!("kill -{name} {}", process.id());
        let status = Command::new("sh").args(["-c", &kill]).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("{kill}: {status}"))) }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn name(user: User) -> &'static str {
    match user {
        User::Meter => "meter",
        User::Collector => "collector",
    }
}

/// The password that a user has at the beginning.
pub fn password(user: User) -> &'static str {
    match user {
        User::Meter => "meter-secret",
        User::Collector => "collector-secret",
    }
}

/// mosquitto's programs, from `MOSQUITTO_PROGRAMS`, or from the path and the system's directories.
struct Programs {
    broker: PathBuf,
    passwords: PathBuf,
}

impl Programs {
    fn find() -> Option<Self> {
        let mut directories: Vec<PathBuf> = Vec::new();
        if let Some(only) = env::var_os("MOSQUITTO_PROGRAMS") {
            directories.push(only.into());
        } else {
            directories.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
            directories.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
        }
        let find =
            |name| directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file());
        Some(Self { broker: find("mosquitto")?, passwords: find("mosquitto_passwd")? })
    }
}
