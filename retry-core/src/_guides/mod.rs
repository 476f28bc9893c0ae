//! Guides: choosing a policy, circuit breakers, HTTP, dead letters, configuration, testing, metrics; and the design.
//!
//! These are the pages in the folder `docs` of the repository. Their links lead to items and pages of this documentation.
//!
//! | to | read |
//! |---|---|
//! | choose a backoff, a jitter and limits | [choosing a policy](choosing_a_policy), [best practices](best_practices) |
//! | say which errors are retried and counted | [errors and classes](errors) |
//! | look up a setting | [settings] |
//! | read settings from a file, and reload them while live | [configuration files](configuration) |
//! | write a client that retries | [a client of your own](client), [HTTP and tower](http_and_tower), [gRPC](grpc), [S3](s3) |
//! | retry transactions of PostgreSQL | [PostgreSQL](postgres) |
//! | call Redis | [Redis](redis) |
//! | keep a connection to an MQTT broker | [MQTT](mqtt) |
//! | stop calls to a dependency that is down | [circuit breakers](circuits), [fallbacks] |
//! | poll until a result is ready | [polling] |
//! | retry a database, or a command of a script | [SQLite](sqlite), [shell commands](shell) |
//! | keep what a call that gave up was to deliver | [dead letters](dead_letters) |
//! | record decisions and replay them | [record and replay](recording) |
//! | test code that retries | [testing] |
//! | watch calls, and find out what is wrong | [metrics, logs and alerts](operating), [troubleshooting] |
//! | replace a loop or another library | [migrating] |
//! | understand the reasons for the design | [design] |
//! | see what has changed | [changelog] |
//!
//! # Files in the repository
//!
//! Some links of the guides lead to this list, because these files are only in the repository:
//!
//! - `README.md`: the first page of the repository.
//! - `examples/grpc_client`: retries of gRPC calls with tonic, against real faults.
//! - `examples/http_client`: retries of HTTP requests with reqwest and tower, against real faults.
//! - `examples/monitoring`: Prometheus' alert rules (`rules.yml`) with their tests, a Grafana dashboard, and a program
//!   that they watch.
//! - `examples/mqtt_uplink`: an uplink to an MQTT broker, and the outages that it is tried with.
//! - `examples/postgres_reviews`: a repository over PostgreSQL, and the outages that it is tried with.
//! - `examples/src/bin/redis_cache`: a cache over Redis, and its outages.
//! - `examples/s3_upload`: uploads to S3 with object_store, against real faults.
//! - `examples/service`: a service. Its client has circuits, dead letters and a configuration file.
//! - `examples/sqlite_blocking`: blocking calls to SQLite, which a second process locks.
//!
//! Links to items of `retry-tokio`, `retry-async-std` and `retry-embassy` need the documentation of the whole workspace:
//! `cargo doc --workspace --all-features`. If the documentation has fewer features, an item that needs another one leads to
//! the [list of features](crate#features).

// The package `tests` runs the code of the pages, so that it runs once. If a label has two definitions, Markdown takes the
// first. So the definitions in `links.md`, which lead to items and modules, come before the page's own, which lead to files.
macro_rules! guides {
    ($($name:ident = $page:literal;)*) => {$(
        #[cfg_attr(
            not(all(
                feature = "critical-section", feature = "defmt", feature = "http", feature = "json", feature = "log",
                feature = "metrics", feature = "serde", feature = "std", feature = "tracing",
            )),
            doc = include_str!("absent.md")
        )]
        #[doc = include_str!("links.md")]
        #[doc = include_str!("pictures.md")]
        #[doc = ""]
        #[doc = include_str!(concat!("../../../", $page))]
        pub mod $name {}
    )*};
}

guides! {
    best_practices = "docs/best-practices.md";
    changelog = "CHANGELOG.md";
    choosing_a_policy = "docs/choosing-a-policy.md";
    circuits = "docs/circuits.md";
    client = "docs/client.md";
    configuration = "docs/configuration.md";
    dead_letters = "docs/dead-letters.md";
    design = "DESIGN.md";
    errors = "docs/errors.md";
    fallbacks = "docs/fallbacks.md";
    grpc = "docs/grpc.md";
    http_and_tower = "docs/http-and-tower.md";
    migrating = "docs/migrating.md";
    mqtt = "docs/mqtt.md";
    operating = "docs/operating.md";
    polling = "docs/polling.md";
    postgres = "docs/postgres.md";
    recording = "docs/recording.md";
    redis = "docs/redis.md";
    s3 = "docs/s3.md";
    settings = "docs/settings.md";
    shell = "docs/shell.md";
    sqlite = "docs/sqlite.md";
    testing = "docs/testing.md";
    troubleshooting = "docs/troubleshooting.md";
}
