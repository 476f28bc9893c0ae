//! The configuration file, and when to reload it.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use anyhow::{Context, Result, anyhow};
use reqwest::Url;
use retry_core::{CircuitConfig, Policy, TokenBucket, observe::ErrorText};
use serde::Deserialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, interval};

/// The content of the configuration file.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) upstream: Hosts,
    #[serde(default)]
    pub(crate) policy: Policy,
    #[serde(default)]
    pub(crate) circuit: CircuitConfig,
    pub(crate) budget: Budget,
    pub(crate) paths: Paths,
}

/// The upstream host of each operation.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hosts {
    pub(crate) stock: Host,
    pub(crate) orders: Host,
}

/// The URL of a host, `http://HOST` or `http://HOST:PORT`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "String")]
pub(crate) struct Host {
    url: Url,
    name: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Budget {
    capacity: u32,
    retry_cost: u32,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paths {
    pub(crate) letters: PathBuf,
    pub(crate) metrics: PathBuf,
}

impl Config {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    /// Parses the text of a file. An error message is one line: the line number, the line unless the cause names its key,
    /// and the cause. The line is shown without the secrets of URLs.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            let number = text[..error.span().map_or(0, |span| span.start)].matches('\n').count();
            let line = text.lines().nth(number).unwrap_or_default();
            let (number, cause) = (number + 1, error.message());
            match line.split_once(" = ") {
                Some((key, _)) if cause.starts_with(key) => anyhow!("line {number}: {cause}"),
                _ => anyhow!("line {number}: {}: {cause}", ErrorText::new(&line)),
            }
        })
    }
}

impl Budget {
    pub(crate) fn rules(self) -> TokenBucket {
        TokenBucket::DEFAULT.capacity(self.capacity).retry_cost(self.retry_cost)
    }
}

impl Host {
    /// Returns `HOST:PORT`, which is the key of its circuit.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        url.path_segments_mut().expect("an http URL has a path").extend(path);
        url
    }
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let whole = Url::parse(&text).ok().and_then(|url| {
            let name = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
            // Anything else would be lost, or, like a password, sent with every request.
            let is_host = url.scheme() == "http" && url.path() == "/" && url.username().is_empty();
            let is_alone = url.password().is_none() && url.query().is_none() && url.fragment().is_none();
            (is_host && is_alone).then_some(Self { url, name })
        });
        whole.ok_or_else(|| "must be http://HOST or http://HOST:PORT".into())
    }
}

/// Waits until the file must be read again: at SIGHUP, or if its modification time or its length has changed. It checks
/// both once per second.
pub(crate) struct Changes {
    path: PathBuf,
    seen: Option<(SystemTime, u64)>,
    hangup: Signal,
    second: Interval,
}

impl Changes {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let (hangup, second) = (signal(SignalKind::hangup())?, interval(Duration::from_secs(1)));
        Ok(Self { path: path.into(), seen: stamp(path), hangup, second })
    }

    pub(crate) async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => break,
                _ = self.second.tick() => if stamp(&self.path) != self.seen { break },
            }
        }
        self.seen = stamp(&self.path);
    }
}

/// Returns the file's modification time and its length, or `None` if the file does not exist.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests {
    use std::process::{self, Command};

    use tokio::time::timeout;

    use super::*;

    const FILE: &str = include_str!("../service.toml");

    #[test]
    fn an_error_in_the_file_is_one_line_with_the_key() {
        Config::parse(FILE).unwrap();
        let rows = [
            ("max_attempts = 3", "0", "line 19: max_attempts = 0: must be at least 1"),
            ("retry_cost = 5", "-5", "line 10: retry_cost = -5: invalid value: integer `-5`, expected u32"),
            (
                "stock = \"http://127.0.0.1:9701\"",
                "'host'",
                "line 5: stock = 'host': must be http://HOST or http://HOST:PORT",
            ),
            (
                "orders = \"http://127.0.0.1:9702\"",
                "'http://me:s3cret@orders'",
                "line 6: orders = 'http://orders': must be http://HOST or http://HOST:PORT",
            ),
        ];
        for (from, value, line) in rows {
            let (key, _) = from.split_once(" = ").unwrap();
            let to = format!("{key} = {value}");
            let error = Config::parse(&FILE.replace(from, &to)).unwrap_err();
            assert_eq!(error.to_string(), line);
        }
    }

    #[test]
    fn a_host_is_a_name_and_a_port() {
        let host = |url: &str| Host::try_from(url.to_owned());
        for (url, name) in [
            ("http://stock", "stock:80"),
            ("http://stock:80/", "stock:80"),
            ("http://Stock:8080", "stock:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            assert_eq!(host(url).unwrap().name(), name);
        }
        for url in [
            "http://me@stock",
            "http://:s3cret@stock",
            "http://stock/v1",
            "http://stock?token=s3cret",
            "http://stock#a",
            "https://stock",
            "stock",
        ] {
            assert_eq!(host(url).unwrap_err(), "must be http://HOST or http://HOST:PORT", "{url}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sighup_and_another_length_of_the_file_are_changes() {
        let file = std::env::temp_dir().join(format!("service-{}.toml", process::id()));
        fs::write(&file, "a").unwrap();
        let mut changes = Changes::of(&file).unwrap();
        let within = Duration::from_secs(5); // of the paused clock
        timeout(within, changes.next()).await.unwrap_err();

        fs::write(&file, "ab").unwrap();
        timeout(within, changes.next()).await.unwrap();
        timeout(within, changes.next()).await.unwrap_err();

        let pid = process::id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        changes.next().await;
        fs::remove_file(file).unwrap();
    }
}
