//! SQLSTATE, the error codes of SQL databases.

use crate::class::Class;

impl Class {
    /// Returns the class of a SQLSTATE, the five characters that SQL databases, ODBC and JDBC give an error.
    ///
    /// The table lists codes of five characters, and groups of codes by their first two characters. The code decides
    /// before its group.
    ///
    /// | class | codes |
    /// |---|---|
    /// | `Transient` | `40001` serialization failure, `40P01` deadlock, other `40`; `55P03` lock not available, `55006` object in use; `53` resources, such as `53300` too many connections; `57P03` the server is starting up; `25006` read-only, as while a standby takes over; `72000` snapshot too old; `HY001`, `HY014`, `HV001`, `S1001` memory and handles; `70100` query interrupted; `XA102` deadlock; Db2: `57009`, `57011` to `57013`, `57030`, `57050` resources, `57033`, `57053`, `57068` deadlock or timeout, `57046` quiesced |
    /// | `Network` | `08` connection; `57P01`, `57P02`, `57P05` the server ended the connection; `25P03` idle in a transaction; `HV00N` connection of a foreign server |
    /// | `Timeout` | `57014` query cancelled, mostly by a statement timeout; `25P04` transaction timeout; `HYT00`, `HYT01`, `S1T00`; `XA106` |
    /// | `Server` | `58` system error, `XX000` internal error, `HV` foreign data |
    /// | `Client` | `28` authorisation, `42501` privilege; `23` integrity, such as `23505` unique; `42P07`, `42710`, `42S01` and their like, exists already; states of the session (`03`, `09`, `0B`, `24`, `25`, `26`, `2D`, `34`, `3B`, `55`) |
    /// | `Validation` | `22` data, `42` syntax, `21`, `07`, `54`; `P0003` too many rows; `23502` not null, `23514` check, `44` check option |
    /// | `NotFound` | `42P01`, `42S02` table, `42704` object, `3D` database, `3F` schema, `02`, `P0002` no data, `57P04` database dropped |
    /// | `Permanent` | `0A` not supported, `53100` disk full, `53400` configuration limit, `F0`, `XX001`, `XX002` corruption, `HYC00`, `IM` driver |
    /// | `Unknown` | `40003` whether the statement completed is unknown; `P0` raised by a function; `HY` and `S1` general |
    ///
    /// Returns `None` for `00` and `01`, which are success and warnings, and for groups that the table leaves out.
    /// Sources: [PostgreSQL, appendix A], [ODBC, appendix A], [MySQL's server errors], [Db2's SQLSTATE values].
    ///
    /// [PostgreSQL, appendix A]: https://www.postgresql.org/docs/current/errcodes-appendix.html
    /// [ODBC, appendix A]: https://learn.microsoft.com/sql/odbc/reference/appendixes/appendix-a-odbc-error-codes
    /// [Db2's SQLSTATE values]: https://www.ibm.com/docs/en/db2/11.5?topic=messages-sqlstate
    /// [MySQL's server errors]: https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// assert_eq!(Class::of_sqlstate("40001"), Some(Class::Transient));
    /// assert_eq!(Class::of_sqlstate("23505"), Some(Class::Client));
    /// assert_eq!(Class::of_sqlstate("00000"), None);
    /// ```
    pub fn of_sqlstate(code: &str) -> Option<Self> {
        if code.len() != 5 {
            return None;
        }
        let exact = match code {
            "40001" | "40P01" => Self::Transient,
            "40002" => Self::Client,
            "40003" => Self::Unknown,
            "57P01" | "57P02" | "57P05" | "25P03" | "HV00N" => Self::Network,
            "57014" | "25P04" | "HYT00" | "HYT01" | "S1T00" | "XA106" => Self::Timeout,
            "57P03" | "25006" | "55P03" | "55006" | "HY001" | "HY014" | "HV001" | "S1001" | "70100"
            | "XA102" | "57009" | "57011" | "57012" | "57013" | "57030" | "57033" | "57046" | "57050"
            | "57053" | "57068" => Self::Transient,
            "57P04" | "42P01" | "42704" | "42S02" | "42S12" | "P0002" => Self::NotFound,
            "23502" | "23514" | "P0003" => Self::Validation,
            "42501" | "42P03" | "42P04" | "42P05" | "42P06" | "42P07" | "42701" | "42710" | "42712"
            | "42723" | "42S01" | "42S11" | "42S21" => Self::Client,
            "53100" | "53400" | "XX001" | "XX002" | "HYC00" => Self::Permanent,
            _ => return Self::of_sqlstate_class(code.get(..2)?),
        };
        Some(exact)
    }

    fn of_sqlstate_class(class: &str) -> Option<Self> {
        Some(match class {
            "40" | "53" | "72" => Self::Transient,
            "08" => Self::Network,
            "58" | "XX" | "HV" => Self::Server,
            "03" | "09" | "0B" | "0L" | "0P" | "23" | "24" | "25" | "26" | "27" | "28" | "2B" | "2D"
            | "2F" | "34" | "38" | "39" | "3B" | "55" => Self::Client,
            "07" | "0F" | "0Z" | "21" | "22" | "42" | "44" | "54" => Self::Validation,
            "02" | "3D" | "3F" => Self::NotFound,
            "0A" | "F0" | "IM" => Self::Permanent,
            "57" | "P0" | "HY" | "S1" => Self::Unknown,
            _ => return None,
        })
    }
}
