//! Errors of Redis, Valkey and compatible servers.

use crate::class::Class;

impl Class {
    /// Returns the class of an error of Redis by its first word, which is its code.
    ///
    /// | class | first word |
    /// |---|---|
    /// | `Transient` | `LOADING`, `READONLY`, `MASTERDOWN`, `CLUSTERDOWN`, `TRYAGAIN`, `MOVED`, `ASK`, `BUSY`, `UNKILLABLE`, `NOREPLICAS`, `NOGOODSLAVE`, `NOMASTERLINK`, `NOQUORUM`, `REDIRECT`, `INPROG`, `UNBLOCKED`, `OOM` |
    /// | `Network` | `IOERR`: a migration lost its connection |
    /// | `Server` | `MISCONF`: it cannot persist to disk |
    /// | `Client` | `NOAUTH`, `WRONGPASS`, `NOPERM`, `DENIED`, `BUSYGROUP`, `BUSYKEY`, `NOTBUSY` |
    /// | `NotFound` | `NOSCRIPT`, `NOGROUP` |
    /// | `Validation` | `WRONGTYPE`, `EXECABORT`, `CROSSSLOT` |
    /// | `Permanent` | `NOPROTO`, `INVALIDOBJ` |
    ///
    /// A leading `-`, as on the wire, is skipped. `ERR` is the general code, so the next words decide:
    /// `max number of clients` and a background save in progress are `Transient`; `connection timed out` and
    /// `connection refused` of a proxy are `Timeout` and `Network`; `operation not permitted` and what is about a
    /// password are `Client`; `unknown command`, `wrong number of arguments`, `syntax error`, `value is not`,
    /// `index out of range` and `invalid` are `Validation`; `no such key` is `NotFound`. Other words are `None`, and
    /// case is ignored. Sources: [RESP, simple errors], [cluster specification], [server.c], [Sentinel], [MIGRATE].
    ///
    /// [Sentinel]: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
    /// [MIGRATE]: https://redis.io/docs/latest/commands/migrate/
    /// [RESP, simple errors]: https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
    /// [cluster specification]: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
    /// [server.c]: https://github.com/redis/redis/blob/unstable/src/server.c
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// let loading = "LOADING Redis is loading the dataset in memory";
    /// assert_eq!(Class::of_redis_error(loading), Some(Class::Transient));
    /// assert_eq!(Class::of_redis_error("WRONGTYPE Operation against a key"), Some(Class::Validation));
    /// assert_eq!(Class::of_redis_error("ERR max number of clients reached"), Some(Class::Transient));
    /// ```
    pub fn of_redis_error(error: &str) -> Option<Self> {
        let error = error.strip_prefix('-').unwrap_or(error);
        let (code, rest) = error.split_once(' ').unwrap_or((error, ""));
        if code == "ERR" {
            let is_it =
                |words: &str| rest.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words));
            let row = GENERAL.iter().find(|(words, _)| is_it(words));
            return row.map(|(_, class)| *class);
        }
        named(code.trim_end())
    }
}

/// Phrases after `ERR`, and their classes.
const GENERAL: &[(&str, Class)] = &[
    ("max number of clients", Class::Transient),
    ("background save already in progress", Class::Transient),
    ("background append only file rewriting already in progress", Class::Transient),
    ("connection timed out", Class::Timeout),
    ("connection refused", Class::Network),
    ("operation not permitted", Class::Client),
    ("client sent auth, but no password is set", Class::Client),
    ("auth <password> called without any password", Class::Client),
    ("invalid password", Class::Client),
    ("unknown command", Class::Validation),
    ("unknown subcommand", Class::Validation),
    ("wrong number of arguments", Class::Validation),
    ("syntax error", Class::Validation),
    ("value is not", Class::Validation),
    ("index out of range", Class::Validation),
    ("db index is out of range", Class::Validation),
    ("protocol error", Class::Validation),
    ("invalid", Class::Validation),
    ("no such key", Class::NotFound),
];

/// Returns the class of an error by its code.
pub(in crate::classify) fn named(code: &str) -> Option<Class> {
    Some(match code {
        "LOADING" | "READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "MOVED" | "ASK" | "BUSY"
        | "UNKILLABLE" | "NOREPLICAS" | "NOGOODSLAVE" | "NOMASTERLINK" | "NOQUORUM" | "REDIRECT"
        | "INPROG" | "UNBLOCKED" | "OOM" => Class::Transient,
        "IOERR" => Class::Network,
        "MISCONF" => Class::Server,
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" | "BUSYGROUP" | "BUSYKEY" | "NOTBUSY" => Class::Client,
        "NOSCRIPT" | "NOGROUP" => Class::NotFound,
        "WRONGTYPE" | "EXECABORT" | "CROSSSLOT" => Class::Validation,
        "NOPROTO" | "INVALIDOBJ" => Class::Permanent,
        _ => return None,
    })
}
