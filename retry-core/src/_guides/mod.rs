//! Guides: choosing a policy, circuit breakers, configuration, HTTP, dead letters, operating, testing; and the design.
//!
//! They are the pages in the folder `docs` of the repository, shown here with links into this documentation.
//!
//! | to | read |
//! |---|---|
//! | choose a backoff, a jitter and limits | [choosing a policy](choosing_a_policy), [best practices](best_practices) |
//! | look up a setting | [settings] |
//! | read settings from a file, and reload them while live | [configuration] |
//! | write a client that retries | [a client of your own](client), [HTTP and tower](http_and_tower) |
//! | stop calling a service that is down | [circuit breakers](circuits), [fallbacks] |
//! | keep what was given up | [dead letters](dead_letters) |
//! | record decisions and replay them | [record and replay](recording) |
//! | test code that retries | [testing] |
//! | run it: metrics, alerts, logs | [operating a service](operating), [troubleshooting] |
//! | replace a loop or another library | [migrating] |
//! | see why it is built in this way | [design] |
//! | see what has changed | [changelog] |
//!
//! # Files in the repository
//!
//! Some links of the guides lead here, because only the repository has what they name:
//!
//! - `README.md`: the first page of the repository.
//! - `examples/monitoring`: Prometheus' alert rules (`rules.yml`) with their tests, a Grafana dashboard, and a program
//!   to watch.
//! - `examples/service`: a service. Its client has circuits, dead letters and a configuration file.
//!
//! Links to items of `retry-tokio`, `retry-async-std` and `retry-embassy` work if the documentation of the whole
//! workspace was built: `cargo doc --workspace --all-features --no-deps`. If it was built with fewer features, items that
//! need another one lead to the [list of features](crate#features).

// The code of the pages is run by the package `tests`, so that it runs once. Of two definitions of a link, Markdown takes
// the first. So those here, which lead to items and modules, come before the page's own, which lead to files.
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
    fallbacks = "docs/fallbacks.md";
    http_and_tower = "docs/http-and-tower.md";
    migrating = "docs/migrating.md";
    operating = "docs/operating.md";
    recording = "docs/recording.md";
    settings = "docs/settings.md";
    testing = "docs/testing.md";
    troubleshooting = "docs/troubleshooting.md";
}
